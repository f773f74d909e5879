"""What parts the scores of an artifact from the Keras scores of the same images, as paired statistics."""

import numpy as np
from pydantic import BaseModel

from mnist_deploy.dataset import FloatArray, UInt8Array
from mnist_deploy.kinds import Variant
from mnist_deploy.parity import statistics
from mnist_deploy.runtimes import Proof


class Flip(BaseModel):
    """A test image that an artifact answers otherwise than Keras: its index, its label, and both answers."""

    image: int
    label: int
    reference: int
    answer: int


class Agreement(BaseModel):
    """How two models answer the same images: the artifact, and Keras as the reference.

    Attributes:
        images: how many.
        accuracy: share of right answers, with its 95 % Wilson interval.
        reference_accuracy: that of the Keras scores.
        accuracy_change: accuracy less the reference's; negative is worse. With its paired 90 % interval (Bonett and
            Price), whose lower end is the one-sided 95 % bound that a gate asks for; None without images enough.
        accuracy_kept_low: the share of the reference's accuracy that is kept at least, by that lower end.
        mcnemar_p: exact two-sided p of McNemar's test that the change is chance.
        top1_agreement: share of images with the same answer as Keras.
        flips: the images with another answer than Keras's.
        max_abs_error, mean_abs_error: of single scores, against Keras's; None if a score is not a finite number.
        mean_kl: mean Kullback-Leibler divergence of the artifact's scores from Keras's, in nats; None likewise.
        single_images: how many images were scored one a call too; 0 if that was not asked for.
        single_changes: how many of them got another answer than in a large batch.
    """

    images: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    reference_accuracy: float
    accuracy_change: float
    accuracy_change_low: float
    accuracy_change_high: float
    accuracy_kept_low: float | None
    mcnemar_p: float
    top1_agreement: float
    flips: list[Flip]
    max_abs_error: float | None
    mean_abs_error: float | None
    mean_kl: float | None
    single_images: int = 0
    single_changes: int = 0

    @property
    def lost(self) -> list[Flip]:
        """Those that Keras had right and the artifact has wrong."""
        return [flip for flip in self.flips if flip.reference == flip.label]

    @property
    def gained(self) -> list[Flip]:
        """Those that Keras had wrong and the artifact has right."""
        return [flip for flip in self.flips if flip.answer == flip.label]

    @property
    def altered(self) -> list[Flip]:
        """Those that both have wrong, but differently."""
        return [flip for flip in self.flips if flip.label not in (flip.reference, flip.answer)]


class ParityRow(Agreement):
    """One artifact in one runtime, over all test images.

    Attributes:
        model_sha256: of the Keras model that the artifact was made of.
        artifact_sha256: of the artifact itself.
        proof: what really ran it.
        gate: the name of the gate that it was held to: its precision, or what the runtime computed in if that is less.
        passed: whether every limit of the gate holds; `failures` names those that do not.
        warnings: what is certainly worse than Keras though the gate may allow it; see `verdicts.warnings`. They change
            no exit code. Empty in results of before warnings were known.
    """

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    runtime: str
    device: str
    model_sha256: str
    artifact_sha256: str
    proof: Proof
    gate: str
    passed: bool
    failures: list[str]
    warnings: list[str] = []

    @property
    def verdict(self) -> str:
        """`FAIL` if a limit is broken, `warn` if none is but there are warnings, else `ok`."""
        if not self.passed:
            return "FAIL"
        return "warn" if self.warnings else "ok"


def compare(
    scores: FloatArray, reference: FloatArray, labels: UInt8Array, singles: FloatArray | None = None
) -> Agreement:
    """Compare scores with reference scores.

    Args:
        scores: the artifact's, float32 (N, 10).
        reference: those of Keras, float32 (N, 10).
        labels: the right answers, (N,).
        singles: the artifact's scores of the first M images, computed one a call, float32 (M, 10).

    Raises:
        ValueError: the shapes differ.
    """
    if scores.shape != reference.shape or len(labels) != len(scores):
        raise ValueError(f"cannot compare scores {scores.shape} with {reference.shape} for {len(labels)} labels")
    answers, expected, images = scores.argmax(axis=1), reference.argmax(axis=1), len(labels)
    right, right_before = answers == labels, expected == labels
    lost, gained = int(np.sum(right_before & ~right)), int(np.sum(right & ~right_before))
    flips = [
        Flip(image=image, label=labels[image].item(), reference=expected[image].item(), answer=answers[image].item())
        for image in np.flatnonzero(answers != expected).tolist()
    ]
    low, high = statistics.wilson(int(right.sum()), images)
    change_low, change_high = statistics.paired_change(lost, gained, images)
    before = float(right_before.mean())
    finite = bool(np.isfinite(scores).all())
    apart = np.abs(scores - reference) if finite else None
    alone = np.empty(0, np.int64) if singles is None else singles.argmax(axis=1)
    return Agreement(
        images=images,
        accuracy=float(right.mean()),
        accuracy_low=low,
        accuracy_high=high,
        reference_accuracy=before,
        accuracy_change=(gained - lost) / images,
        accuracy_change_low=change_low,
        accuracy_change_high=change_high,
        accuracy_kept_low=(before + change_low) / before if before else None,
        mcnemar_p=statistics.mcnemar(lost, gained),
        top1_agreement=float(np.mean(answers == expected)),
        flips=flips,
        max_abs_error=None if apart is None else float(apart.max()),
        mean_abs_error=None if apart is None else float(apart.mean(dtype=np.float64)),
        mean_kl=statistics.mean_kl(reference, scores) if finite else None,
        single_images=len(alone),
        single_changes=int(np.sum(alone != answers[: len(alone)])),
    )
