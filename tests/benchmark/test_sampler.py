import time

import numpy as np

from mnist_deploy.benchmark.sampler import Effort, Tape, floor_s, sample, timed, warm_up


def test_tape_gives_every_batch_in_turn_for_ever() -> None:
    tape = Tape(["a", "b", "c"])
    assert [tape.take() for _ in range(7)] == ["a", "b", "c", "a", "b", "c", "a"]


def test_slices_go_on_where_the_tape_stands() -> None:
    seen: list[int] = []
    tape = Tape(list(range(5)))
    for _ in range(3):
        sample(seen.append, tape, seconds=0, min_calls=2)
    assert seen == [0, 1, 2, 3, 4, 0]


def test_at_least_so_many_calls_however_slow() -> None:
    assert len(sample(lambda _: time.sleep(0.01), Tape([0]), seconds=0.001, min_calls=4)) == 4


def test_calls_fill_the_slice_and_the_clock_stands_around_run_alone() -> None:
    class Slow(Tape):
        def take(self) -> object:
            time.sleep(0.003)  # preparing the input is not what is measured
            return super().take()

    times, elapsed = timed(lambda: sample(lambda _: time.sleep(0.001), Slow([0]), seconds=0.1, min_calls=1))
    assert times.dtype == np.int64
    assert times.sum() / 1e9 < 0.6 * elapsed, "of 4 ms a turn only 1 ms is inside the clock"
    assert np.median(times) >= 1e6


def test_twice_the_work_takes_about_twice_the_time() -> None:
    def work(count: int) -> float:
        return float(np.median(sample(lambda _: sum(range(count)), Tape([0]), 0.05, 5)))

    ratios = [work(40_000) / work(20_000) for _ in range(5)]
    assert 1.6 < np.median(ratios) < 2.4


def test_warm_up_ends_early_for_what_is_steady_and_in_time_for_what_never_is() -> None:
    effort = Effort(window_s=0.005, max_warm_up_s=0.2, min_windows=3)
    steady, took = timed(lambda: warm_up(lambda _: time.sleep(0.002), Tape([0]), effort))
    assert steady >= effort.min_windows
    calls = iter(range(10**9))
    # Each call is longer than the last by more than the tolerance of two windows.
    restless, longer = timed(lambda: warm_up(lambda _: time.sleep(0.001 * 1.3 ** next(calls)), Tape([0]), effort))
    assert restless >= effort.min_windows
    assert took < longer


def test_floor_is_the_cost_of_nothing() -> None:
    floor = floor_s(2000)
    assert floor > 0
    assert floor < float(np.median(sample(lambda _: time.sleep(0.001), Tape([0]), 0.01, 3))) / 1e9
