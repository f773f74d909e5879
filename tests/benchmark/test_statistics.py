import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnist_deploy.benchmark.statistics import (
    BETWEEN_RUNS,
    MIN_CALLS_FOR_P99,
    CellTimes,
    estimate,
    interval_reach,
    quiet,
    rerun_error,
    summarize,
)


def cell(*passes: list[list[int]]) -> CellTimes:
    """Passes of bursts of calls in nanoseconds."""
    bursts = [[np.array(burst, dtype=np.int64) for burst in one] for one in passes]
    count = len(passes)
    starts = [0.1 * (number + 1) for number in range(count)]
    return CellTimes(bursts, starts, [0.01 * one for one in starts], [1000 * (number + 1) for number in range(count)])


CALLS = st.lists(st.integers(1, 10**10), min_size=1, max_size=30)
PASSES = st.lists(st.lists(CALLS, min_size=1, max_size=3), min_size=1, max_size=5).map(lambda passes: cell(*passes))
LOGS = st.lists(st.floats(-3, 3), min_size=3, max_size=8)


def test_known_summary() -> None:
    found = summarize(cell([[1000, 3000, 2000], [4000, 4000]], [[5000]], [[2000, 2000, 2000, 10_000]]), batch_size=8)
    # Burst medians 2, 4; 5; 2 us: sorted 2, 2, 4, 5. Their 5 % quantile lies between the first two.
    assert found.p50.value == pytest.approx(3e-6)
    assert found.quiet.value == pytest.approx(2e-6)
    # 24 images in 6 us, 16 in 8 us, 8 in 5 us, 32 in 16 us: 4, 2, 1.6 and 2 M images/s.
    assert found.throughput.value == pytest.approx(2e6)
    assert found.mean.value == pytest.approx(35e-6 / 10)
    assert found.min_s == pytest.approx(1e-6)
    assert (found.load_s, found.first_call_s) == (pytest.approx(0.2), pytest.approx(0.002))
    assert (found.memory_bytes, found.calls, found.p99.half_width) == (2000, 10, None)


def test_the_quiet_time_is_a_low_quantile_so_that_disturbed_bursts_leave_it_alone() -> None:
    assert quiet(np.array([1.0] * 8 + [1.6] * 92)) == 1.0
    assert quiet(np.array([1.0] * 2 + [1.6] * 98)) == 1.6
    assert quiet(np.array([1.0, 2.0])) == pytest.approx(1.05)


def test_known_jackknife() -> None:
    """Of a mean of logarithms the pseudo-values are the passes' own means."""
    passes = [np.array([math.exp(value)]) for value in (1.0, 2.0, 6.0)]
    found = estimate(passes, lambda values: float(np.exp(np.log(values).mean())))
    assert found.value == pytest.approx(math.exp(3))
    assert np.log(found.pass_values) == pytest.approx([1, 2, 6])
    # Variance 7, so that of the difference of two such runs is 2 * 7 / 3, and a little more between runs.
    error, freedom = rerun_error([1.0, 2.0, 6.0])
    assert error == pytest.approx(math.sqrt(14 / 3 + BETWEEN_RUNS**2)) and freedom == pytest.approx(2, abs=1e-3)
    # t(0.975, 2), and the normal distribution's quantile.
    reach = math.hypot(4.302652729911275 * math.sqrt(14 / 3), 1.959963984540054 * BETWEEN_RUNS)
    assert found.low == pytest.approx(math.exp(3 - reach)) and found.half_width == pytest.approx(math.exp(reach) - 1)


def test_equal_passes_leave_what_runs_differ_by() -> None:
    assert rerun_error([0.5] * 5) == (BETWEEN_RUNS, math.inf)
    assert interval_reach([0.5] * 5) == pytest.approx(1.959964 * BETWEEN_RUNS)


@pytest.mark.parametrize("count", [1, 2])
def test_no_interval_from_fewer_than_three_passes(count: int) -> None:
    found = estimate([np.array([1.0, 2.0])] * count, quiet)
    assert (found.low, found.high, found.half_width, len(found.pass_values)) == (None, None, None, count)
    assert interval_reach([1.0] * count) is None


