"""The parent's side of the workers: it sleeps in a read while a worker works."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from mnist_deploy import quiet
from mnist_deploy.benchmark.messages import EVENT, Ended, Event, Failed, Loaded, Request, Scored, Sliced, Started
from mnist_deploy.runtimes import RUNTIMES, Proof

PACKAGE_ROOT = Path(__file__).parents[2]
LAST_LINES = 3
# What such an end mostly means; nothing is printed then.
SIGNAL_HINTS = {"SIGKILL": " (out of memory?)", "SIGILL": " (the library uses an instruction that this CPU lacks)"}
OnEvent = Callable[[Event], None]


@dataclass
class Outcome:
    """What a request came to: arrays by name; cold starts, proofs, slices and failures by job."""

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    loaded: dict[int, Loaded] = field(default_factory=dict)
    scored: dict[int, Proof] = field(default_factory=dict)
    sliced: dict[int, list[Sliced]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    died: str | None = None
    last_started: int | None = None


def work(request: Request, on_event: OnEvent) -> Outcome:
    """Let a host of its own do one request; see `Host.work`."""
    with Host(request.runtime) as host:
        return host.work(request, on_event)


class Host:
    """A process that imports a library and forks a fresh worker for each request; a context manager.

    Its requests must be of runtimes of one library and environment, and come one after the other.
    """

    def __init__(self, runtime: str) -> None:
        """Start nothing yet; `runtime` is one of those that it is for."""
        self._environment = RUNTIMES[runtime].environment
        self._process: subprocess.Popen[str] | None = None
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
        the others again.
        """
        failed: dict[int, str] = {}
        while True:
            outcome = self._attempt(request.model_copy(update={"leave_out": sorted(failed)}), on_event)
            failed |= outcome.failed
            if outcome.died is None:
                outcome.failed = failed
                return outcome
            # One that dies before it has any job in hand cannot work at all here.
            jobs = range(len(request.jobs)) if outcome.last_started is None else [outcome.last_started]
            failed |= {job: outcome.died for job in jobs if job not in failed}
            if len(failed) == len(request.jobs):
                return Outcome(failed=failed)

    def _attempt(self, request: Request, on_event: OnEvent) -> Outcome:
        outcome = Outcome()
        path = Path(self._folder.name) / "request.json"
        path.write_text(request.model_dump_json(), encoding="utf-8")
        process = self._running()
        printed = os.fstat(self._errors.fileno()).st_size
        code = self._converse(process, path, outcome, on_event)
        if code == 0:
            with np.load(request.answers, allow_pickle=False) as archive:
                outcome.arrays = {name: archive[name] for name in archive.files}
        else:
            outcome.died = how_it_died(code, request.limit_s) + last_words(self._errors, printed)
        return outcome

    def _converse(self, process: subprocess.Popen[str], path: Path, outcome: Outcome, on_event: OnEvent) -> int:
        """Hand a request over, take its events, and return the exit code of who did it."""
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._kill()
        for line in process.stdout:
            event = EVENT.validate_json(line)
            match event:
                case Started(job=job):
                    outcome.last_started = job
                case Loaded(job=job):
                    outcome.loaded[job] = event
                case Scored(job=job, proof=proof):
                    outcome.scored[job] = proof
                case Sliced(job=job):
                    outcome.sliced.setdefault(job, []).append(event)
                case Failed(job=job, reason=reason):
                    outcome.failed[job] = reason
                case Ended(code=code):
                    return code
            on_event(event)
        code = process.wait()
        self._process = None
        return code or 1  # whoever ends without a word has not done it

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            # -P: what lies in the user's working directory must not stand in for a library. A group of its own: the
            # parent ends host and worker together, and a Ctrl-C at the terminal is the parent's to handle.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "mnist_deploy.benchmark.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if quiet.debugging() else self._errors,
                env={**environment(), **self._environment}, text=True, start_new_session=True,
            )  # fmt: skip
        return self._process

    def _kill(self) -> int:
        process, self._process = self._process, None
        return 1 if process is None else kill(process)


def kill(process: subprocess.Popen[str]) -> int:
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


def last_words(errors: IO[bytes], since: int = 0) -> str:
    """Return the last lines that were printed to `errors` after byte `since`, as the end of a message of one line."""
    errors.seek(since)
    lines = [line.strip() for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return f"; its last words: {' | '.join(lines[-LAST_LINES:])[-300:]}" if lines else ""


def environment() -> dict[str, str]:
    """Return the environment for a Python process that must find this package and keep its libraries quiet."""
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(PACKAGE_ROOT)]))
    return {**quiet.CHATTER, **os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}


def how_it_died(code: int, limit_s: float) -> str:
    """Say how a process ended that was to do something within `limit_s`; negative codes are signals."""
    if code == -getattr(signal, "SIGALRM", 0) and code:
        return f"took longer than {limit_s:g} s (SIGALRM)"
    if code < 0:
        name = signal.Signals(-code).name
        return f"the worker process was killed by {name}" + SIGNAL_HINTS.get(name, "")
    return f"the worker process ended with exit code {code}"
