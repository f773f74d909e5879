import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnist_deploy.benchmark.comparison import MARGIN, Ratio, Series, Verdict, holm, ranks, ratio, sole_winner, verdict

TIMES = st.floats(1e-6, 1e-1)
FIVE = st.lists(TIMES, min_size=5, max_size=5)


def series(*p50: float, trusted: list[bool] | None = None) -> Series:
    return Series(p50, trusted or [True] * len(p50))


def around(centre: float, spread: float = 0.001) -> Series:
    return series(*(centre * (1 + spread * step) for step in (-2, -1, 0, 1, 2)))


def test_known_ratio() -> None:
    # Ratios 2, 2e, 2e^2: logarithms have mean ln 2 + 1 and standard deviation 1; t(0.975, 2) = 4.302653.
    found = ratio(series(2.0, 2 * math.e, 2 * math.e**2), series(1.0, 1.0, 1.0))
    reach = 4.302652729911275 / math.sqrt(3)
    assert found.centre == pytest.approx(2 * math.e)
    assert found.low == pytest.approx(2 * math.exp(1 - reach)) and found.high == pytest.approx(2 * math.exp(1 + reach))
    logs = np.log([2.0, 2 * math.e, 2 * math.e**2])
    assert found.p_value == pytest.approx(float(stats.ttest_1samp(logs, 0).pvalue))


def test_passes_are_paired() -> None:
    """What slows whole passes down leaves the ratio alone."""
    slow = [1.0, 1.9, 1.2, 1.0, 1.5]
    found = ratio(series(*(2 * factor for factor in slow)), series(*slow))
    assert (found.centre, found.low, found.high, found.p_value) == pytest.approx((2, 2, 2, 0))


def test_distrusted_passes_do_not_count_while_three_others_do() -> None:
    first = series(1.0, 1.0, 9.0, 1.0, 1.0, trusted=[True, True, False, True, True])
    found = ratio(first, series(1.0, 1.0, 1.0, 1.0, 1.0, trusted=[True, True, True, True, False]))
    assert (found.low, found.high) == (1, 1)
    few = ratio(series(1.0, 1.0, 9.0, trusted=[True, True, False]), series(1.0, 1.0, 1.0))
    assert few.centre == 1 and (few.high or 0) > 9, "two clean passes give the centre, all the interval"


@pytest.mark.parametrize(
    ("low", "centre", "high", "expected"),
    [
        (0.94, 0.96, 0.97, Verdict.FASTER),
        (0.98, 0.99, 0.995, Verdict.TIE),  # excludes 1, but who cares
        (0.97, 1.0, 1.03, Verdict.TIE),
        (0.95, 0.98, 0.99, Verdict.UNDECIDED),  # less than 3 %, perhaps more
        (0.90, 0.95, 1.01, Verdict.UNDECIDED),
        (1.01, 1.04, 1.07, Verdict.SLOWER),
        (1.01, 1.02, 1.04, Verdict.UNDECIDED),
        (None, 0.5, None, Verdict.UNDECIDED),
    ],
)
def test_known_verdicts(low: float | None, centre: float, high: float | None, expected: Verdict) -> None:
    assert verdict(Ratio(centre, low, high, None)) is expected


@given(FIVE, FIVE)
def test_the_other_way_round_is_the_opposite(one: list[float], other: list[float]) -> None:
    there, back = ratio(series(*one), series(*other)), ratio(series(*other), series(*one))
    assert there.centre == pytest.approx(1 / back.centre)
    assert there.low == pytest.approx(1 / (back.high or 0)) and there.p_value == pytest.approx(back.p_value)


@given(FIVE)
def test_nothing_differs_from_itself(times: list[float]) -> None:
    found = ratio(series(*times), series(*times))
    assert (found.centre, found.low, found.high, found.p_value) == (1, 1, 1, 1)
    assert verdict(found) is Verdict.TIE


def test_known_ranks() -> None:
    cells = [around(3.0), around(1.0), around(1.01), around(2.0), series(0.9, 2.2, 0.9, 2.2, 1.0)]
    # 1.0 and 1.01 tie; the restless one, between 0.9 and 2.2, is parted from the slowest only.
    assert ranks(cells) == [5, 1, 1, 3, 1]


def test_no_ranks_from_two_passes() -> None:
    assert ranks([series(1.0, 1.0), series(2.0, 2.0)]) is None


@given(st.lists(FIVE, min_size=1, max_size=6), st.floats(0.1, 10))
def test_ranks_begin_at_one_and_know_no_unit(cells: list[list[float]], factor: float) -> None:
    found = ranks([series(*cell) for cell in cells]) or []
    assert min(found) == 1 and max(found) <= len(cells)
    near = np.abs(np.log(np.array(cells)[:, None] / np.array(cells)[None])).max() < 1e-12
    if not near:
        assert ranks([series(*(value * factor for value in cell)) for cell in cells]) is not None


def test_sole_winner_beats_every_other() -> None:
    assert sole_winner([around(2.0), around(1.0), around(1.5)]) == 1
    assert sole_winner([around(2.0), around(1.0), around(1.01)]) is None, "a tie"
    assert sole_winner([around(1.0)]) is None, "no one to beat"


def test_holm_takes_a_win_away_that_is_one_of_many() -> None:
    """Each comparison has p of about 0.03: enough for one, not for twenty."""
    best = series(1.0, 1.0, 1.0, 1.0, 1.0)
    other = series(*(math.exp(0.2 + 0.135 * step) for step in (-1.4, -0.7, 0, 0.7, 1.4)))
    p_value = ratio(best, other).p_value
    assert p_value is not None and 0.01 < p_value < 0.05
    assert sole_winner([best, other]) == 0
    assert sole_winner([best, *[other] * 20]) is None


def test_known_holm() -> None:
    # Holm 1979, by hand: 0.01 * 4, 0.02 * 3, then 0.03 * 2 = 0.06, and 0.04 rises to what is before it.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1, 1] and holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_between_the_plain_and_bonferroni(p_values: list[float]) -> None:
    for plain, adjusted in zip(p_values, holm(p_values), strict=True):
        assert plain <= adjusted <= min(1.0, len(p_values) * max(p_values)) + 1e-12


def simulated(draws: int, seed: int, difference: float) -> list[Ratio]:
    """Two cells in five passes: each has process effects of 0.6 %, and both share pass effects of 20 %."""
    generator = np.random.default_rng(seed)
    shared = generator.lognormal(0, 0.2, size=(draws, 1, 5))
    own = generator.lognormal(0, 0.006, size=(draws, 2, 5))
    times = shared * own * np.array([difference, 1.0])[None, :, None]
    return [ratio(series(*first), series(*second)) for first, second in times.tolist()]


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    found = simulated(1500, 1, 1.1)
    held = [one.low <= 1.1 <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(held) == 1500
    # At least 90 % of the nominal 95 %, and no more than it by more than chance.
    assert 0.9 * 0.95 <= float(np.mean(held)) <= 0.97


def test_a_cell_is_hardly_ever_called_different_from_itself() -> None:
    verdicts = [verdict(one) for one in simulated(1500, 2, 1.0)]
    decided = sum(one in {Verdict.FASTER, Verdict.SLOWER} for one in verdicts)
    assert decided <= 3, "one in five hundred, where a test without a margin errs in one of twenty"
    assert verdicts.count(Verdict.TIE) > 1400


def test_a_difference_of_a_tenth_is_found() -> None:
    verdicts = [verdict(one) for one in simulated(500, 3, 1 + 3.5 * MARGIN)]
    assert verdicts.count(Verdict.SLOWER) > 490
