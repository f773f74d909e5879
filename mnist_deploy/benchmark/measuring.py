"""What a worker does with the artifacts that it measures: loads them, and takes slices of them."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from mnist_deploy.artifacts import require_intact
from mnist_deploy.benchmark import memory, noise
from mnist_deploy.benchmark.answers import Arrays
from mnist_deploy.benchmark.messages import Done, Event, Job, Loaded, Request, Sliced
from mnist_deploy.benchmark.sampler import Effort, Run, Tape, bare_loop, sample, timed, warm_up
from mnist_deploy.dataset import UInt8Array
from mnist_deploy.runtimes import RUNTIMES, Runtime

# Calls whose engine time is read after a cell's first slice: reading it takes time too, so it is not done within one.
ENGINE_CALLS = 5


@dataclass
class Cell:
    """A loaded artifact, what is called, and its inputs in turn."""

    runtime: Runtime
    run: Run
    tape: Tape
    slices: int = 0


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
        again: jobs whose slice in this round was disturbed.
        arrays: the slices' call times.
    """

    def __init__(self, request: Request, pixels: UInt8Array, imported_bytes: int, say: Callable[[Event], None]) -> None:
        """Take the request's images, and what this process grew by when its library was imported."""
        self.cells: dict[int, Cell] = {}
        self.loaded = ExitStack()
        self.again: list[int] = []
        self.arrays: Arrays = {}
        self._request = request
        self._effort = request.effort or Effort()
        self._pixels = pixels
        # The images are the harness's: what is held with them is where the library's own growth begins.
        self._base_bytes, self._library_bytes = memory.resident_bytes() - imported_bytes, 0
        self._device_base = self._device_library = self._device_bytes()
        self._say = say
        self._retries = request.retries
        self._probed: float | None = None
        self._probes: list[float] = [] if request.quiet_probe_s is None else [request.quiet_probe_s]

    def load(self, number: int, load: Callable[[Request, Job], Runtime], job: Job) -> None:
        """Load a job's artifact, if it still is what was exported, and call it once; both are timed."""
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
        self._say(
            Loaded(
                job=number,
                load_s=load_s,
                first_call_s=first_call_s,
                memory_bytes=max(0, self._library_bytes + grown),
                device_memory_bytes=memory.device_grown(
                    self._device_base, self._device_library, device_before, self._device_bytes()
                ),
                proof=runtime.proof(),
                call=runtime.call_path(),
            )
        )
        self.cells[number] = cell

    def _device_bytes(self) -> int | None:
        return memory.device_bytes() if self._request.device == "gpu" else None

    def slice(self, number: int, turn: int, attempt: int) -> None:
        """Warm a job up and time it for a slice, under the eyes of the machine's witnesses."""
        cell, effort = self.cells[number], self._effort
        if cell.slices:
            sample(cell.run, cell.tape, effort.rewarm_s, 1)
        else:
            warm_up(cell.run, cell.tape, effort)
        threads = self._request.threads or 1
        # Several threads' probe stands before the warm-up: it is the one after the slice before, when they had settled.
        witness = noise.Witness(threads, self._probed if threads > 1 else None)
        times = sample(cell.run, cell.tape, effort.slice_s, effort.min_calls)
        seen = witness.end()
        self._probed = witness.probe_s
        name = f"{number}.{cell.slices}"
        cell.slices += 1
        self.arrays[name] = times
        if self._request.bare:
            self.arrays[f"{name}.bare"] = bare_loop(cell.run, cell.tape, effort.slice_s)
        self._probes.append(seen.probe_s)
        quiet = noise.quiet_probe(self._probes)
        disturbed = noise.reasons(seen, quiet, threads=threads)
        if disturbed and attempt == 0:
            self.again.append(number)
        self._say(
            Sliced(
                job=number,
                turn=turn,
                attempt=attempt,
                noise=seen,
                engine_s=None if turn or attempt else _engine_s(cell),
            )
        )
        if attempt == 0:
            self._say(Done(job=number))

    def may_retry(self) -> bool:
        """Tell whether a slice may be measured once more now; another one in the same noise would be worth no more."""
        if self._retries <= 0:
            return False
        threads = self._request.threads or 1
        if threads > 1:
            noise.settle()
        if noise.probe(threads) > noise.PROBE_TOLERANCE * noise.quiet_probe(self._probes):
            return False
        self._retries -= 1
        return True

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
