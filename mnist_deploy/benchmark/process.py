"""The parent's side of hosts: it sleeps in a read while a worker works."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from mnist_deploy import cgroup, emulation, quiet
from mnist_deploy.benchmark import bounds
from mnist_deploy.benchmark.listening import GarbledError, SilenceError, events
from mnist_deploy.benchmark.messages import FORKS, HOST_REPLY, Ended, Event, Forked, HostReply, Request
from mnist_deploy.benchmark.outcome import Outcome as Outcome
from mnist_deploy.benchmark.workers import GRACE_S, Worker, WorkerDiedError, describe_death, stderr_tail
from mnist_deploy.runtimes import RUNTIMES

PACKAGE_ROOT = Path(__file__).parents[2]
OnEvent = Callable[[Event], None]


def work(request: Request, on_event: OnEvent) -> Outcome:
    """Let a host of its own compute the scores of one request; see `Host.work`."""
    with Host(request.runtime) as host:
        return host.work(request, on_event)


class Host:
    """A process that imports a library and forks a fresh worker for each request; a context manager.

    Its requests must be of runtimes of one library and environment.
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
        self._calls: socket.socket | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._requests = 0
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the host
        self._workers: list[Worker] = []

    def __enter__(self) -> Self:
        """Return the host."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, and workers that are still at it."""
        self._kill()
        self._errors.close()
        self._folder.cleanup()

    def start(self, request: Request) -> Worker:
        """Return a fresh worker for `request`; end it with `Worker.finish` or `Worker.kill`.

        Raises:
            WorkerDiedError: the library's import ended the host.
        """
        self._requests += 1
        path = Path(self._folder.name) / f"request-{self._requests}.json"
        path.write_text(request.model_dump_json(), encoding="utf-8")
        worker = self._forked(path, request) if FORKS else self._alone(path, request)
        self._workers = [one for one in self._workers if not one.ended] + [worker]
        return worker

    def work(self, request: Request, on_event: OnEvent) -> Outcome:
        """Let workers compute the scores of `request` until every job is done or has failed, and tell each event.

        The job that a worker has in hand when it dies fails, and another worker does those that are left.
        """
        whole = Outcome()
        while True:
            done = {*whole.failed, *whole.scored}
            found = self._attempt(request.model_copy(update={"leave_out": sorted(done)}), on_event)
            whole.failed |= found.failed
            whole.scored |= found.scored
            whole.arrays |= found.arrays
            if found.died is None:
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
        # What an earlier request was answered must not pass for an answer to this one.
        for job, _ in request.todo():
            request.scores_of(job).unlink(missing_ok=True)
        try:
            worker = self.start(request)
            try:
                while (event := worker.next_event()) is not None:
                    on_event(outcome.note(event, request))
                worker.finish()
            finally:
                worker.kill()
        except WorkerDiedError as death:
            outcome.died = death.reason
        else:
            outcome.complete(request)
        return outcome

    def _forked(self, path: Path, request: Request) -> Worker:
        kills = cgroup.oom_kills()
        process = self._running()
        assert self._calls is not None
        commands, own_commands = os.pipe()
        own_events, events_ = os.pipe()
        errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        try:
            descriptors = [commands, events_, 2 if quiet.debugging() else errors.fileno()]
            with suppress(BrokenPipeError, ConnectionResetError):  # how it died is told below
                socket.send_fds(self._calls, [os.fsencode(path)], descriptors)
        finally:
            os.close(commands)
            os.close(events_)
        reply = self._reply(process, request.limit_s + GRACE_S)
        if not isinstance(reply, Forked):
            os.close(own_commands)
            os.close(own_events)
            errors.close()
            raise WorkerDiedError(reply if isinstance(reply, str) else self._death(request.limit_s, kills))
        return Worker(
            request,
            reply.pid,
            os.fdopen(own_commands, "wb", buffering=0),
            os.fdopen(own_events, "rb", buffering=0),
            errors,
            lambda: self._wait(reply.pid, request.limit_s),
        )

    def _alone(self, path: Path, request: Request) -> Worker:
        """Return a process that has no host, where processes are not forked."""
        errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        process = self._popen(subprocess.PIPE, errors)
        assert process.stdin is not None and process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(f"{path}\n".encode())
            process.stdin.flush()

        def wait() -> int | None:
            try:
                return process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                return None

        return Worker(request, process.pid, process.stdin, process.stdout, errors, wait)

    def _reply(self, process: subprocess.Popen[bytes], limit_s: float) -> HostReply | str | None:
        """Return what the host says next, None if it is gone, or what is wrong with it."""
        assert process.stdout is not None
        try:
            return next(events(process.stdout, HOST_REPLY, limit_s), None)
        except GarbledError as error:
            self._kill()
            return f"the worker process {error}"
        except SilenceError:
            self._kill()
            return f"took longer than {limit_s:g} s to start"

    def _wait(self, pid: int, limit_s: float) -> int | None:
        """Return the exit code of a worker that ends; None if it does not, or its host is gone."""
        if self._process is None or self._calls is None:
            return None
        try:
            self._calls.send(str(pid).encode())
        except OSError:
            return None
        reply = self._reply(self._process, limit_s + GRACE_S)
        return reply.code if isinstance(reply, Ended) else None

    def _death(self, limit_s: float, kills: int) -> str:
        return describe_death(self._kill(), limit_s, kills) + stderr_tail(self._errors)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._kill()
            self._errors.seek(0)
            self._errors.truncate()
            # Messages have their bounds, and none is merged with the next.
            self._calls, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = self._popen(theirs.fileno(), self._errors)
        return self._process

    def _popen(self, stdin: int, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        # -P: what lies in the user's working directory must not stand in for a library. A group of its own: the parent
        # ends host and workers together, and a Ctrl-C at the terminal is the parent's to handle.
        before, variables = [], {**environment(), **self._environment}
        if self._processor is not None:
            before, variables = emulation.command(self._processor), emulation.environment(variables)
        process = subprocess.Popen(
            [*before, sys.executable, "-P", "-m", "mnist_deploy.benchmark.worker"],
            stdin=stdin, stdout=subprocess.PIPE, stderr=None if quiet.debugging() else errors,
            env=variables, start_new_session=True,
        )  # fmt: skip
        if self._processor is not None:
            bounds.forbid_core_dumps(process.pid)
        return process

    def _kill(self) -> int:
        """End the host and its workers; return the host's exit code, which is not 0."""
        process, self._process = self._process, None
        code = 1 if process is None else kill(process)
        for worker in self._workers:
            worker.kill()
        self._workers = []
        if self._calls is not None:
            self._calls.close()
            self._calls = None
        return code


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


def environment() -> dict[str, str]:
    """Return the environment for a Python process that must find this package and keep its libraries quiet."""
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(PACKAGE_ROOT)]))
    return {**quiet.CHATTER, **os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}
