"""Does an artifact still give the same answers? Recorded scores of a runtime against the recorded Keras scores."""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from mnist_deploy.artifacts import Precision
from mnist_deploy.dataset import FloatArray, UInt8Array


@dataclass(frozen=True)
class Limits:
    """What a precision may cost, against the Keras scores of the same images; `reason` says why this much."""

    max_abs_error: float | None
    min_top1_agreement: float
    max_accuracy_loss: float
    reason: str


# The extremes that the reasons name were seen over 24 trained models (the six networks, four trainings each), in every
# runtime, on an x86-64 CPU with AVX-512; the limits leave room for other CPUs and seeds.
LIMITS: dict[Precision, Limits] = {
    Precision.FLOAT32: Limits(
        1e-4,
        0.9999,
        0.0001,
        "the same arithmetic with additions in another order: 3e-6 was seen; bf16 in its place would give 1e-2",
    ),
    Precision.FLOAT16: Limits(
        1e-2,
        0.999,
        0.001,
        "weights are rounded to 11 bits, which moves a score by little: 2e-3 and an agreement of 0.9999 were seen",
    ),
    Precision.DYNAMIC: Limits(
        None,
        0.995,
        0.003,
        "8 bits move a score near a tie far (0.08 was seen), so answers are judged: 0.9982 agreed, 0.0005 was lost",
    ),
    Precision.INT8: Limits(
        None,
        0.99,
        0.005,
        "as dynamic, with ranges fixed by the calibration set and coarse outputs: 0.9960 agreed, 0.0013 was lost",
    ),
}


class ParityRow(BaseModel):
    """One artifact in one runtime, over all test images.

    Attributes:
        accuracy: share of right answers.
        accuracy_change: accuracy less that of the Keras scores; negative is worse.
        top1_agreement: share of images with the same answer as Keras.
        max_abs_error: largest absolute difference of any one score from Keras's.
        passed: whether every limit of the precision holds; `failures` names those that do not.
    """

    architecture: str
    format: str
    precision: str
    runtime: str
    device: str
    images: int
    accuracy: float
    accuracy_change: float
    top1_agreement: float
    max_abs_error: float
    passed: bool
    failures: list[str]


@dataclass(frozen=True)
class Agreement:
    """The four figures of a comparison; see `ParityRow`."""

    accuracy: float
    accuracy_change: float
    top1_agreement: float
    max_abs_error: float


def compare(scores: FloatArray, reference: FloatArray, labels: UInt8Array) -> Agreement:
    """Compare scores with reference scores, both float32 (N, 10), for images with `labels`, (N,).

    Raises:
        ValueError: the shapes differ.
    """
    if scores.shape != reference.shape or len(labels) != len(scores):
        raise ValueError(f"cannot compare scores {scores.shape} with {reference.shape} for {len(labels)} labels")
    answers, expected = scores.argmax(axis=1), reference.argmax(axis=1)
    right, right_before = int(np.sum(answers == labels)), int(np.sum(expected == labels))
    return Agreement(
        accuracy=right / len(labels),
        accuracy_change=(right - right_before) / len(labels),
        top1_agreement=float(np.mean(answers == expected)),
        # A score that is no number is as far off as can be; max() alone might pass over it.
        max_abs_error=float(np.max(np.abs(scores - reference))) if np.isfinite(scores).all() else float("inf"),
    )


def failures(agreement: Agreement, limits: Limits) -> list[str]:
    """Return which limits do not hold, in words; none means that the artifact passes."""
    found = []
    if limits.max_abs_error is not None and not agreement.max_abs_error <= limits.max_abs_error:
        found.append(f"max abs error {agreement.max_abs_error:.2g} > {limits.max_abs_error:g}")
    elif not np.isfinite(agreement.max_abs_error):
        found.append("a score is not a finite number")
    if agreement.top1_agreement < limits.min_top1_agreement:
        found.append(f"top-1 agreement {agreement.top1_agreement:.4f} < {limits.min_top1_agreement:g}")
    if -agreement.accuracy_change > limits.max_accuracy_loss:
        found.append(f"accuracy change {agreement.accuracy_change:+.4f} < -{limits.max_accuracy_loss:g}")
    return found
