"""The parent's side of the workers: it sleeps in a read while a worker works."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from mnist_deploy import cgroup, emulation, quiet
from mnist_deploy.benchmark import bounds
from mnist_deploy.benchmark.listening import GarbledError, SilenceError, events
from mnist_deploy.benchmark.messages import EVENT, Ended, Event, Request
from mnist_deploy.benchmark.outcome import Outcome as Outcome
from mnist_deploy.errors import printable
from mnist_deploy.runtimes import RUNTIMES

PACKAGE_ROOT = Path(__file__).parents[2]
LAST_LINES, LAST_BYTES = 3, 16 * 1024
# A worker's limit is kept by the kernel's clock. The parent ends what is stuck in spite of it, or before it has begun:
# the longest import of a library takes a few seconds.
GRACE_S = 120.0
# What such an end mostly means; nothing is printed then.
SIGNAL_HINTS = {"SIGKILL": " (out of memory?)", "SIGILL": " (the library uses an instruction that this CPU lacks)"}
# So begins the reason of what the kernel ended because memory ran out, as far as it tells.
OUT_OF_MEMORY = "out of memory: "
OnEvent = Callable[[Event], None]


def work(request: Request, on_event: OnEvent) -> Outcome:
    """Let a host of its own do one request; see `Host.work`."""
    with Host(request.runtime) as host:
        return host.work(request, on_event)


class Host:
    """A process that imports a library and forks a fresh worker for each request; a context manager.

    Its requests must be of runtimes of one library and environment, and come one after the other.
    """

    def __init__(self, runtime: str, processor: str | None = None) -> None:
        """Start nothing yet.

        Args:
            runtime: one of those that it is for.
            processor: which processor is emulated for it, as `emulation.resolve` names it; None is the real one.
        """
        self._environment = RUNTIMES[runtime].environment
        self._processor = processor
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the host

    def __enter__(self) -> Self:
        """Return the host."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, and a worker that is still at it."""
        self._kill()
        self._errors.close()
        self._folder.cleanup()

    def work(self, request: Request, on_event: OnEvent) -> Outcome:
        """Let fresh workers do `request` until every job is done or has failed, and tell of each event as it comes.

        A worker that dies takes its measurements with it: the job that it had in hand fails, and another worker does
        the others again. Scores are kept.
        """
        whole = Outcome()
        while True:
            done = {*whole.failed, *whole.scored}
            found = self._attempt(request.model_copy(update={"leave_out": sorted(done)}), on_event)
            whole.failed |= found.failed
            whole.scored |= found.scored
            whole.arrays |= found.arrays
            if found.died is None:
                whole.loaded, whole.sliced = found.loaded, found.sliced
                return whole
            left = [job for job, _ in request.todo() if job not in whole.failed and job not in whole.scored]
            if found.last_started in left:
                whole.failed[found.last_started] = found.died
                left.remove(found.last_started)
            elif len(whole.failed) + len(whole.scored) == len(done):  # it cannot work at all here
                whole.failed |= dict.fromkeys(left, found.died)
                return whole
            if not left:
                return whole

    def _attempt(self, request: Request, on_event: OnEvent) -> Outcome:
        outcome = Outcome()
        path = Path(self._folder.name) / "request.json"
        path.write_text(request.model_dump_json(), encoding="utf-8")
        # What an earlier request was answered must not pass for an answer to this one.
        for stale in (request.answers, *(request.scores_of(job) for job, _ in request.todo())):
            stale.unlink(missing_ok=True)
        # Its processes share this place in the file.
        self._errors.seek(0)
        self._errors.truncate()
        how = self._converse(self._running(), path, request, outcome, on_event)
        if how is None:
            outcome.gather(request)
        else:
            outcome.died = how if how.startswith(OUT_OF_MEMORY) else how + last_words(self._errors)
        return outcome

    def _converse(
        self, process: subprocess.Popen[bytes], path: Path, request: Request, outcome: Outcome, on_event: OnEvent
    ) -> str | None:
        """Hand a request over, take its events, and return how the worker died; None if it did not."""
        assert process.stdin is not None and process.stdout is not None
        kills = cgroup.oom_kills()
        try:
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()
            for event in events(process.stdout, EVENT, request.limit_s + GRACE_S):
                if isinstance(event, Ended):
                    return _death(event.code, request.limit_s, kills) if event.code else None
                if event.job >= len(request.jobs):
                    raise GarbledError(f"spoke of job {event.job} of {len(request.jobs)}")
                on_event(outcome.note(event, request))
            # Whoever ends without a word has not done it.
            process.wait(GRACE_S)
        except BrokenPipeError:
            pass
        except GarbledError as error:
            self._kill()
            return f"the worker process {error}"
        except (SilenceError, subprocess.TimeoutExpired):
            self._kill()
            return f"took longer than {request.limit_s:g} s"
        return _death(self._kill(), request.limit_s, kills)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            # -P: what lies in the user's working directory must not stand in for a library. A group of its own: the
            # parent ends host and worker together, and a Ctrl-C at the terminal is the parent's to handle.
            before, variables = [], {**environment(), **self._environment}
            if self._processor is not None:
                before, variables = emulation.command(self._processor), emulation.environment(variables)
            self._process = subprocess.Popen(
                [*before, sys.executable, "-P", "-m", "mnist_deploy.benchmark.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if quiet.debugging() else self._errors,
                env=variables, start_new_session=True,
            )  # fmt: skip
            if self._processor is not None:
                bounds.forbid_core_dumps(self._process.pid)
        return self._process

    def _kill(self) -> int:
        process, self._process = self._process, None
        return 1 if process is None else kill(process)


def kill(process: subprocess.Popen[bytes]) -> int:
    """End a process that leads a group of its own, with all that it started, and return an exit code that is not 0."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):
        process.kill()
    return process.wait() or 1


def last_words(errors: IO[bytes]) -> str:
    """Return the last lines that were printed to `errors`, as the end of a message of one line."""
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - LAST_BYTES))
    text = errors.read(LAST_BYTES).decode("utf-8", "replace")
    lines = [printable(line.strip()) for line in text.splitlines() if line.strip() and not emulation.is_warning(line)]
    return f"; its last words: {' | '.join(lines[-LAST_LINES:])[-300:]}" if lines else ""


def environment() -> dict[str, str]:
    """Return the environment for a Python process that must find this package and keep its libraries quiet."""
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(PACKAGE_ROOT)]))
    return {**quiet.CHATTER, **os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}


def _death(code: int, limit_s: float, kills: int) -> str:
    """Say how a worker ended; whether it was for want of memory, the kernel's count, which was `kills`, tells."""
    if code != -getattr(signal, "SIGKILL", 0) or cgroup.oom_kills() == kills:
        return how_it_died(code, limit_s)
    limit = cgroup.memory_bytes()
    room = (
        f"is left of the {limit / 1024**2:.0f} MiB that its control group may take"
        if limit
        else "this machine has left"
    )
    return f"{OUT_OF_MEMORY}the kernel ended its process, for it needs more than {room}"


def how_it_died(code: int, limit_s: float) -> str:
    """Say how a process ended that was to do something within `limit_s`; negative codes are signals."""
    if code == -getattr(signal, "SIGALRM", 0) and code:
        return f"took longer than {limit_s:g} s (SIGALRM)"
    if code < 0:
        names = {one.value: one.name for one in signal.Signals}  # real-time signals have none
        name = names.get(-code, f"signal {-code}")
        return f"the worker process was killed by {name}" + SIGNAL_HINTS.get(name, "")
    return f"the worker process ended with exit code {code}"
