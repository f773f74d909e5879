import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnist_deploy.benchmark.comparison import MARGIN, Series, holm
from mnist_deploy.decisions.between_runs import (
    CONTENDED,
    MORE_THREADS,
    ONE_THREAD,
    TENSORFLOW,
    Spread,
    apart,
    beyond,
    machines_part,
    shift,
    spread,
)
from tests.comparisons import cell

BASE, HEAD = [10.0, 10.1, 9.9, 10.05, 9.95], [10.4, 10.6, 10.5, 10.2]


def series(values: list[float]) -> Series:
    return Series(math.exp(float(np.log(values).mean())), values)


def test_it_is_welchs_test_where_nothing_moves_between_runs() -> None:
    found = apart(series(BASE), series(HEAD), between=0.0)
    assert found is not None
    known = stats.ttest_ind(np.log(HEAD), np.log(BASE), equal_var=False)
    low, high = known.confidence_interval(0.95)
    assert found.p_value(0.0) == pytest.approx(known.pvalue)
    ratio = found.ratio()
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert ratio.centre == pytest.approx(math.exp(np.log(HEAD).mean() - np.log(BASE).mean()))


def test_the_spread_between_runs_widens() -> None:
    within, wide = (apart(series(BASE), series(HEAD), between) for between in (0.0, 0.03))
    assert within is not None and wide is not None
    assert wide.error == pytest.approx(math.hypot(within.error, 0.03))


def test_the_spread_is_larger_for_tensorflow_with_more_threads_and_where_others_took_processors() -> None:
    def of(runtime: str, threads: int = 1, contended: bool = False) -> Spread:
        rows = [cell(1e-5, runtime=runtime, threads=threads, contended=one) for one in (contended, False)]
        assert spread(rows[0], rows[1]) == spread(rows[1], rows[0])
        return spread(rows[0], rows[1])

    assert of("litert") == of("onnxruntime") == of("no such runtime") == ONE_THREAD
    assert of("litert", threads=2) == MORE_THREADS
    assert of("keras-call") == of("tensorflow", threads=2) == TENSORFLOW
    assert of("litert", contended=True) == of("tensorflow", contended=True) == CONTENDED
    for one in (ONE_THREAD, MORE_THREADS, TENSORFLOW, CONTENDED):
        assert one.core <= one.tail


def test_equal_passes_leave_the_spread_between_runs() -> None:
    found = apart(series([1.0] * 3), series([1.1] * 3), 0.01)
    assert found is not None and found.freedom == math.inf
    assert found.p_value(0.0) == pytest.approx(2 * stats.norm.sf(math.log(1.1) / 0.01))


def test_fewer_than_three_passes_tell_nothing() -> None:
    assert apart(series(BASE[:2]), series(HEAD), 0.01) is None


def test_what_moved_the_whole_run_is_the_median_and_three_percent_at_most_is_the_machines() -> None:
    cells = [apart(series([1.0] * 3), series([size] * 3), 0.01) for size in (0.5, *[1.02] * 6, 3.0)]
    found = [one for one in cells if one is not None]
    assert shift(found) == pytest.approx(math.log(1.02))
    assert shift(found[:7]) is None
    assert machines_part(math.log(1.02)) == math.log(1.02)
    assert machines_part(math.log(2)) == math.log(1 + MARGIN) == -machines_part(-math.log(2))
    assert machines_part(None) == 0


VALUES = st.floats(-1, 1)


@given(VALUES, VALUES)
def test_what_lies_beyond_both_no_change_and_the_shift(value: float, moved: float) -> None:
    found = beyond(value, moved)
    if min(0, moved) <= value <= max(0, moved):
        assert found == 0
    else:
        assert abs(found) == pytest.approx(min(abs(value), abs(value - moved)))
    assert found * value >= 0, "a cell is never moved to the other side of no change"


@given(st.lists(st.floats(0.5, 2), min_size=3, max_size=6), st.lists(st.floats(0.5, 2), min_size=3, max_size=6))
def test_the_other_way_round_is_the_inverse(one: list[float], other: list[float]) -> None:
    there, back = apart(series(one), series(other), 0.01), apart(series(other), series(one), 0.01)
    assert there is not None and back is not None
    assert there.p_value(0.01) == pytest.approx(back.p_value(-0.01))
    first, second = there.ratio(), back.ratio()
    assert first.low is not None and second.high is not None and first.low * second.high == pytest.approx(1)


def test_false_alarms_are_as_rare_as_asked_when_only_hours_differ() -> None:
    """In 400 pairs of runs of 40 unchanged cells, some cell is called changed in 5 % of the pairs at most."""
    random, alarms = np.random.default_rng(5), 0
    for _ in range(400):
        whole = random.normal(0, 0.012)
        found = []
        for _ in range(40):
            deviation = random.choice([0.003, 0.01, 0.03])
            level = random.normal(0, ONE_THREAD.tail) + whole
            base, head = np.exp(random.normal(0, deviation, 5)), np.exp(random.normal(level, deviation, 5))
            one = apart(series(list(base)), series(list(head)), ONE_THREAD.tail)
            assert one is not None
            found.append(one)
        taken = machines_part(shift(found))
        alarms += min(holm([one.p_value(taken) for one in found])) <= 0.05
    # 20 are expected; more than 32 would be seen in one of 300 such tests.
    assert alarms <= 32


def test_a_tenth_more_is_found() -> None:
    """One of 40 cells takes 10 % longer: it is found in nine of ten pairs of quiet runs at least."""
    random, found = np.random.default_rng(6), 0
    for _ in range(200):
        base, head = np.exp(random.normal(0, 0.005, 5)), np.exp(random.normal(math.log(1.1), 0.005, 5))
        head *= math.exp(random.normal(0, 0.01))
        one = apart(series(list(base)), series(list(head)), ONE_THREAD.tail)
        assert one is not None
        found += 40 * one.p_value(0.0) <= 0.05
    assert found >= 180
