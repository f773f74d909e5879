"""One fresh process: loads artifacts in one runtime, and measures them or computes their scores.

Run as `python -m mnist_deploy.benchmark.worker REQUEST.json`; it writes events to its standard output.
"""

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from mnist_deploy.benchmark.messages import Done, Event, Failed, Job, Loaded, Request, Started
from mnist_deploy.benchmark.sampler import Effort, Tape, sample, timed, warm_up
from mnist_deploy.dataset import FloatArray, scaled
from mnist_deploy.errors import UnavailableError
from mnist_deploy.quiet import debugging, quiet
from mnist_deploy.runtimes import RUNTIMES, Runtime

Say = Callable[[Event], None]
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Loading:
    """A loaded artifact with its inputs, encoded, in turn."""

    runtime: Runtime
    tape: Tape


def load(request: Request, job: Job) -> Runtime:
    """Load one artifact."""
    runtime = RUNTIMES[request.runtime]
    return runtime(job.artifact, device=request.device, threads=request.threads, batch_size=job.batch_size)


def placed(device: str, executed_on: str) -> str:
    """Return `executed_on` if it can be the `device` that was asked for.

    Raises:
        UnavailableError: the GPU was asked for and the library fell back to the CPU, as some do without a word.
    """
    if device == "gpu" and "CPU" in executed_on.upper():
        raise UnavailableError(f"asked for the GPU, but it ran on {executed_on}")
    return executed_on


def tape_for(runtime: Runtime, images: FloatArray) -> Tape:
    """Encode all `images` as batches, the last one filled up from the first images."""
    size = runtime.batch_size
    count = -(-len(images) // size)
    turned = np.take(images, range(count * size), axis=0, mode="wrap")
    return Tape([runtime.encode(turned[start : start + size]) for start in range(0, count * size, size)])


def score(request: Request, images: FloatArray, say: Say) -> Arrays:
    """Compute the scores of all images in every job."""
    arrays = {}
    for number, job in request.todo():
        say(Started(job=number))
        try:
            with load(request, job) as runtime:
                placed(request.device, runtime.executed_on())
                arrays[f"scores.{number}"] = runtime.infer(images)
        except Exception as error:  # whatever a library raises is this job's result, not the end of the others
            say(Failed(job=number, reason=reason(error)))
        else:
            say(Done(job=number))
    return arrays


def measure(request: Request, effort: Effort, images: FloatArray, say: Say) -> Arrays:
    """Load every job, then measure them round by round."""
    arrays: Arrays = {}
    loadings: dict[int, Loading] = {}
    with ExitStack() as stack:
        for number, job in request.todo():
            say(Started(job=number))
            try:
                if not loadings:
                    # What a library does once in a process belongs to no artifact's load time: do it beforehand.
                    with load(request, job) as first:
                        first.run(tape_for(first, images).take())
                runtime, load_s = timed(lambda job=job: load(request, job))  # type: ignore[misc]
                stack.enter_context(runtime)
                tape = tape_for(runtime, images)
                tensor = tape.take()
                _, first_call_s = timed(lambda runtime=runtime, tensor=tensor: runtime.run(tensor))  # type: ignore[misc]
                on = placed(request.device, runtime.executed_on())
                say(Loaded(job=number, load_s=load_s, first_call_s=first_call_s, executed_on=on))
                loadings[number] = Loading(runtime, tape)
            except Exception as error:
                say(Failed(job=number, reason=reason(error)))
        for turn, order in enumerate(request.rounds):
            for number in order:
                if number not in loadings:
                    continue
                say(Started(job=number))
                run, tape = loadings[number].runtime.run, loadings[number].tape
                try:
                    warm_up(run, tape, effort)
                    arrays[f"{number}.{turn}"] = sample(run, tape, effort.slice_s, effort.min_calls)
                except Exception as error:
                    del loadings[number]
                    say(Failed(job=number, reason=reason(error)))
                else:
                    say(Done(job=number))
    return arrays


def reason(error: Exception) -> str:
    """Return an exception in one line; under --debug print all of it too."""
    if debugging():
        traceback.print_exception(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def main(path: str) -> None:
    """Do the request in the file at `path`."""
    request = Request.model_validate_json(Path(path).read_bytes())
    # Libraries print to descriptor 1 as they like; the events need one that they do not know.
    stream: TextIO = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(event: Event) -> None:
        stream.write(event.model_dump_json() + "\n")

    with quiet():
        images = scaled(np.load(request.images, allow_pickle=False))
        if request.effort is None:
            arrays = score(request, images, say)
        else:
            arrays = measure(request, request.effort, images, say)
        np.savez(request.answers, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1])
