"""How often the gates are right: the power that `parity.gates` and the README state, by exact enumeration.

A case is an artifact over 10,000 images with so many answers lost and gained on average. Each image that Keras has
right is lost with one probability and each that it has wrong is gained with another, independently. So both counts are
binomial, and the share of artifacts that fail is a sum over all pairs of counts, each judged by the real code.
"""

from collections.abc import Callable
from functools import cache

import pytest
from scipy import stats

from mnist_deploy.artifacts import Precision
from mnist_deploy.parity import GATES, STRICT, Agreement, Gate, failures, warnings
from mnist_deploy.parity.gates import BFLOAT16
from mnist_deploy.parity.statistics import mcnemar, paired_change
from tests.parity.test_gates import agreement

IMAGES = 10_000
# References with 500 and 100 of 10,000 images wrong: accuracies of 0.95 and 0.99.
WRONG = (500, 100)
# Left out: the ends of each count, and pairs of counts that are rarer. Neither bound of a probability relies on them.
TAIL, RAREST = 1e-8, 1e-12
LOW_PRECISION = (BFLOAT16, Precision.DYNAMIC, Precision.INT8)
ONLY_ACCURACY = Gate(0.99, None, None, None, "the accuracy limit alone")


@cache
def unchanged(wrong: int) -> Agreement:
    return agreement(wrong=wrong)


def by_counts(lost: int, gained: int, wrong: int, *, with_p: bool = True) -> Agreement:
    """Return what `compare` would for so many changed answers, without making the scores of 10,000 images."""
    reference = 1 - wrong / IMAGES
    low, high = paired_change(lost, gained, IMAGES)
    return unchanged(wrong).model_copy(
        update={
            "accuracy": reference + (gained - lost) / IMAGES,
            "accuracy_change": (gained - lost) / IMAGES,
            "accuracy_change_low": low,
            "accuracy_change_high": high,
            "accuracy_kept_low": (reference + low) / reference,
            # The exact test takes a millisecond.
            "mcnemar_p": mcnemar(lost, gained) if with_p else 1.0,
            "top1_agreement": 1 - (lost + gained) / IMAGES,
        }
    )


def probability(judge: Callable[[Agreement], list[str]], lost: float, gained: float, wrong: int) -> tuple[float, float]:
    """Return bounds on the probability that `judge` finds anything, for so many answers lost and gained on average."""
    losses = stats.binom(IMAGES - wrong, lost / (IMAGES - wrong))
    gains = stats.binom(wrong, gained / wrong)
    loss_counts, gain_counts = (range(int(one.ppf(TAIL)), int(one.ppf(1 - TAIL)) + 1) for one in (losses, gains))
    gain_chances = dict(zip(gain_counts, gains.pmf(gain_counts).tolist(), strict=True))
    yes = seen = 0.0
    for loss, loss_chance in zip(loss_counts, losses.pmf(loss_counts).tolist(), strict=True):
        for gain, gain_chance in gain_chances.items():
            chance = loss_chance * gain_chance
            if chance >= RAREST:
                seen += chance
                # Only a fall in accuracy gets a warning.
                yes += chance * bool(judge(by_counts(loss, gain, wrong, with_p=judge is warnings and loss > gain)))
    return yes, yes + 1 - seen


def failures_of(gate: Gate) -> Callable[[Agreement], list[str]]:
    return lambda agreement: failures(agreement, gate)


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (25, 25), (40, 3), (0, 60), (150, 0)])
@pytest.mark.parametrize("wrong", WRONG)
def test_counts_give_what_real_scores_give(lost: int, gained: int, wrong: int) -> None:
    real, short = agreement(lost, gained, wrong=wrong), by_counts(lost, gained, wrong)
    figures = {"accuracy", "reference_accuracy", "accuracy_change", "accuracy_kept_low", "mcnemar_p", "top1_agreement"}
    assert short.model_dump(include=figures) == pytest.approx(real.model_dump(include=figures), abs=1e-12)
    for gate in GATES.values():
        assert failures(short, gate) == failures(real, gate)
    assert warnings(short) == warnings(real)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", LOW_PRECISION)
def test_a_healthy_artifact_with_50_flips_fails_at_most_once_in_10_000(name: str, wrong: int) -> None:
    _, at_most = probability(failures_of(GATES[name]), 25, 25, wrong)
    assert at_most <= 1e-4


@pytest.mark.parametrize(("wrong", "lost", "gained"), [(500, 150, 0), (500, 200, 50), (100, 150, 0), (100, 175, 25)])
def test_a_loss_of_1_5_points_is_caught_99_times_in_100_by_the_accuracy_limit_alone(
    wrong: int, lost: int, gained: int
) -> None:
    """Whatever the artifact gains beside what it loses; the limit on agreement comes on top."""
    at_least, _ = probability(failures_of(ONLY_ACCURACY), lost, gained, wrong)
    assert at_least >= 0.99
    assert all(GATES[name].accuracy_kept == ONLY_ACCURACY.accuracy_kept for name in LOW_PRECISION)


def test_what_stricter_limits_do_to_healthy_artifacts() -> None:
    """Why the default is not strict, and why an agreement of 0.995 is too much to ask."""
    at_least, at_most = probability(failures_of(STRICT[Precision.INT8]), 10, 10, 500)
    assert 0.3 <= at_least <= at_most <= 0.4, "one time in three"
    at_least, at_most = probability(failures_of(Gate(None, 0.995, None, None, "")), 25, 25, 500)
    assert 0.4 <= at_least <= at_most <= 0.6, "every second time"


@pytest.mark.parametrize("flips", [10, 50])
def test_a_lossless_artifact_gets_a_warning_in_at_most_one_row_of_200(flips: int) -> None:
    _, at_most = probability(warnings, flips / 2, flips / 2, 500)
    assert at_most <= 0.005


def test_a_loss_of_0_3_points_is_a_warning_and_no_failure() -> None:
    at_least, _ = probability(warnings, 40, 10, 500)
    assert at_least >= 0.95
    _, at_most = probability(failures_of(GATES[Precision.INT8]), 40, 10, 500)
    assert at_most <= 1e-4