def test_the_interval_holds_another_runs_figure_as_often_as_it_says() -> None:
    """Of two runs of three passes, log-normal: 95 % of intervals; with 4000 draws the share's own error is 0.35 %."""
    runs = np.random.default_rng(1).normal(0.7, 0.05, size=(4000, 2, 3))
    held = [abs(one.mean() - other.mean()) <= (interval_reach(one) or 0.0) for one, other in runs]
    assert 0.94 < np.mean(held) < 0.97


def test_the_interval_of_the_quiet_time_holds_another_runs_quiet_time() -> None:
    """Bursts that are disturbed half of the time, in processes that differ by 1 %: what the jackknife is for."""
    generator = np.random.default_rng(2)

    def run() -> list[np.ndarray]:
        disturbed = np.where(generator.random((5, 40)) < 0.5, 1.5, 1.0)
        return list(disturbed * generator.lognormal(0, 0.01, (5, 40)) * generator.lognormal(0, 0.01, (5, 1)))

    held = []
    for _ in range(400):
        found, other = estimate(run(), quiet), estimate(run(), quiet)
        assert found.low is not None and found.high is not None
        held.append(found.low <= other.value <= found.high)
    assert np.mean(held) > 0.90


def test_fewest_calls_for_p99_is_where_the_second_largest_bounds_it() -> None:
    def doubt(calls: int) -> float:
        return float(stats.binom.cdf(1, calls, 0.01))

    assert doubt(MIN_CALLS_FOR_P99) <= 0.01 < doubt(MIN_CALLS_FOR_P99 - 1)


def test_p99_has_an_interval_only_with_enough_calls() -> None:
    calls = [number * 1000 for number in range(1, MIN_CALLS_FOR_P99 + 1)]
    assert summarize(cell([calls]), 1).p99.value == pytest.approx(1e-6 * (1 + 0.99 * (MIN_CALLS_FOR_P99 - 1)))
    third = len(calls) // 3 + 1
    few, enough = ([calls[:third]] * 3, [calls[:third]] * 2 + [calls[: third + 1]])
    for passes, told in ((few, 3 * third >= MIN_CALLS_FOR_P99), (enough, True), ([calls[:99]] * 3, False)):
        assert (summarize(cell(*([one] for one in passes)), 1).p99.half_width is not None) is told


@given(PASSES, st.integers(1, 512))
def test_figures_are_ordered_and_finite(times: CellTimes, batch: int) -> None:
    found = summarize(times, batch)
    every = np.concatenate([burst for bursts in times.bursts for burst in bursts]) / 1e9
    tolerance = 1 + 1e-9
    assert found.min_s == pytest.approx(every.min())
    assert found.min_s <= found.quiet.value * tolerance and found.quiet.value <= found.p50.value * tolerance
    assert found.p50.value <= every.max() * tolerance
    assert found.min_s <= found.mean.value * tolerance and found.mean.value <= every.max() * tolerance
    assert batch / every.max() <= found.throughput.value * tolerance
    assert found.throughput.value <= batch / found.min_s * tolerance
    for figure in (found.quiet, found.p50, found.mean, found.throughput):
        assert len(figure.pass_values) == len(times.bursts)
        if figure.low is not None and figure.high is not None:
            assert 0 <= figure.low <= figure.value * tolerance and figure.value <= figure.high * tolerance


@given(PASSES, st.integers(2, 9))
def test_slower_by_a_factor_is_slower_by_that_factor(times: CellTimes, factor: int) -> None:
    slower = [[burst * factor for burst in bursts] for bursts in times.bursts]
    after = summarize(CellTimes(slower, times.load_s, times.first_call_s, times.memory_bytes), 4)
    before = summarize(times, 4)
    assert after.quiet.value == pytest.approx(before.quiet.value * factor)
    assert after.throughput.value == pytest.approx(before.throughput.value / factor)
    assert after.quiet.pass_values == pytest.approx([value * factor for value in before.quiet.pass_values])


@given(st.permutations(range(4)))
def test_order_of_passes_does_not_matter(order: list[int]) -> None:
    passes = [[[10 * number + 1, 10 * number + 5], [20 * number + 3]] for number in range(4)]
    assert summarize(cell(*(passes[n] for n in order)), 1).quiet.value == summarize(cell(*passes), 1).quiet.value


@given(LOGS, st.floats(-1, 1))
def test_the_error_knows_no_unit(logs: list[float], shift: float) -> None:
    assert rerun_error([one + shift for one in logs])[0] == pytest.approx(rerun_error(logs)[0], abs=1e-9)
