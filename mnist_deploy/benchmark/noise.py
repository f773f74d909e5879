"""What else the machine did while a slice was measured, and whether the slice is to be trusted.

Two kinds of witness stand around each slice. The kernel's counters tell whether the process had a processor to itself.
They do not tell whether that processor was slower than usual: where a hypervisor runs a neighbour on the sibling
hyperthread, or two virtual processors on one real core, a slice takes 1.2 to 2 times as long at a full CPU share and
without any steal. So a probe, a fixed piece of vector arithmetic on as many threads as the slice has, is timed before
and after. It takes one of few values: on such a machine 1.00 of its quiet time, 1.25 beside a neighbour, 1.76 on a
shared core. Slices with quiet probes there differed by 0.3-1 % (one thread) and 1-6 % (two), all slices by 5-25 %.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import psutil
from pydantic import BaseModel, ConfigDict

# 256 KiB of float32: about 30 us, long beside what starting it in Python costs, and small enough for a core's cache.
PROBE_NUMBERS = 65_536
PROBE_REPEATS = 9
# More threads would wait for each other in the interpreter.
MAX_PROBE_THREADS = 8
# Quiet probes differ by a few percent, the next level is a quarter above.
PROBE_TOLERANCE = 1.10
# The quiet probe is this quantile of all, so that it is a quiet one even where most are not.
QUIET_QUANTILE = 0.02
# Idle threads that spin for work would slow the probe down: ONNX Runtime's do for 40 ms after a call.
SETTLE_S, SETTLE_STEP_S, SETTLED_SHARE = 0.06, 0.004, 0.2
# Below this share of a processor a process that never waits was held up: 0.1 % of quiet slices are, 23 % of disturbed.
MIN_CPU_SHARE = 0.97
MAX_INVOLUNTARY_PER_S = 200.0
MAX_STEAL_SHARE = 0.03
MAX_PRESSURE_SHARE = 0.05
# A process that gives up the processor more often than this hands work from thread to thread: its CPU share and its
# switches are its own doing and say nothing of the machine. How long its threads waited for a processor still does.
MAX_WAITS_PER_S = 50.0
# Of the time that its threads wanted a processor, the share without one. With one thread 0.05 is the most that was seen
# in quiet moments, and 0.16 the least of TensorFlow's call of one image beside busy processes: it hands its work to
# another thread, which is then faster than in quiet moments, since no idle core has to be woken.
MAX_DELAY_SHARE_OF_ONE = 0.10
# More threads wait for each other, with as many cores as threads: the default runtimes up to 0.29 in quiet moments,
# Keras on JAX up to 0.48 (median 0.28). Beside two busy processes a core LiteRT, OpenVINO and TensorFlow had 0.37 to
# 0.57 (`tests/test_load.py` does the same).
MAX_DELAY_SHARE = 0.25

_TASKS = Path("/proc/self/task")

NOISY_SHARE = 0.05
WITHHOLD_SHARE = 0.20


class Reason(StrEnum):
    """Why a slice is not to be trusted."""

    CPU = "cpu"  # the process had less than its share of a processor
    SWITCHES = "switches"  # it was put off the processor too often
    STEAL = "steal"  # the hypervisor gave the processor to others
    PRESSURE = "pressure"  # something waited for a processor (Linux's pressure stall information)
    DELAY = "delay"  # its own threads waited for a processor
    HOST = "host"  # the processor itself was slower than in the run's quiet moments


class SliceNoise(BaseModel):
    """The witnesses of one slice; seconds; None where the system does not tell.

    Attributes:
        wall_s: how long the slice took.
        cpu_s: processor time of the whole process meanwhile.
        involuntary: how often the process was put off a processor.
        waits: how often it gave one up.
        steal_s: time that the hypervisor took from this machine's processors.
        pressure_s: time in which something on this machine waited for a processor.
        probe_s: the slower of the probes before and after.
        delay_s: how long threads of the process could have run and had no processor, all of them added up.
    """

    model_config = ConfigDict(frozen=True)

    wall_s: float
    cpu_s: float
    involuntary: int
    waits: int
    steal_s: float | None
    pressure_s: float | None
    probe_s: float
    delay_s: float | None = None


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


def settle() -> None:
    """Wait until this process's threads are idle, at most 60 ms."""
    end = time.perf_counter() + SETTLE_S
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(SETTLE_STEP_S)
        if time.process_time() - before < SETTLED_SHARE * SETTLE_STEP_S:
            return


