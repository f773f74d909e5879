import time

import numpy as np

from mnist_deploy.benchmark.sampler import Effort, Tape, bare_loop, floor_s, sample, timed, warm_up


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


def test_warm_up_goes_on_while_calls_get_faster() -> None:
    effort = Effort(window_s=0.005, max_warm_up_s=0.3, min_windows=3)
    steady, took = timed(lambda: warm_up(lambda _: time.sleep(0.002), Tape([0]), effort))
    assert steady >= effort.min_windows
    # Each call takes three quarters of the one before, from 40 ms on: it gets slow to get faster after a dozen.
    falling = iter(range(10**9))
    longer = warm_up(lambda _: time.sleep(0.002 + 0.04 * 0.75 ** next(falling)), Tape([0]), effort)
    assert longer > effort.min_windows
    # What only ever gets slower is not warming up.
    rising = iter(range(10**9))
    assert warm_up(lambda _: time.sleep(0.006 * 1.3 ** next(rising)), Tape([0]), effort) == effort.min_windows
    # And what never settles ends in time.
    endless = iter(range(10**9))
    _, spent = timed(lambda: warm_up(lambda _: time.sleep(0.03 * 0.93 ** next(endless)), Tape([0]), effort))
    assert spent > took


def test_a_bare_loop_sees_what_the_sampler_sees() -> None:
    def work(_: object) -> None:
        sum(range(3000))

    pairs = [
        (float(np.median(sample(work, Tape([0]), 0.02, 5))), float(np.median(bare_loop(work, Tape([0]), 0.02))))
        for _ in range(9)
    ]
    assert 0.9 < float(np.median([ours / bare for ours, bare in pairs])) < 1.1


def test_a_bare_loop_of_slow_calls_has_one_in_a_block() -> None:
    seen: list[int] = []

    def slow(tensor: int) -> None:
        seen.append(tensor)
        time.sleep(0.002)

    blocks = bare_loop(slow, Tape([1, 2, 3]), 0.02)
    assert len(blocks) == len(seen) - 1 and (blocks >= 2_000_000).all()


def test_floor_is_the_cost_of_nothing() -> None:
    floor = floor_s(2000)
    assert floor > 0
    assert floor < float(np.median(sample(lambda _: time.sleep(0.001), Tape([0]), 0.01, 3))) / 1e9
