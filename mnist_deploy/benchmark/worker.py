"""Fresh processes that load artifacts in one runtime, and measure them or compute their scores.

Run as `python -m mnist_deploy.benchmark.worker`. It reads paths of requests, one a line, and writes events to its
standard output. Each request is done by a process of its own, forked from this one once the runtime's library is
imported: what takes TensorFlow three seconds is done once, and every worker still starts with a library that has done
nothing yet. Where forking is not safe, one process does one request.
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from pydantic import BaseModel

from mnist_deploy import lifeline
from mnist_deploy.artifacts import require_intact
from mnist_deploy.benchmark import bounds, memory
from mnist_deploy.benchmark.answers import Arrays
from mnist_deploy.benchmark.measuring import Measuring
from mnist_deploy.benchmark.messages import Ended, Event, Failed, Job, Request, Scored, Started
from mnist_deploy.dataset import FloatArray, UInt8Array
from mnist_deploy.errors import printable
from mnist_deploy.quiet import debugging
from mnist_deploy.runtimes import RUNTIMES, Runtime

Say = Callable[[Event], None]
# Elsewhere system libraries themselves forbid it (macOS), or there is no such thing (Windows).
FORKS = sys.platform == "linux"
# A runtime that takes tens of milliseconds a call would take minutes for all images.
SINGLES_S, MIN_SINGLES = 0.5, 20


def load(request: Request, job: Job) -> Runtime:
    """Load one artifact, which `require_intact` looks at before."""
    runtime = RUNTIMES[request.runtime]
    return runtime(job.artifact, device=request.device, threads=request.threads, batch_size=job.batch_size)


def score(request: Request, images: UInt8Array, say: Say) -> None:
    """Compute the scores of all images in every job, and of the first ones one at a time too."""
    for number, job in request.todo():
        say(Started(job=number))
        try:
            require_intact(job.artifact)
            with load(request, job) as runtime:
                arrays = {"scores": score_batches(runtime, images, request.score_s)}
                proof = runtime.proof()
            if request.singles:
                with load(request, job.model_copy(update={"batch_size": 1})) as runtime:
                    arrays["single"] = score_batches(runtime, images[: request.singles], SINGLES_S, MIN_SINGLES)
            np.savez(request.scores_of(number), **arrays)  # type: ignore[arg-type]
        except Exception as error:  # whatever a library raises is this job's result, not the end of the others
            say(Failed(job=number, reason=reason(error)))
        else:
            say(Scored(job=number, proof=proof))


def score_batches(runtime: Runtime, images: UInt8Array, limit_s: float | None, at_least: int = 1) -> FloatArray:
    """Return the scores of images, float32 (M, 10): of all, or of as many batches as a time limit lets through.

    Args:
        runtime: a loaded artifact.
        images: uint8 (N, 28, 28).
        limit_s: no batch begins later than so many seconds from now; None sets no limit.
        at_least: how many images are scored all the same.
    """
    if limit_s is None:
        return runtime.infer(images)
    scores: list[FloatArray] = []
    deadline = time.monotonic() + limit_s
    for start in range(0, len(images), runtime.batch_size):
        if start >= at_least and time.monotonic() > deadline:
            break
        scores.append(runtime.infer(images[start : start + runtime.batch_size]))
    return np.concatenate(scores)


def measure(request: Request, pixels: np.ndarray, imported_bytes: int, say: Say) -> Arrays:
    """Load every job, then measure them round by round.

    What was disturbed is measured once more after its round, if it is quiet then.
    """
    work = Measuring(request, pixels, imported_bytes, say)
    with work.loaded:
        for number, job in request.todo():
            _guarded(number, say, work.drop, lambda number=number, job=job: work.load(number, load, job))  # type: ignore[misc]
        for turn, order in enumerate(request.rounds):
            work.again = []
            for number in order:
                _slice(work, number, turn, 0, say)
            for number in list(work.again):
                if work.may_retry():
                    _slice(work, number, turn, 1, say)
    return work.arrays


def _slice(work: Measuring, number: int, turn: int, attempt: int, say: Say) -> None:
    if number in work.cells:
        _guarded(number, say, work.drop, lambda: work.slice(number, turn, attempt))


def _guarded(number: int, say: Say, drop: Callable[[int], None], step: Callable[[], None]) -> None:
    say(Started(job=number))
    try:
        step()
    except Exception as error:  # as above
        drop(number)
        say(Failed(job=number, reason=reason(error)))


def teller() -> Callable[[BaseModel], None]:
    """Return what writes events to the parent, one a line; from now on what else is printed goes to standard error."""
    # Libraries print to descriptor 1 as they like; the events need one that they do not know.
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(event: BaseModel) -> None:
        stream.write(event.model_dump_json() + "\n")

    return say


def reason(error: Exception) -> str:
    """Return an exception in one line; under --debug print all of it too."""
    if debugging():
        traceback.print_exception(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {printable(lines[0][:300])}" if lines else type(error).__name__


def do(path: str, base_bytes: int, say: Say) -> None:
    """Do the request in the file at `path`; `base_bytes` is what was held before the library was imported."""
    imported_bytes = memory.resident_bytes() - base_bytes
    request = Request.model_validate_json(Path(path).read_bytes())
    bounds.set_bounds(memory=request.device == "cpu")

    def saying(event: Event) -> None:
        # The kernel ends a process whose step takes too long, even one that is stuck in a library.
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, request.limit_s)
        say(event)

    pixels = np.load(request.images, allow_pickle=False)
    if request.effort is None:
        score(request, pixels, saying)
    else:
        arrays = measure(request, pixels, imported_bytes, saying)
        np.savez(request.answers, **arrays)  # type: ignore[arg-type]


def prepare(path: str) -> None:
    """Import the library that the request at `path` needs; if that fails, the worker will say how."""
    request = Request.model_validate_json(Path(path).read_bytes())
    try:
        RUNTIMES[request.runtime].preload()
    except Exception as error:
        reason(error)


def main() -> None:
    """Do the requests named on standard input, each in a process of its own."""
    lifeline.tie(os.getppid())
    bounds.take_the_blame(bounds.HOST_BLAME)
    say = teller()
    base_bytes = memory.resident_bytes()
    for line in sys.stdin:
        path = line.strip()
        prepare(path)
        if not FORKS:
            do(path, base_bytes, say)
            say(Ended(code=0))
            return
        held = memory.file_pages()
        host = os.getpid()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                lifeline.tie(host)
                memory.populate(held)
                do(path, base_bytes, say)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                # Without the interpreter's long good-bye: libraries' threads would delay it or break it.
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        end_leftovers()
        say(Ended(code=code))


def end_leftovers() -> None:
    """End what a worker started and did not live to end, as a compiler: it would run beside what is measured next."""
    group = os.getpgrp()
    if group != os.getpid():  # it shares the group with who started it
        return
    for process in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if process != group and os.getpgid(process) == group:
                os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main()
