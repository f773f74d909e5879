"""The only clock of this package: it stands around `run` alone."""

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
        slice_s: seconds of calls in one slice.
        min_calls: calls in a slice at least, however long they take.
        window_s: seconds of one warm-up window.
        warm_tolerance: two successive windows' medians within this share of each other end the warm-up.
        min_windows: windows at least.
        max_warm_up_s: seconds of warm-up at most.
    """

    model_config = ConfigDict(frozen=True)

    slice_s: float = 0.1
    min_calls: int = 5
    window_s: float = 0.025
    warm_tolerance: float = 0.02
    min_windows: int = 3
    max_warm_up_s: float = 0.5


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


def sample(run: Run, tape: Tape, seconds: float, min_calls: int) -> Times:
    """Call `run` for `seconds`, at least `min_calls` times; return each call's nanoseconds, int64 (calls,)."""
    clock = time.perf_counter_ns
    times: list[int] = []
    end = clock() + int(seconds * 1e9)
    while True:
        tensor = tape.take()
        start = clock()
        run(tensor)
        stop = clock()
        times.append(stop - start)
        if stop >= end and len(times) >= min_calls:
            return np.array(times, dtype=np.int64)


def warm_up(run: Run, tape: Tape, effort: Effort) -> int:
    """Call `run` until two successive windows have the same median; return how many calls that took."""
    end = time.perf_counter_ns() + int(effort.max_warm_up_s * 1e9)
    calls, windows, before = 0, 0, float("inf")
    while time.perf_counter_ns() < end or windows < effort.min_windows:
        times = sample(run, tape, effort.window_s, 1)
        now = float(np.median(times))
        calls, windows = calls + len(times), windows + 1
        if windows >= effort.min_windows and abs(now - before) <= effort.warm_tolerance * before:
            break
        before = now
    return calls


def floor_s(calls: int = 10_000) -> float:
    """Return what the clock itself costs: the median of calls that do nothing, in seconds."""
    tape = Tape([None])
    return float(np.median(sample(lambda tensor: None, tape, 0.0, calls))) / 1e9
