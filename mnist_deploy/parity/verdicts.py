"""Whether an artifact passes its gate, and what a user should know of one that does."""

from mnist_deploy.parity.agreement import Agreement
from mnist_deploy.parity.gates import Gate
from mnist_deploy.parity.statistics import paired_change

# A fall in accuracy counts as certain below this two-sided p of McNemar's exact test. A lossless artifact then gets a
# warning in at most one row of 200, since half of the 1 % lies on the side of a gain.
WARNING_P = 0.01


def failures(agreement: Agreement, gate: Gate) -> list[str]:
    """Return which limits do not hold, in words; none means that the artifact passes."""
    reasons = []
    if agreement.max_abs_error is None:
        reasons.append("a score is not a finite number")
    elif gate.max_abs_error is not None and agreement.max_abs_error > gate.max_abs_error:
        reasons.append(f"max abs error {agreement.max_abs_error:.2g} > {gate.max_abs_error:g}")
    if gate.top1_agreement is not None and agreement.top1_agreement < gate.top1_agreement:
        reasons.append(f"top-1 agreement {agreement.top1_agreement:.4f} < {gate.top1_agreement:g}")
    if gate.accuracy_kept is not None:
        reasons += _accuracy_failures(agreement, gate.accuracy_kept)
    if gate.batch_changes is not None and agreement.single_changes > gate.batch_changes * agreement.single_images:
        reasons.append(f"{agreement.single_changes} of {agreement.single_images} images get another answer one a call")
    return reasons


def warnings(agreement: Agreement) -> list[str]:
    """Return what is certainly worse than Keras though it may be within the limits, in words; usually none.

    That is a fall in accuracy with a p of McNemar's exact test below `WARNING_P`. It holds for every gate: a float
    artifact has no limit on accuracy, but should not lose any.
    """
    lost_points = -100 * agreement.accuracy_change
    if lost_points <= 0 or agreement.mcnemar_p >= WARNING_P:
        return []
    return [f"accuracy fell by {lost_points:.2f} points, not by chance (McNemar's exact p {agreement.mcnemar_p:.2g})"]


def _accuracy_failures(agreement: Agreement, required: float) -> list[str]:
    reference, bound = agreement.reference_accuracy, agreement.accuracy_kept_low
    if bound is None:
        return ["the reference has no image right, so no share of its accuracy can be kept"]
    if bound >= required:
        return []
    # What these images show at best: that nothing changed at all.
    best = (reference + paired_change(0, 0, agreement.images)[0]) / reference
    too_few = f"; {agreement.images:,} images are too few to show it" if best < required else ""
    return [
        f"keeps {_percent(agreement.accuracy / reference)} of the accuracy by point estimate, {_percent(bound)} by the "
        f"one-sided 95 % bound; the gate asks for {_percent(required)}{too_few}"
    ]


def _percent(share: float) -> str:
    # Three decimals: an image of 10,000 is 0.01 %, and a bound must not seem to be on the limit that it misses.
    return f"{100 * share:.3f} %"
