"""How loud the machine was while something was measured.

Two witnesses speak, both in the parent, while no worker runs. How many processors other programs kept busy: the kernel
counts it. And a probe, a fixed piece of vector arithmetic on as many threads as the table has, timed before each sweep:
the kernel does not tell whether a processor was slower than usual, but where a hypervisor runs a neighbor on the
sibling hyperthread, or two virtual processors on one real core, calls take 1.2 to 2 times as long at a full CPU share
and without any steal. The probe takes one of few values: on such a machine 1.00 of its quiet time, 1.25 beside a
neighbor, 1.76 on a shared core.

None of it chooses what counts: probes beside bursts said little of the bursts themselves.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Barrier, Thread

import numpy as np
import psutil

# 256 KiB of float32: about 30 us, long beside what starting it in Python costs, and small enough for a core's cache.
PROBE_NUMBERS = 65_536
PROBE_REPEATS = 9
# More threads would wait for each other in the interpreter.
MAX_PROBE_THREADS = 8
# Quiet probes differ by a few percent, the next level is a quarter above.
PROBE_TOLERANCE = 1.10
# The quiet probe is this quantile of all, so that it is a quiet one even where most are not.
QUIET_PROBE_QUANTILE = 0.02
# Above this share of bursts in disturbed moments a machine is called noisy. That is information, no fault of the
# figures.
NOISY_SHARE = 0.20
# Of the processors that a measurement leaves, other programs may use all but this many, and no less than the floor,
# which is what an idle system takes, or the share of all processors: then they were not in its way.
SPARE_CPUS, FLOOR_CPUS, FLOOR_SHARE = 0.5, 0.2, 0.05


def probe(threads: int = 1) -> float:
    """Return how long a fixed piece of arithmetic takes, in seconds.

    That is the median of nine repeats, on the slowest of `threads` threads that work at the same time.
    """
    count = min(threads, MAX_PROBE_THREADS)
    together, medians = Barrier(count), [0.0] * count

    def work(number: int) -> None:
        numbers = np.linspace(0, 1, PROBE_NUMBERS, dtype=np.float32)
        result = np.exp(numbers)
        together.wait()
        times = []
        for _ in range(PROBE_REPEATS):
            start = time.perf_counter_ns()
            np.exp(numbers, out=result)
            times.append(time.perf_counter_ns() - start)
        medians[number] = float(np.median(times)) / 1e9

    others = [Thread(target=work, args=(number,)) for number in range(1, count)]
    for thread in others:
        thread.start()
    work(0)
    for thread in others:
        thread.join()
    return max(medians)


def quiet_probe(probes: Sequence[float]) -> float:
    """Return what the probe takes in quiet moments: a low quantile of all the probes of a run, in seconds."""
    return float(np.quantile(probes, QUIET_PROBE_QUANTILE))


class OtherPrograms:
    """How busy programs other than this one and its helpers keep the processors that this process may use."""

    def __init__(self) -> None:
        """Begin now."""
        self._start = _reading()

    def cpus(self) -> float:
        """Return how many processors they kept busy since, on average."""
        (wall, busy, own), (wall_before, busy_before, own_before) = _reading(), self._start
        return max(0.0, (busy - busy_before - (own - own_before)) / max(1e-9, wall - wall_before))


def in_the_way(others_cpus: float, threads: int, cores: int) -> bool:
    """Tell whether other programs took processors from what was measured.

    Args:
        others_cpus: how many they kept busy.
        threads: how many threads the runtime was told to use.
        cores: how many processors there are.
    """
    return others_cpus > max(cores - threads - SPARE_CPUS, FLOOR_CPUS, FLOOR_SHARE * cores)


def _reading() -> tuple[float, float, float]:
    """Return seconds: the clock, what all programs took of this process's processors, and what this one took."""
    every = psutil.cpu_times(percpu=True)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(every))
    busy = sum(
        sum(getattr(every[cpu], name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
        for cpu in mine
        if cpu < len(every)
    )
    own = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.Error):
            times = process.cpu_times()
            own += times.user + times.system
    return time.monotonic(), busy, own
