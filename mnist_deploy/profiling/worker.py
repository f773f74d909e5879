"""A fresh process that times artifacts in turn, and then profiles each.

Run as `python -m mnist_deploy.profiling.worker`. It reads one request from its standard input and writes events, one a
line, to its standard output. Timing comes first: no profiler is loaded then.
"""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from mnist_deploy import lifeline
from mnist_deploy.artifacts import require_intact
from mnist_deploy.benchmark import bounds
from mnist_deploy.benchmark.measuring import batches
from mnist_deploy.benchmark.messages import Failed, Started
from mnist_deploy.benchmark.sampler import Effort, Tape, Times, sample, warm_up
from mnist_deploy.benchmark.worker import protected_stdout, reason, writer
from mnist_deploy.profiling.messages import Event, Profiled, ProfilePlan, Request, Timed
from mnist_deploy.profiling.profilers import PROFILERS, Profiler
from mnist_deploy.runtimes import RUNTIMES, Runtime

T = TypeVar("T")


@dataclass
class Cell:
    """An artifact that is loaded, its inputs in turn, and what was measured of it: medians of slices, in seconds."""

    number: int
    runtime: Runtime
    tape: Tape
    medians_s: list[float] = field(default_factory=list)

    def slice(self, effort: Effort) -> None:
        """Take one slice of ordinary calls."""
        sample(self.runtime.run, self.tape, effort.rewarm_s, 1)
        times = sample(self.runtime.run, self.tape, effort.burst_s, effort.min_calls)
        self.medians_s.append(float(np.median(times)) / 1e9)


class Profiling:
    """A profiler beside the ordinary runtime of the same artifact, so that both see the same moments."""

    def __init__(self, cell: Cell, profiler: Profiler, plan: ProfilePlan) -> None:
        """Warm both up, and see how many calls fit into a slice."""
        self.cell, self._profiler, self._plan = cell, profiler, plan
        cell.medians_s = []
        self._warm = len(sample(profiler.run, cell.tape, 0.0, 1)) + warm_up(profiler.run, cell.tape, plan.effort)
        recent = sample(profiler.run, cell.tape, 0.0, plan.effort.min_calls)
        self._warm += len(recent)
        fitting = int(plan.effort.burst_s / (float(np.median(recent)) / 1e9))
        self._calls = max(plan.effort.min_calls, min(plan.max_calls, fitting))
        self._times: list[Times] = []

    def round(self) -> None:
        """Take a slice of ordinary calls, and one with profiling on."""
        self.cell.slice(self._plan.effort)
        self._times.append(sample(self._profiler.run, self.cell.tape, 0.0, self._calls))

    def result(self) -> Profiled:
        """Read the profiler."""
        times = np.concatenate(self._times)
        reading = self._profiler.read(self._warm, len(times))
        return Profiled(
            job=self.cell.number,
            operators=reading.operators,
            unfused_qdq=reading.unfused_qdq,
            beside_s=float(np.median(self.cell.medians_s)),
            profiled_s=float(np.median([np.median(one) for one in self._times])) / 1e9,
            calls=len(times),
        )


class Work:
    """A request, and which of its artifacts have not failed."""

    def __init__(self, request: Request, say: Callable[[Event], None]) -> None:
        """Take the request, and whom to tell."""
        self._request, self._say = request, say
        self._pixels = np.load(request.images, allow_pickle=False)
        self._failed: set[int] = set()

    def do(self) -> None:
        """Time the artifacts, and then profile them if that is asked; no profiler is loaded before."""
        plan = self._request.plan
        with ExitStack() as stack:
            cells = [cell for number in range(len(self._request.artifacts)) if (cell := self._load(number, stack))]
            for turn in range(plan.slices):
                # First in the order given, then in the reverse: what changes with time favours none.
                for cell in cells if turn % 2 == 0 else reversed(cells):
                    self._guard(cell.number, partial(cell.slice, plan.effort))
            medians: list[list[float] | None] = [None] * len(self._request.artifacts)
            for cell in cells:
                medians[cell.number] = None if cell.number in self._failed else cell.medians_s
            self._say(Timed(medians_s=medians))
            if self._request.profile:
                self._profile(cells, stack)

    def _profile(self, cells: list[Cell], stack: ExitStack) -> None:
        plan = self._request.plan
        started = [self._guard(cell.number, partial(self._start, cell, stack)) for cell in cells]
        running = [one for one in started if one is not None]
        for _ in range(plan.rounds):
            for one in running:
                self._guard(one.cell.number, one.round)
        for one in running:
            result = self._guard(one.cell.number, one.result)
            if result is not None:
                self._say(result)

    def _load(self, number: int, stack: ExitStack) -> Cell | None:
        request = self._request

        def load() -> Cell:
            require_intact(request.artifacts[number])
            of: dict[str, Any] = {"device": "cpu", "threads": request.threads, "batch_size": request.batch_size}
            runtime = stack.enter_context(RUNTIMES[request.runtime](request.artifacts[number], **of))
            tape = Tape([runtime.encode(batch) for batch in batches(self._pixels, request.batch_size)])
            runtime.require_answer(runtime.run(tape.take()))
            warm_up(runtime.run, tape, request.plan.effort)
            return Cell(number, runtime, tape)

        return self._guard(number, load)

    def _start(self, cell: Cell, stack: ExitStack) -> Profiling:
        request = self._request
        profiler = PROFILERS[request.runtime]
        artifact = request.artifacts[cell.number]
        loaded = stack.enter_context(profiler(artifact, threads=request.threads, batch_size=request.batch_size))
        return Profiling(cell, loaded, request.plan)

    def _guard(self, number: int, step: Callable[[], T]) -> T | None:
        """Take a step for an artifact that has not failed; if the step fails, tell why and return None."""
        if number in self._failed:
            return None
        self._say(Started(job=number))
        try:
            return step()
        except Exception as error:  # whatever a library raises is this artifact's result, not the end of the others
            self._failed.add(number)
            self._say(Failed(job=number, reason=reason(error)))
            return None


def main() -> None:
    """Do the request on standard input."""
    lifeline.tie(os.getppid())
    say = writer(protected_stdout())
    bounds.set_bounds()
    Work(Request.model_validate_json(sys.stdin.read()), say).do()


if __name__ == "__main__":
    main()
