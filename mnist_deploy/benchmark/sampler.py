"""The only clock of this package: it stands around `run` alone."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

Times = npt.NDArray[np.int64]
Run = Callable[[Any], Any]
T = TypeVar("T")


class Effort(BaseModel):
    """How long one cell is measured at a time. Figures: see the README, 'How it measures'.

    Attributes:
        burst_s: seconds of calls in one burst.
        min_calls: calls in a burst at least, unless they take longer than `longest_burst_s`.
        longest_burst_s: a burst that is longer ends with the call in hand.
        rewarm_s: seconds of unmeasured calls before each burst of one thread: other processes have had the caches
            meanwhile.
        rewarm_threads_s: the same with several threads, which the system spreads over processors within a few
            milliseconds after a stop.
        window_s: seconds of one warm-up window after a load.
        warm_tolerance: a window's median that is lower than that of the window before by no more than this share ends
            the warm-up.
        min_windows: windows at least.
        max_warm_up_s: seconds of warm-up at most.
        limit_s: a load or a burst that takes longer is stopped.
    """

    model_config = ConfigDict(frozen=True)

    burst_s: float = 0.004
    min_calls: int = 3
    longest_burst_s: float = 0.02
    rewarm_s: float = 0.0012
    rewarm_threads_s: float = 0.004
    window_s: float = 0.01
    warm_tolerance: float = 0.02
    min_windows: int = 3
    max_warm_up_s: float = 0.3
    limit_s: float = 60.0


class Tape:
    """Inputs that are taken in turn, for ever, so that no call sees the image of the call before it."""

    def __init__(self, tensors: Sequence[Any]) -> None:
        """Take at least one encoded batch."""
        self._tensors = list(tensors)
        self._next = 0

    def take(self) -> Any:
        """Return the next batch."""
        tensor = self._tensors[self._next]
        self._next = (self._next + 1) % len(self._tensors)
        return tensor


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """Return what `action` returns, and the seconds that it took."""
    start = time.perf_counter_ns()
    result = action()
    return result, (time.perf_counter_ns() - start) / 1e9


def sample(run: Run, tape: Tape, seconds: float, min_calls: int, longest_s: float = math.inf) -> Times:
    """Call `run` for `seconds`, at least `min_calls` times; return each call's nanoseconds, int64 (calls,).

    Past `longest_s` it ends with the call in hand, whatever `min_calls` says.
    """
    clock = time.perf_counter_ns
    times: list[int] = []
    start = clock()
    end, last = start + int(seconds * 1e9), start + longest_s * 1e9
    while True:
        tensor = tape.take()
        start = clock()
        run(tensor)
        stop = clock()
        times.append(stop - start)
        if stop >= end and (len(times) >= min_calls or stop >= last):
            return np.array(times, dtype=np.int64)


def warm_up(run: Run, tape: Tape, effort: Effort) -> int:
    """Call `run` until a window's median is no longer lower than the one before; return how many calls that took.

    A window that is slower than the one before is the machine's doing, not a sign that the code still warms up. Waiting
    for two equal ones took 129 ms a cell instead of 72 ms, on two threads of a machine that was not quiet.
    """
    end = time.perf_counter_ns() + int(effort.max_warm_up_s * 1e9)
    calls, windows, before = 0, 0, float("inf")
    while time.perf_counter_ns() < end or windows < effort.min_windows:
        times = sample(run, tape, effort.window_s, 1)
        now = float(np.median(times))
        calls, windows = calls + len(times), windows + 1
        if windows >= effort.min_windows and now >= before * (1 - effort.warm_tolerance):
            break
        before = now
    return calls


def floor_s(calls: int = 10_000) -> float:
    """Return what the clock itself costs: the median of calls that do nothing, in seconds."""
    tape = Tape([None])
    return float(np.median(sample(lambda tensor: None, tape, 0.0, calls))) / 1e9


def bare_loop(run: Run, tape: Tape, seconds: float, block_s: float = 0.0002) -> Times:
    """Time `run` as somebody without this package would: whole blocks of calls, each block's time over its calls.

    It owes nothing to `sample`: no clock between calls, no list of times. Returns nanoseconds a call, one for each
    block of about `block_s`, int64 (blocks,).
    """
    start = time.perf_counter_ns()
    run(tape.take())
    count = max(1, int(block_s * 1e9 / max(1, time.perf_counter_ns() - start)))
    blocks: list[int] = []
    end = time.perf_counter_ns() + int(seconds * 1e9)
    while not blocks or time.perf_counter_ns() < end:
        tensors = [tape.take() for _ in range(count)]
        start = time.perf_counter_ns()
        for tensor in tensors:
            run(tensor)
        blocks.append((time.perf_counter_ns() - start) // count)
    return np.array(blocks, dtype=np.int64)
