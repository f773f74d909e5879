"""A fresh process that times artifacts in turn, and then profiles each.

Run as `python -m mnist_deploy.profiling.worker`. It reads one request from its standard input and writes events, one a
line, to its standard output. Timing comes first: no profiler is loaded then.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TextIO

import numpy as np

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.measuring import batches
from mnist_deploy.benchmark.sampler import Tape, sample, warm_up
from mnist_deploy.benchmark.worker import reason
from mnist_deploy.dataset import FloatArray, scaled
from mnist_deploy.profiling.messages import Event, Failed, Profiled, Request, Started, Timed
from mnist_deploy.profiling.profilers import PROFILERS
from mnist_deploy.runtimes import RUNTIMES, Runtime


def work(request: Request) -> Iterator[Event]:
    """Do a request, and yield what comes of it."""
    images = scaled(np.load(request.images, allow_pickle=False))
    yield from _time(request, images)
    if request.profile:
        for number, artifact in enumerate(request.artifacts):
            yield Started(job=number)
            try:
                yield _profile(request, number, artifact, images)
            except Exception as error:  # whatever a library raises is this artifact's result, not the end of the others
                yield Failed(job=number, reason=reason(error))


def _time(request: Request, images: FloatArray) -> Iterator[Event]:
    """Time slices of all artifacts in turn, first in the order given, then in the reverse, and so on.

    What slows the machine for longer than a slice slows neighbours alike, and so leaves their ratio as it is.
    """
    loaded: dict[int, tuple[Runtime, Tape]] = {}
    medians: list[list[float] | None] = [None] * len(request.artifacts)
    effort = request.plan.effort
    with ExitStack() as stack:
        for number, artifact in enumerate(request.artifacts):
            yield Started(job=number)
            try:
                runtime = stack.enter_context(_load(request, artifact))
                tape = Tape([runtime.encode(batch) for batch in batches(images, request.batch_size)])
                warm_up(runtime.run, tape, effort)
            except Exception as error:  # as above
                yield Failed(job=number, reason=reason(error))
            else:
                loaded[number] = runtime, tape
                medians[number] = []
        order = list(loaded)
        for _ in range(request.plan.slices):
            for number in order:
                runtime, tape = loaded[number]
                sample(runtime.run, tape, effort.rewarm_s, 1)
                times = sample(runtime.run, tape, effort.slice_s, effort.min_calls)
                taken = medians[number]
                assert taken is not None
                taken.append(float(np.median(times)) / 1e9)
            order.reverse()
    yield Timed(medians_s=medians)


def _load(request: Request, artifact: Artifact) -> Runtime:
    runtime = RUNTIMES[request.runtime]
    return runtime(artifact, device="cpu", threads=request.threads, batch_size=request.batch_size)


def _profile(request: Request, number: int, artifact: Artifact, images: FloatArray) -> Profiled:
    with _load(request, artifact) as runtime:
        tape = Tape([runtime.encode(batch) for batch in batches(images, request.batch_size)])
    plan = request.plan
    with PROFILERS[request.runtime](artifact, threads=request.threads, batch_size=request.batch_size) as profiler:
        first = sample(profiler.run, tape, 0.0, 1)
        warm = len(first) + warm_up(profiler.run, tape, plan.profiled)
        # As many calls as fit into the time, told from the calls just made.
        recent = float(np.median(sample(profiler.run, tape, 0.0, plan.profiled.min_calls))) / 1e9
        warm += plan.profiled.min_calls
        calls = max(plan.profiled.min_calls, min(plan.max_calls, int(plan.profiled.slice_s / recent)))
        times = sample(profiler.run, tape, 0.0, calls)
        reading = profiler.read(warm, len(times))
    return Profiled(
        job=number,
        operators=reading.operators,
        unfused_qdq=reading.unfused_qdq,
        profiled_s=float(np.median(times)) / 1e9,
        calls=len(times),
    )


def main() -> None:
    """Do the request on standard input."""
    # Libraries print to descriptor 1 as they like; the events need one that they do not know.
    stream: TextIO = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for event in work(Request.model_validate_json(sys.stdin.read())):
        stream.write(event.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
