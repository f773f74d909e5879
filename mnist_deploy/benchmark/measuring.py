"""What a worker does with the artifacts that it measures: loads them, and takes bursts of them."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from mnist_deploy.artifacts import require_intact
from mnist_deploy.benchmark import memory
from mnist_deploy.benchmark.messages import Burst, Job, Loaded, Request
from mnist_deploy.benchmark.sampler import Effort, Run, Tape, bare_loop, sample, timed, warm_up
from mnist_deploy.dataset import UInt8Array
from mnist_deploy.runtimes import RUNTIMES, Runtime

# Calls whose engine time is read after a cell's first burst: reading it takes time too, so it is not done within one.
ENGINE_CALLS = 5


@dataclass
class Cell:
    """A loaded artifact, what is called, and its inputs in turn; the median call of its last burst, in seconds."""

    runtime: Runtime
    run: Run
    tape: Tape
    call_s: float | None = None


def batches(images: np.ndarray, size: int) -> list[np.ndarray]:
    """Cut images into batches of `size`, the last one filled up from the first images."""
    count = -(-len(images) // size)
    turned = np.take(images, range(count * size), axis=0, mode="wrap")
    return [turned[start : start + size] for start in range(0, count * size, size)]


class Measuring:
    """The cells of one worker process.

    Attributes:
        cells: what is loaded, by job.
        loaded: closes what was loaded.
    """

    def __init__(self, request: Request, pixels: UInt8Array, imported_bytes: int) -> None:
        """Take the request's images, and what this process grew by when its library was imported."""
        self.cells: dict[int, Cell] = {}
        self.loaded = ExitStack()
        self._request = request
        self._effort = request.effort or Effort()
        self._pixels = pixels
        # The images are the harness's: what is held with them is where the library's own growth begins.
        self._base_bytes, self._library_bytes = memory.resident_bytes() - imported_bytes, 0
        self._device_base = self._device_library = self._device_bytes()

    def load(self, number: int, load: Callable[[Request, Job], Runtime]) -> Loaded:
        """Load a job's artifact, if it still is what was exported, and call it once, both timed; then warm it up."""
        job = self._request.jobs[number]
        require_intact(job.artifact)
        RUNTIMES[self._request.runtime].prepare(job.artifact, job.batch_size)
        if not self.cells:
            # What a library does once in a process belongs to no artifact's load time: do it beforehand.
            with load(self._request, job) as first:
                sacrifice = self._cell(first, self._pixels[: job.batch_size])
                sacrifice.run(sacrifice.tape.take())
            self._library_bytes = memory.resident_bytes() - self._base_bytes
            self._device_library = self._device_bytes()
        device_before = self._device_bytes()
        before = memory.resident_bytes()
        memory.forget_peak()
        runtime, load_s = timed(lambda: load(self._request, job))
        loaded, held = memory.peak_bytes() - before, memory.resident_bytes() - before
        self.loaded.enter_context(runtime)
        cell = self._cell(runtime, self._pixels)
        tensor = cell.tape.take()
        # The inputs in waiting are the harness's, so they are no part of what the call takes.
        before = memory.resident_bytes()
        memory.forget_peak()
        output, first_call_s = timed(lambda: cell.run(tensor))
        grown = max(loaded, held + memory.peak_bytes() - before)
        runtime.require_answer(runtime.run(runtime.encode(tensor)) if self._request.end_to_end else output)
        device_after = self._device_bytes()
        warm_up(cell.run, cell.tape, self._effort)
        self.cells[number] = cell
        return Loaded(
            job=number,
            load_s=load_s,
            first_call_s=first_call_s,
            memory_bytes=max(0, self._library_bytes + grown),
            device_memory_bytes=memory.device_grown(
                self._device_base, self._device_library, device_before, device_after
            ),
            proof=runtime.proof(),
            call=runtime.call_path(),
        )

    def _device_bytes(self) -> int | None:
        return memory.device_bytes() if self._request.device == "gpu" else None

    def burst(self, number: int) -> Burst:
        """Time a job's calls for one burst, after some that are not timed."""
        cell, effort = self.cells[number], self._effort
        # What takes longer a call meets cold caches for the smallest part of it.
        if cell.call_s is None or cell.call_s < effort.longest_burst_s:
            several = (self._request.threads or 1) > 1
            sample(cell.run, cell.tape, effort.rewarm_threads_s if several else effort.rewarm_s, 1)
        times = sample(cell.run, cell.tape, effort.burst_s, effort.min_calls, effort.longest_burst_s)
        bare = bare_loop(cell.run, cell.tape, effort.burst_s) if self._request.bare else np.array([], np.int64)
        engine_s = _engine_s(cell) if cell.call_s is None else None
        cell.call_s = float(np.median(times)) / 1e9
        return Burst(job=number, times=times.tolist(), bare=bare.tolist(), engine_s=engine_s)

    def drop(self, number: int) -> None:
        """Forget a job that failed."""
        self.cells.pop(number, None)

    def _cell(self, runtime: Runtime, pixels: UInt8Array) -> Cell:
        taken = batches(pixels, runtime.batch_size)
        if self._request.end_to_end:
            return Cell(runtime, runtime.classify, Tape(taken))
        return Cell(runtime, runtime.run, Tape([runtime.encode(batch) for batch in taken]))


def _engine_s(cell: Cell) -> float | None:
    """Return the median of what the runtime itself says of some calls; None if it says nothing."""
    if cell.runtime.engine_s() is None:
        return None
    told = []
    for _ in range(ENGINE_CALLS):
        cell.run(cell.tape.take())
        told.append(cell.runtime.engine_s())
    return float(np.median([value for value in told if value is not None]))
