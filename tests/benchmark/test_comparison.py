"""Ratios, verdicts and ranks: known answers, properties, and samples that were recorded on a loud machine."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnist_deploy.benchmark.comparison import (
    MARGIN,
    NEVER_JOINT,
    TIE_MARGIN,
    Ratio,
    Series,
    Verdict,
    VersusFastest,
    holm,
    ranks,
    ratio,
    resolution,
    sole_winner,
    verdict,
    versus_fastest,
)
from mnist_deploy.benchmark.statistics import Numbers, estimate, interval_reach, quiet, rerun_error

TIMES = st.floats(1e-6, 1e-1)
FIVE = st.lists(TIMES, min_size=5, max_size=5)
LOUD = Path(__file__).with_name("loud_bursts.npz")


def series(*passes: float) -> Series:
    """A cell whose time is the geometric mean of its passes, as a jackknife of a mean would have it."""
    return Series(math.exp(float(np.log(passes).mean())), passes)


def around(centre: float, spread: float = 0.001) -> Series:
    return series(*(centre * (1 + spread * step) for step in (-2, -1, 0, 1, 2)))


def test_known_ratio() -> None:
    # Ratios 2, 2e, 2e^2: logarithms have mean ln 2 + 1 and variance 1.
    found = ratio(series(2.0, 2 * math.e, 2 * math.e**2), series(1.0, 1.0, 1.0))
    error, freedom = rerun_error([0.0, 1.0, 2.0])
    reach = interval_reach([0.0, 1.0, 2.0]) or 0.0
    assert found.centre == pytest.approx(2 * math.e)
    assert found.low == pytest.approx(2 * math.exp(1 - reach)) and found.high == pytest.approx(2 * math.exp(1 + reach))
    assert found.p_value == pytest.approx(2 * float(stats.t.sf((math.log(2) + 1) / error, freedom)))
    assert found.half_width == pytest.approx(math.exp(reach) - 1)


def test_passes_are_paired() -> None:
    """What slows whole passes down leaves the ratio alone."""
    slow = [1.0, 1.9, 1.2, 1.0, 1.5]
    found = ratio(series(*(2 * factor for factor in slow)), series(*slow))
    assert found.centre == pytest.approx(2) and found.half_width == pytest.approx(math.exp(1.959964 * 0.01) - 1)


@pytest.mark.parametrize(
    ("low", "centre", "high", "expected"),
    [
        (0.94, 0.96, 0.97, Verdict.FASTER),
        (0.98, 0.99, 0.995, Verdict.TIE),  # excludes 1, but who cares
        (0.97, 1.0, 1.03, Verdict.TIE),
        (0.95, 0.98, 0.99, Verdict.TIE),  # less than 3 %
        (0.92, 0.95, 1.01, Verdict.TIE),
        (0.90, 0.95, 1.01, Verdict.UNDECIDED),  # may be 10 %
        (1.01, 1.04, 1.07, Verdict.SLOWER),
        (1.01, 1.02, 1.04, Verdict.TIE),
        (0.8, 1.0, 1.25, Verdict.UNDECIDED),
        (0.9, 1.6, 2.8, Verdict.UNDECIDED),
        (None, 0.5, None, Verdict.UNDECIDED),
    ],
)
def test_known_verdicts(low: float | None, centre: float, high: float | None, expected: Verdict) -> None:
    assert verdict(Ratio(centre, low, high, None)) is expected


@given(FIVE, FIVE)
def test_the_other_way_round_is_the_opposite(one: list[float], other: list[float]) -> None:
    there, back = ratio(series(*one), series(*other)), ratio(series(*other), series(*one))
    assert there.centre == pytest.approx(1 / back.centre) and there.p_value == pytest.approx(back.p_value, abs=1e-9)
    assert there.low is not None and back.high is not None and there.low * back.high == pytest.approx(1)


@given(FIVE)
def test_nothing_differs_from_itself(times: list[float]) -> None:
    found = ratio(series(*times), series(*times))
    assert (found.centre, found.p_value) == (1, 1)
    assert verdict(found) is Verdict.TIE


def test_known_ranks() -> None:
    restless = series(1.0, 2.4, 1.0, 2.4, 1.0)  # 1.42 on average
    cells = [around(3.0), around(1.0), around(1.01), around(2.0), restless]
    # 1.0 and 1.01 tie; the restless one is not told from them.
    assert ranks(cells) == [5, 1, 1, 4, 1]
    assert verdict(ratio(restless, cells[1])) is Verdict.UNDECIDED


def test_what_takes_half_as_long_again_shares_no_rank_whatever_the_interval_says() -> None:
    restless = series(1.0, 3.0, 1.0, 3.0, 1.0)  # 1.55 on average
    assert verdict(ratio(restless, around(1.0))) is Verdict.UNDECIDED
    assert ranks([restless, around(1.0)]) == [2, 1]


@pytest.mark.parametrize(
    ("rank", "factor", "judged", "expected"),
    [
        (1, 1.02, Verdict.TIE, VersusFastest.TIE),
        (1, 1.2, Verdict.UNDECIDED, VersusFastest.UNDECIDED),
        (2, 1.1, Verdict.SLOWER, VersusFastest.SLOWER),
        (2, 1.5, Verdict.UNDECIDED, VersusFastest.SLOWER),  # what takes half as long again is no candidate for a tie
        (3, 1.2, Verdict.UNDECIDED, VersusFastest.UNDECIDED),  # a restless one behind one that is slower by verdict
        (3, 1.04, Verdict.TIE, VersusFastest.UNDECIDED),  # a tie is of rank 1
    ],
)
def test_known_words_against_the_fastest(rank: int, factor: float, judged: Verdict, expected: VersusFastest) -> None:
    assert versus_fastest(rank, factor, judged) is expected


@given(st.lists(FIVE, min_size=2, max_size=6))
def test_the_word_against_the_fastest_agrees_with_the_rank(cells: list[list[float]]) -> None:
    table = [series(*cell) for cell in cells]
    best = min(table, key=lambda cell: cell.value_s)
    for rank, cell in zip(ranks(table) or [], table, strict=True):
        if cell is not best:
            against = ratio(cell, best)
            word = versus_fastest(rank, against.centre, verdict(against))
            assert (word is VersusFastest.TIE) <= (rank == 1) <= (word is not VersusFastest.SLOWER)


def test_no_ranks_from_two_passes() -> None:
    assert ranks([series(1.0, 1.0), series(2.0, 2.0)]) is None


def assert_ranks_follow_the_times(cells: list[Series]) -> None:
    """What holds of every table: ranks go up with the times shown, and no rank spans half as much again."""
    found = ranks(cells) or []
    assert min(found) == 1 and max(found) <= len(cells)
    for rank, cell in zip(found, cells, strict=True):
        for other_rank, other in zip(found, cells, strict=True):
            if cell.value_s < other.value_s:
                assert rank <= other_rank, "nothing is ranked before a faster one"
            if cell.value_s >= NEVER_JOINT * other.value_s:
                assert rank > other_rank
                assert verdict(ratio(cell, other)) is not Verdict.TIE
    best = min(cells, key=lambda cell: cell.value_s)
    winner = sole_winner(cells)
    assert winner is None or cells[winner] is best


@given(st.lists(FIVE, min_size=1, max_size=6))
def test_ranks_follow_the_times(cells: list[list[float]]) -> None:
    assert_ranks_follow_the_times([series(*cell) for cell in cells])


@st.composite
def loud_tables(draw: st.DrawFn) -> list[Series]:
    """A table as a shorter or unluckier run would have seen it: some passes and sweeps of a recorded one, and cells.

    `loud_bursts.npz` holds burst medians of real runs beside neighbors, float32 seconds (passes, sweeps, cells), an
    array a table; `benchmarks.loud_bursts` made it.
    """
    with np.load(LOUD) as archive:
        bursts: Numbers = archive[draw(st.sampled_from(sorted(archive.files)))].astype(np.float64)
    passes = draw(st.lists(st.sampled_from(range(len(bursts))), min_size=3, max_size=5, unique=True))
    cells = draw(st.lists(st.sampled_from(range(bursts.shape[2])), min_size=2, max_size=8, unique=True))
    first = draw(st.integers(0, bursts.shape[1] - 5))
    last = draw(st.integers(first + 5, bursts.shape[1]))
    found = [estimate([bursts[one, first:last, cell] for one in passes], quiet) for cell in cells]
    return [Series(one.value, one.pass_values) for one in found]


@given(loud_tables())
def test_ranks_follow_the_times_of_recorded_noisy_samples(cells: list[Series]) -> None:
    assert_ranks_follow_the_times(cells)


def test_what_is_clearly_slower_is_called_so_in_recorded_noisy_samples() -> None:
    """Every two cells of every whole recorded table whose times differ by 1.3 or more."""
    called = []
    with np.load(LOUD) as archive:
        for name in archive.files:
            found = [estimate(list(one), quiet) for one in np.moveaxis(archive[name].astype(np.float64), 2, 0)]
            cells = [Series(one.value, one.pass_values) for one in found]
            for cell in cells:
                called += [verdict(ratio(cell, one)) for one in cells if cell.value_s >= 1.3 * one.value_s]
    assert len(called) > 100 and called.count(Verdict.SLOWER) >= 0.95 * len(called)
    assert Verdict.FASTER not in called


def test_known_resolution() -> None:
    assert resolution([around(1.0)]) is None and resolution([series(1.0, 1.0), series(2.0, 2.0)]) is None
    assert resolution([around(1.0), around(2.0)]) == MARGIN, "no finer than what is worth a name"
    restless = series(1.0, 1.4, 1.2, 1.0, 1.3)
    wide = ratio(restless, around(1.0)).half_width
    assert wide is not None and wide > TIE_MARGIN
    assert resolution([around(1.0), restless]) == pytest.approx(wide)


def test_sole_winner_beats_every_other() -> None:
    assert sole_winner([around(2.0), around(1.0), around(1.5)]) == 1
    assert sole_winner([around(2.0), around(1.0), around(1.01)]) is None, "a tie"
    assert sole_winner([around(1.0)]) is None, "no one to beat"


def test_holm_takes_a_win_away_that_is_one_of_many() -> None:
    """Each comparison has p of about 0.03: enough for one, not for twenty."""
    best = series(1.0, 1.0, 1.0, 1.0, 1.0)
    other = series(*(math.exp(0.28 + 0.135 * step) for step in (-1.4, -0.7, 0, 0.7, 1.4)))
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


def test_the_interval_covers_the_truth() -> None:
    found = simulated(1500, 1, 1.1)
    held = [one.low <= 1.1 <= one.high for one in found if one.low is not None and one.high is not None]
    assert len(held) == 1500
    # It is of another run's ratio, so the truth is in it more often than in 95 %.
    assert float(np.mean(held)) >= 0.95


def test_a_cell_is_hardly_ever_called_different_from_itself() -> None:
    verdicts = [verdict(one) for one in simulated(1500, 2, 1.0)]
    decided = sum(one in {Verdict.FASTER, Verdict.SLOWER} for one in verdicts)
    assert decided <= 3, "one in five hundred, where a test without a margin errs in one of twenty"
    assert verdicts.count(Verdict.TIE) > 1400


def test_a_difference_of_a_tenth_is_found() -> None:
    verdicts = [verdict(one) for one in simulated(500, 3, 1 + 3.5 * MARGIN)]
    assert verdicts.count(Verdict.SLOWER) > 490
