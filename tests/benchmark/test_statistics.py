import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnist_deploy.benchmark.statistics import (
    MIN_CALLS_FOR_P99,
    PassTimes,
    counted,
    decisive,
    p99,
    summarize,
    t_interval_of_log,
)


def clean(slices: Sequence[np.ndarray], load_s: float = 0.1, first_call_s: float = 0.1) -> PassTimes:
    return PassTimes(slices, [True] * len(slices), load_s, first_call_s, 1000)


CALLS = st.lists(st.integers(1, 10**10), min_size=1, max_size=30).map(lambda times: np.array(times, dtype=np.int64))
PASSES = st.lists(st.lists(CALLS, min_size=1, max_size=3), min_size=1, max_size=5).map(
    lambda passes: [clean(slices, 0.5, 0.25) for slices in passes]
)


def ns(*times: int) -> np.ndarray:
    return np.array(times, dtype=np.int64)


def test_known_summary() -> None:
    passes = [
        clean([ns(1000, 3000, 2000), ns(4000, 4000)], load_s=0.1, first_call_s=0.01),
        clean([ns(5000)], load_s=0.3, first_call_s=0.02),
        clean([ns(2000, 2000, 2000, 10_000)], load_s=0.2, first_call_s=0.03),
    ]
    found = summarize(passes, batch_size=8)
    # Slice medians 2, 4; 5; 2 us -> pass medians 3, 5, 2 us -> 3 us.
    assert [one.p50_s for one in passes] == pytest.approx([3e-6, 5e-6, 2e-6])
    assert found.p50_s == pytest.approx(3e-6)
    # 24 images in 6 us, 16 in 8 us; 8 in 5 us; 32 in 16 us -> 3 M; 1.6 M; 2 M -> 2 M images/s.
    assert found.throughput_images_per_s == pytest.approx(2e6)
    assert found.mean_s == pytest.approx(35e-6 / 10)
    assert found.min_s == pytest.approx(1e-6)
    assert (found.load_s, found.first_call_s, found.calls) == (0.2, 0.02, 10)
    assert found.p99_s is None


def test_slices_that_a_witness_speaks_against_do_not_count_while_there_are_others() -> None:
    def one(*flags: bool) -> PassTimes:
        return PassTimes([ns(1000), ns(9000, 9000)][: len(flags)], flags, 0.1, 0.1)

    assert one(True, False).p50_s == pytest.approx(1e-6) and one(False, True).p50_s == pytest.approx(9e-6)
    assert one(False, False).p50_s == pytest.approx(5e-6) and not one(False, False).trusted
    found = summarize([one(True, False), one(False, False), one(False, False)], 1)
    assert (found.p50_s, found.mean_s, found.calls) == (pytest.approx(1e-6), pytest.approx(1e-6), 1)
    assert found.p50_high_s is not None and found.p50_high_s > 5e-6, "one clean pass makes no narrow interval"
    assert found.p50_low_s is not None and found.p50_low_s <= found.p50_s
    many = summarize([one(True, False)] * 3 + [one(False, False)], 1)
    assert (many.p50_low_s, many.p50_high_s) == (pytest.approx(1e-6), pytest.approx(1e-6))


def test_passes_that_count_and_passes_that_decide() -> None:
    for trusted, counting, deciding in (
        ([True, False, True, True], [0, 2, 3], [0, 2, 3]),
        ([True, False, True], [0, 2], [0, 1, 2]),
        ([False] * 4, [0, 1, 2, 3], [0, 1, 2, 3]),
    ):
        assert (counted(trusted), decisive(trusted)) == (counting, deciding)


def test_known_interval() -> None:
    # By hand: logs of 1, e, e^2 have mean 1 and standard deviation 1; t(0.975, 2) = 4.302653.
    low, high = t_interval_of_log([1.0, math.e, math.e**2]) or (0, 0)
    reach = 4.302652729911275 / math.sqrt(3)
    assert low == pytest.approx(math.exp(1 - reach))
    assert high == pytest.approx(math.exp(1 + reach))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_interval_from_fewer_than_three_passes(count: int) -> None:
    assert t_interval_of_log([1.0] * count) is None


def test_interval_covers_what_it_says() -> None:
    """Three passes, log-normal: 95 % of intervals hold the truth; with 4000 draws the share's own error is 0.35 %."""
    draws = np.random.default_rng(1).lognormal(mean=math.log(2.0), sigma=0.05, size=(4000, 3))
    held = [low <= 2.0 <= high for low, high in map(t_interval_of_log, draws.tolist())]  # type: ignore[misc]
    assert np.mean(held) == pytest.approx(0.95, abs=0.0105)


def test_fewest_calls_for_p99_is_where_the_second_largest_bounds_it() -> None:
    def doubt(calls: int) -> float:
        return float(stats.binom.cdf(1, calls, 0.01))

    assert doubt(MIN_CALLS_FOR_P99) <= 0.01 < doubt(MIN_CALLS_FOR_P99 - 1)


def test_p99_only_with_enough_calls() -> None:
    calls = np.arange(1, MIN_CALLS_FOR_P99 + 1, dtype=np.int64) * 1000
    assert p99(calls[:-1]) is None
    assert p99(calls) == pytest.approx(1e-6 * (1 + 0.99 * (MIN_CALLS_FOR_P99 - 1)))


@given(PASSES, st.integers(1, 512))
def test_figures_are_ordered_and_finite(passes: list[PassTimes], batch: int) -> None:
    found = summarize(passes, batch)
    every = np.concatenate([times for one in passes for times in one.slices]) / 1e9
    tolerance = 1 + 1e-9
    assert found.min_s == pytest.approx(every.min())
    assert found.min_s <= found.p50_s * tolerance and found.p50_s <= every.max() * tolerance
    assert found.min_s <= found.mean_s * tolerance and found.mean_s <= every.max() * tolerance
    assert batch / every.max() <= found.throughput_images_per_s * tolerance
    assert found.throughput_images_per_s <= batch / found.min_s * tolerance
    if found.p50_low_s is not None and found.p50_high_s is not None:
        assert found.p50_low_s <= found.p50_high_s
        assert min(one.p50_s for one in passes) <= found.p50_high_s * tolerance


@given(PASSES, st.integers(2, 9))
def test_slower_by_a_factor_is_slower_by_that_factor(passes: list[PassTimes], factor: int) -> None:
    slower = [clean([times * factor for times in one.slices], one.load_s, one.first_call_s) for one in passes]
    before, after = summarize(passes, 4), summarize(slower, 4)
    assert after.p50_s == pytest.approx(before.p50_s * factor)
    assert after.throughput_images_per_s == pytest.approx(before.throughput_images_per_s / factor)
    if before.p50_low_s is not None:
        assert after.p50_low_s == pytest.approx(before.p50_low_s * factor)


@given(st.permutations(range(4)))
def test_order_of_passes_does_not_matter(order: list[int]) -> None:
    passes = [clean([ns(10 * n + 1, 10 * n + 5)], 0.1 * n, 0.2 * n) for n in range(4)]
    assert summarize([passes[n] for n in order], 1).p50_s == summarize(passes, 1).p50_s