def quiet_probe(probes: Sequence[float]) -> float:
    """Return what the probe takes in quiet moments: a low quantile of all the probes of a run, in seconds."""
    return float(np.quantile(probes, QUIET_QUANTILE))


class Witness:
    """Stands around one slice: made before it, asked after it.

    Attributes:
        probe_s: the last probe.
    """

    def __init__(self, threads: int, probe_s: float | None = None) -> None:
        """Probe, unless a probe of just now is given, then read the counters."""
        self._threads = threads
        self.probe_s = probe(threads) if probe_s is None else probe_s
        self._steal_s, self._pressure_s, self._delay_s = _steal_s(), _pressure_s(), _delay_s()
        self._start = _own()

    def end(self) -> SliceNoise:
        """Read the counters, then probe."""
        wall, cpu, involuntary, waits = (after - before for after, before in zip(_own(), self._start, strict=True))
        steal, pressure = _since(_steal_s(), self._steal_s), _since(_pressure_s(), self._pressure_s)
        delay = _since(_delay_s(), self._delay_s)
        before = self.probe_s
        if self._threads > 1:
            settle()
        self.probe_s = probe(self._threads)
        return SliceNoise(
            wall_s=wall,
            cpu_s=cpu,
            involuntary=int(involuntary),
            waits=int(waits),
            steal_s=steal,
            pressure_s=pressure,
            probe_s=max(before, self.probe_s),
            delay_s=None if delay is None else max(0.0, delay),  # threads may have ended meanwhile
        )


def reasons(noise: SliceNoise, quiet_probe_s: float, *, threads: int) -> list[Reason]:
    """Return why a slice is not to be trusted; none means that it is clean.

    Args:
        noise: the slice's witnesses.
        quiet_probe_s: what the probe takes on this machine when it is quiet.
        threads: how many threads the runtime was told to use; with more than one the CPU share has no fixed target.
    """
    found = []
    if noise.waits <= MAX_WAITS_PER_S * noise.wall_s:
        if threads == 1 and noise.cpu_s < MIN_CPU_SHARE * noise.wall_s:
            found.append(Reason.CPU)
        if noise.involuntary > MAX_INVOLUNTARY_PER_S * noise.wall_s:
            found.append(Reason.SWITCHES)
        if (noise.steal_s or 0.0) > MAX_STEAL_SHARE * noise.wall_s:
            found.append(Reason.STEAL)
        if (noise.pressure_s or 0.0) > MAX_PRESSURE_SHARE * noise.wall_s:
            found.append(Reason.PRESSURE)
    delay_s = noise.delay_s or 0.0
    if delay_s > (MAX_DELAY_SHARE_OF_ONE if threads == 1 else MAX_DELAY_SHARE) * (delay_s + noise.cpu_s):
        found.append(Reason.DELAY)
    if noise.probe_s > PROBE_TOLERANCE * quiet_probe_s:
        found.append(Reason.HOST)
    return found


def _own() -> tuple[float, ...]:
    """Return wall and CPU seconds, involuntary and voluntary switches of all threads of this process."""
    try:
        import resource
    except ImportError:  # Windows, which does not tell the two kinds apart
        switches = psutil.Process().num_ctx_switches()
        return time.perf_counter(), time.process_time(), 0, switches.voluntary
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime, usage.ru_nivcsw, usage.ru_nvcsw


def _since(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _steal_s() -> float | None:
    steal = getattr(psutil.cpu_times(), "steal", None)
    return None if steal is None else float(steal)


def _delay_s() -> float | None:
    """Return what the kernel's scheduler counts second for each thread of this process, added up, in seconds."""
    counts = []
    for path in _TASKS.glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):  # a thread may end before it is asked
            counts.append(int(path.read_text(encoding="ascii").split()[1]))
    return sum(counts) / 1e9 if counts else None


def _pressure_s() -> float | None:
    """Return the microsecond counter of /proc/pressure/cpu's line 'some', in seconds (Linux 4.20 and later)."""
    try:
        line = Path("/proc/pressure/cpu").read_text(encoding="ascii").splitlines()[0]
        return int(line.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError, IndexError):
        return None
