"""What a precision may cost before its artifact fails, and how users change that."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from mnist_deploy.artifacts import Precision
from mnist_deploy.parity.agreement import Agreement
from mnist_deploy.parity.statistics import paired_change

BFLOAT16 = "bfloat16"


@dataclass(frozen=True)
class Gate:
    """Limits on what an artifact may differ by from Keras over the same images; None asks for nothing.

    Attributes:
        accuracy_kept: the share of the reference's accuracy that it must be shown to keep: not by the point, but by
            the one-sided 95 % bound of the paired change.
        top1_agreement: the least share of images with the same answer.
        max_abs_error: the largest difference of any one score.
        batch_changes: the largest share of images that get another answer one a call than 256 a call.
        reason: why this much.
    """

    accuracy_kept: float | None
    top1_agreement: float | None
    max_abs_error: float | None
    batch_changes: float | None
    reason: str


LIMITS = tuple(field.name for field in fields(Gate) if field.name != "reason")

GATES: dict[str, Gate] = {
    Precision.FLOAT32: Gate(None, 0.9999, 1e-4, 0.0, "the same arithmetic with additions in another order"),
    Precision.FLOAT16: Gate(None, 0.999, 1e-2, 0.0, "weights are rounded to 11 bits, which moves a score by little"),
    BFLOAT16: Gate(0.999, 0.995, None, 0.01, "arithmetic with 8 bits, as a runtime may choose for float32 models"),
    Precision.DYNAMIC: Gate(
        0.999, 0.995, None, 0.01, "8 bits move a score near a tie far, and ONNX takes the range over the whole batch"
    ),
    Precision.INT8: Gate(0.999, 0.99, None, 0.0, "as dynamic, with fixed ranges and coarse outputs"),
}


def applied(precision: Precision, arithmetic: str | None) -> str:
    """Return the name of the gate for an artifact of `precision` that was computed in `arithmetic`, if that is known.

    A float model that a runtime computes in fewer bits is held to what these bits can give.
    """
    lower = {Precision.FLOAT16: (Precision.FLOAT32,), BFLOAT16: (Precision.FLOAT32, Precision.FLOAT16)}
    return arithmetic if arithmetic is not None and precision in lower.get(arithmetic, ()) else precision


def changed(gates: Mapping[str, Gate], changes: Mapping[tuple[str, str], float | None]) -> dict[str, Gate]:
    """Return `gates` with the limits that `changes` names, as (gate, limit): value."""
    made = dict(gates)
    for (name, limit), value in changes.items():
        made[name] = replace(made[name], **{limit: value})  # type: ignore[arg-type]
    return made


def failures(found: Agreement, gate: Gate) -> list[str]:
    """Return which limits do not hold, in words; none means that the artifact passes."""
    words = []
    if found.max_abs_error is None:
        words.append("a score is not a finite number")
    elif gate.max_abs_error is not None and found.max_abs_error > gate.max_abs_error:
        words.append(f"max abs error {found.max_abs_error:.2g} > {gate.max_abs_error:g}")
    if gate.top1_agreement is not None and found.top1_agreement < gate.top1_agreement:
        words.append(f"top-1 agreement {found.top1_agreement:.4f} < {gate.top1_agreement:g}")
    if gate.accuracy_kept is not None:
        words += _kept(found, gate.accuracy_kept)
    if gate.batch_changes is not None and found.single_changes > gate.batch_changes * found.single_images:
        words.append(f"{found.single_changes} of {found.single_images} images get another answer one a call")
    return words


def _kept(found: Agreement, least: float) -> list[str]:
    before, low = found.reference_accuracy, found.accuracy_kept_low
    if low is None:
        return ["the reference has no image right, so no share of its accuracy can be kept"]
    if low >= least:
        return []
    if found.accuracy < least * before:
        return [f"keeps {found.accuracy / before:.3%} of the accuracy < {least:.3%}"]
    best = (before + paired_change(0, 0, found.images)[0]) / before
    short = f"; {found.images:,} images are too few to show it" if best < least else ""
    return [f"shown to keep {low:.3%} of the accuracy, not {least:.3%}{short}"]
