import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from mnist_deploy.parity.statistics import EPSILON, mcnemar, mean_kl, paired_change, wilson

counts = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(100, 10_000))


def test_wilson_known_answer() -> None:
    """Newcombe 1998, table I: 81 of 263 by the score method."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 10)[0] == 0 and wilson(10, 10)[1] == 1


@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_holds_the_share_and_narrows_with_images(images: int, share: float) -> None:
    right = round(share * images)
    low, high = wilson(right, images)
    assert 0 <= low <= right / images <= high <= 1
    wide = wilson(right * 4, images * 4)
    assert wide[1] - wide[0] < high - low


def test_mcnemar_known_answers() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 6) == pytest.approx(2 / 2**6)
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_knows_no_sides(lost: int, gained: int) -> None:
    assert mcnemar(lost, gained) == mcnemar(gained, lost)
    assert 0 < mcnemar(lost, gained) <= 1


def test_paired_change_known_answer() -> None:
    """By hand: worse 15/10002, better 6/10002, z 1.6449."""
    low, high = paired_change(14, 5, 10_000)
    change = -9 / 10_002
    reach = 1.6448536 * math.sqrt((21 / 10_002 - change**2) / 10_002)
    assert (low, high) == pytest.approx((change - reach, change + reach), rel=1e-6)


@given(counts)
def test_paired_change_turns_with_its_sides(case: tuple[int, int, int]) -> None:
    lost, gained, images = case
    low, high = paired_change(lost, gained, images)
    assert -1 <= low < (gained - lost) / (images + 2) < high <= 1
    assert paired_change(gained, lost, images) == pytest.approx((-high, -low))


def test_nothing_changed_is_not_nothing_lost() -> None:
    low, _ = paired_change(0, 0, 2000)
    assert low == pytest.approx(-2.33 / 2000, rel=0.01)


@pytest.mark.parametrize("images", [1000, 10_000])
@pytest.mark.parametrize(("worse", "better"), [(0.0002, 0.0002), (0.001, 0.0005), (0.002, 0.002), (0.003, 0.0005)])
def test_the_bound_covers_as_often_as_it_says(images: int, worse: float, better: float) -> None:
    """Exactly, over all outcomes that matter: at 95 % asked, no less than 92 % and mostly more."""
    covered = 0.0
    most = round(images * (worse + better) * 3 + 20)
    for changed in range(most):
        total = stats.binom.pmf(changed, images, worse + better)
        for lost in range(changed + 1):
            chance = total * stats.binom.pmf(lost, changed, worse / (worse + better))
            covered += chance * (paired_change(lost, changed - lost, images)[0] <= better - worse)
    assert covered >= 0.92


def test_mean_kl_known_answer() -> None:
    reference = np.array([[0.5, 0.5], [0.9, 0.1]], np.float32)
    scores = np.array([[0.25, 0.75], [0.9, 0.1]], np.float32)
    expected = (0.5 * math.log(2) + 0.5 * math.log(0.5 / 0.75)) / 2
    assert mean_kl(reference, scores) == pytest.approx(expected, rel=1e-6)


def test_a_score_of_zero_costs_much_but_not_everything() -> None:
    one, other = np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)
    assert mean_kl(one, other) == pytest.approx(-math.log(EPSILON), rel=1e-3)


@given(arrays.arrays(np.float32, (2, 5, 10), elements=st.floats(0, 1, width=32)))
def test_mean_kl_is_a_divergence(pair: np.ndarray) -> None:
    assert mean_kl(pair[0], pair[0]) == 0
    assert mean_kl(pair[0], pair[1]) >= -1e-12
