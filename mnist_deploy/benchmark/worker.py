"""Fresh processes that load artifacts in one runtime, and measure them or compute their scores.

Run as `python -m mnist_deploy.benchmark.worker`: a host. It imports a library and forks a worker for each request that
it is handed, with that worker's own pipes: what takes TensorFlow three seconds is done once, and every worker still
starts with a library that has done nothing yet. Several workers may be alive at once. Where forking is not safe, the
host itself does the one request that it is handed.

A worker reads its request from a file, commands from one pipe, and writes events to the other.
"""

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import numpy as np
from pydantic import BaseModel

from mnist_deploy import lifeline, resource_limits
from mnist_deploy.artifacts import require_intact
from mnist_deploy.benchmark import bounds, memory
from mnist_deploy.benchmark.measuring import Measuring
from mnist_deploy.benchmark.messages import (
    FORKS,
    Action,
    Ended,
    Event,
    Failed,
    Forked,
    Job,
    Request,
    Scored,
    Started,
    parse_command,
)
from mnist_deploy.dataset import FloatArray, UInt8Array
from mnist_deploy.errors import printable
from mnist_deploy.quiet import debugging
from mnist_deploy.runtimes import RUNTIMES, Runtime

Say = Callable[[Event], None]
# A runtime that takes tens of milliseconds a call would take minutes for all images.
SINGLES_S, MIN_SINGLES = 0.5, 20
# A message to a host is a path, with a worker's three descriptors, or a process id to wait for.
MAX_MESSAGE_BYTES, PIPES = 64 * 1024, 3


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


def measure(request: Request, pixels: UInt8Array, imported_bytes: int, commands: Iterable[str], say: Say) -> None:
    """Load jobs and take bursts of them as the parent commands; each command is answered by one event."""
    work = Measuring(request, pixels, imported_bytes)
    with work.loaded:
        for line in commands:
            limit(request.limit_s)
            action, number = parse_command(line)
            event: Event
            try:
                event = work.load(number, load) if action is Action.LOAD else work.burst(number)
            except Exception as error:  # as above
                work.drop(number)
                event = Failed(job=number, reason=reason(error))
            # The clock goes on while the parent has stopped this process.
            limit(0)
            say(event)


def limit(seconds: float) -> None:
    """Let the kernel end this process after so long, even one that is stuck in a library; 0 takes the limit off."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def protected_stdout() -> TextIO:
    """Return a stream to the parent, line by line; from now on what else is printed goes to standard error.

    Libraries print to descriptor 1 as they like; the events need one that they do not know.
    """
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return stream


def writer(stream: TextIO) -> Callable[[BaseModel], None]:
    """Return what writes events to `stream`, one a line."""

    def say(event: BaseModel) -> None:
        stream.write(event.model_dump_json() + "\n")

    return say


def reason(error: Exception) -> str:
    """Return an exception in one line, by the limit of the shell if it comes of one; under --debug print all of it."""
    if debugging():
        traceback.print_exception(error)
    limit = resource_limits.explain(error)
    if limit is not None and resource_limits.names_limit(limit):
        return limit
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {printable(lines[0][:300])}" if lines else type(error).__name__


def do(path: str, base_bytes: int, commands: Iterable[str], say: Say) -> None:
    """Do the request in the file at `path`; `base_bytes` is what was held before the library was imported."""
    imported_bytes = memory.resident_bytes() - base_bytes
    request = Request.model_validate_json(Path(path).read_bytes())
    bounds.set_bounds(memory=request.device == "cpu")
    pixels = np.load(request.images, allow_pickle=False)
    if request.effort is not None:
        measure(request, pixels, imported_bytes, commands, say)
        return

    def saying(event: Event) -> None:
        limit(request.limit_s)
        say(event)

    score(request, pixels, saying)


def prepare(path: str) -> None:
    """Import the library that the request at `path` needs; if that fails, the worker will say how."""
    request = Request.model_validate_json(Path(path).read_bytes())
    try:
        RUNTIMES[request.runtime].preload()
    except Exception as error:
        reason(error)


def main() -> None:
    """Fork a worker for each request that is handed over, and say how each ended when asked."""
    lifeline.tie(os.getppid())
    bounds.take_the_blame(bounds.HOST_BLAME)
    base_bytes = memory.resident_bytes()
    stream = protected_stdout()
    say = writer(stream)
    if not FORKS:
        path = sys.stdin.readline().strip()
        prepare(path)
        do(path, base_bytes, sys.stdin, say)
        return
    calls = socket.socket(fileno=0)
    while True:
        text, pipes, *_ = socket.recv_fds(calls, MAX_MESSAGE_BYTES, PIPES)
        if not text:
            return
        if pipes:
            say(Forked(pid=_fork(text.decode(), pipes, base_bytes, stream.fileno())))
        else:
            say(Ended(code=_end(int(text))))


def _fork(path: str, pipes: Sequence[int], base_bytes: int, own: int) -> int:
    """Return the process id of a fresh worker that does the request at `path`, with a process group of its own.

    Args:
        path: of the request.
        pipes: descriptors of its commands, its events and its standard error, closed here.
        base_bytes: what was held before the library was imported.
        own: the descriptor in which this host answers, which no worker has.
    """
    prepare(path)
    held, host = memory.file_pages(), os.getpid()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            lifeline.tie(host)
            os.setpgid(0, 0)
            commands, events, errors = pipes
            for descriptor, here in ((commands, 0), (errors, 1), (errors, 2)):
                os.dup2(descriptor, here)
            for descriptor in (commands, errors, own):
                os.close(descriptor)
            memory.populate(held)
            do(path, base_bytes, os.fdopen(0, closefd=False), writer(os.fdopen(events, "w", buffering=1)))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            # Without the interpreter's long good-bye: libraries' threads would delay it or break it.
            sys.stderr.flush()
            os._exit(code)
    with suppress(OSError):  # it has done so itself, or is gone
        os.setpgid(child, child)
    for descriptor in pipes:
        os.close(descriptor)
    return child


def _end(child: int) -> int:
    """Wait for a worker's end, end what it started and did not live to end, as a compiler; return its exit code."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    return code


if __name__ == "__main__":
    main()
