"""The roofline: how fast this machine could at best do a piece of work, by its arithmetic and its memory traffic.

Williams, Waterman, Patterson, "Roofline" (CACM 52(4), 2009), with a bandwidth for each size of working set as in the
cache-aware model of Ilic, Pratas, Sousa (IEEE Computer Architecture Letters 13(1), 2014): these networks fit in caches.

Run as `python -m mnist_deploy.benchmark.roofline THREADS`; it writes the `Roof` to its standard output.
"""

import hashlib
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier
from typing import Annotated

import numpy as np
from platformdirs import user_cache_path
from pydantic import BaseModel, Field

from mnist_deploy import cgroup
from mnist_deploy.benchmark import process
from mnist_deploy.errors import StorageError, UnavailableError
from mnist_deploy.files import write_text

# BLAS libraries read these once, when they are loaded: so each number of threads takes a fresh process.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
SIDE = 2048
WORKING_SETS_BYTES = tuple(size * 1024 for size in (128, 512, 2 * 1024, 16 * 1024, 256 * 1024))
TRAFFIC_BYTES = 256 * 1024**2  # of each thread in each repeat: milliseconds, so that starting threads is little
FLOAT32_BYTES = 4
ROW = 8192  # float32 numbers; from 10,000 on OpenBLAS may cut a dot product up among threads of its own
# The best of at least so many repeats, over at least so long: the clock must rise, and the host have a quiet moment.
REPEATS, PEAK_S, BANDWIDTH_S = 5, 1.0, 0.12
LOOKS = 3

Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Roof(BaseModel, frozen=True):
    """What a machine can do at best with a number of threads, as measured.

    Attributes:
        peak_flops_per_s: floating-point operations a second in a float32 matrix product of numpy's, 2048 a side.
        bandwidth_bytes_per_s: bytes read a second, by bytes of the working set, which the threads share out.
        looks: how many measurements this is the best of.
    """

    threads: int
    looks: int = 1
    peak_flops_per_s: Rate
    bandwidth_bytes_per_s: dict[int, Rate] = Field(min_length=1)

    def bandwidth_for(self, working_set_bytes: float) -> float:
        """Return the bandwidth of the smallest measured working set that holds this one; beyond all, the largest's."""
        sizes = self.bandwidth_bytes_per_s
        return sizes[min((size for size in sizes if size >= working_set_bytes), default=max(sizes))]

    def attainable(self, flops: float, traffic_bytes: float) -> float:
        """Return the FLOP/s at best of work that does `flops` operations and moves `traffic_bytes` > 0."""
        return min(self.peak_flops_per_s, flops / traffic_bytes * self.bandwidth_for(traffic_bytes))

    def share(self, flops: float, traffic_bytes: float, seconds: float) -> float:
        """Return what share of the attainable rate such work reached in `seconds`; over 1 where it beat numpy's."""
        return flops / seconds / self.attainable(flops, traffic_bytes)


def roof(threads: int, cache_dir: Path | None = None) -> Roof:
    """Return this machine's roof: the best of three looks (2 s each), then kept in `cache_dir`, by default the user's.

    Each call takes one look until there are three: what slows a shared machine down lasts for seconds, and a roof is
    the best that there is.

    Raises:
        UnavailableError: the measurement failed.
    """
    path = (cache_dir or user_cache_path("mnist-deploy")) / f"roof-{_identity(threads)}.json"
    known: Roof | None = None
    with suppress(OSError, ValueError):  # absent, unreadable or damaged: measured anew
        known = Roof.model_validate_json(path.read_text(encoding="utf-8"))
    if known is not None and known.looks >= LOOKS:
        return known
    measured = _measured_apart(threads)
    if known is not None:
        measured = best(known, measured)
    with suppress(StorageError):  # without a cache it works too, only slower
        write_text(path, measured.model_dump_json(indent=2))
    return measured


def best(one: Roof, other: Roof) -> Roof:
    """Return the better of two measurements of the same threads and working sets, figure by figure."""
    others = other.bandwidth_bytes_per_s
    return Roof(
        threads=one.threads,
        looks=one.looks + other.looks,
        peak_flops_per_s=max(one.peak_flops_per_s, other.peak_flops_per_s),
        bandwidth_bytes_per_s={
            size: max(rate, others.get(size, rate)) for size, rate in one.bandwidth_bytes_per_s.items()
        },
    )


def measure(threads: int) -> Roof:
    """Measure in this process, whose BLAS must have been told the number of threads when it was loaded."""
    bandwidths = {size: _bandwidth(size, threads) for size in WORKING_SETS_BYTES}
    return Roof(threads=threads, peak_flops_per_s=_peak(), bandwidth_bytes_per_s=bandwidths)


def _measured_apart(threads: int) -> Roof:
    environment = {**process.environment(), **dict.fromkeys(BLAS_THREADS, str(threads))}
    # -P: what lies in the user's working directory must not stand in for a library.
    command = [sys.executable, "-P", "-m", "mnist_deploy.benchmark.roofline", str(threads)]
    done = subprocess.run(command, capture_output=True, env=environment, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UnavailableError(f"the roofline of {threads} threads could not be measured: {reason}")
    return Roof.model_validate_json(done.stdout)


def _peak() -> float:
    """Return the best rate of a matrix product in FLOP/s."""
    left, right = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < PEAK_S:
        began = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - began)
    return 2 * SIDE**3 / min(times)


def _bandwidth(size_bytes: int, threads: int) -> float:
    """Return the best rate in bytes/s at which `threads` threads read `size_bytes` again and again, each its part.

    They compute dot products of float32 vectors, as many in one call of numpy's as make a repeat, without the GIL.
    """
    numbers = max(1, size_bytes // threads // 2 // FLOAT32_BYTES)  # of each of two vectors
    rows, row = max(1, numbers // ROW), min(numbers, ROW)
    passes = max(1, threads * TRAFFIC_BYTES // size_bytes)
    began: list[float] = []

    def note() -> None:  # the barrier lets one thread call it each time, while all the others wait
        began.append(time.perf_counter())

    together = Barrier(threads, note, timeout=60)  # seconds; a thread without memory must not hold up the others

    def read(_: int) -> list[float]:
        left = np.broadcast_to(np.ones((rows, 1, row), np.float32), (passes, rows, 1, row))
        right = np.broadcast_to(np.ones((rows, row, 1), np.float32), (passes, rows, row, 1))
        dots = np.empty((passes, rows, 1, 1), np.float32)  # in C order, so that a pass ends before the next
        ends: list[float] = []
        together.wait()
        while len(ends) < REPEATS or began[-1] - began[0] < BANDWIDTH_S:
            np.matmul(left, right, out=dots)
            ends.append(time.perf_counter())
            together.wait()
        return ends

    with ThreadPoolExecutor(threads) as pool:
        last: list[float] = [max(ends) for ends in zip(*pool.map(read, range(threads)), strict=True)]
    seconds = min(end - begin for begin, end in zip(began, last, strict=False))  # the last to be noted began none
    return 2 * FLOAT32_BYTES * rows * row * threads * passes / seconds


def _identity(threads: int) -> str:
    """Return a short hash of what a roof depends on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    cpu = next((line for line in lines if line.startswith("model name")), platform.processor())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = (platform.machine(), cpu, os.cpu_count(), cores, cgroup.cpus(), platform.python_version(), np.__version__)
    return hashlib.sha256(repr((*parts, threads)).encode()).hexdigest()[:16]


if __name__ == "__main__":
    print(measure(int(sys.argv[1])).model_dump_json())
