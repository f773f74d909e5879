"""The parent's side of one worker: it commands, reads events, stops and continues it, and says how it died."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import IO

import psutil

from mnist_deploy import cgroup, emulation, resource_limits
from mnist_deploy.benchmark.listening import GarbledError, SilenceError, events
from mnist_deploy.benchmark.messages import EVENT, FORKS, Action, Event, Request, command
from mnist_deploy.errors import printable

LAST_LINES, LAST_BYTES = 3, 16 * 1024
# A worker's limit is kept by the kernel's clock. The parent ends what is stuck in spite of it, or before it has begun:
# the longest import of a library takes a few seconds.
GRACE_S = 120.0
# What such an end mostly means; nothing is printed then.
SIGNAL_HINTS = {"SIGKILL": " (out of memory?)", "SIGILL": " (the library uses an instruction that this CPU lacks)"}
# So begins the reason of what the kernel ended because memory ran out, as far as it tells.
OUT_OF_MEMORY = "out of memory: "


class WorkerDiedError(Exception):
    """A worker is gone before it had done what it was to do; `reason` says how it died, in one line."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


class Worker:
    """A fresh process that does one request. `process.Host.start` makes it; no other process reads its events.

    Attributes:
        ended: whether it is known to be gone.
    """

    def __init__(
        self,
        request: Request,
        pid: int,
        commands: IO[bytes],
        stream: IO[bytes],
        errors: IO[bytes],
        wait: Callable[[], int | None],
    ) -> None:
        """Take what leads to the process.

        Args:
            request: what it does.
            pid: its process id, which where processes are forked is its process group's too.
            commands: where it reads commands.
            stream: where its events come.
            errors: the file of its standard error.
            wait: returns its exit code once it has ended; None if it does not end, or nobody knows.
        """
        self.ended = False
        self._request, self._pid, self._commands, self._stream = request, pid, commands, stream
        self._errors, self._wait = errors, wait
        self._events = events(stream, EVENT, request.limit_s + GRACE_S)
        self._kills = cgroup.oom_kills()

    def ask(self, action: Action, job: int) -> Event:
        """Let the process do one thing, stopped before and after, and return the event that answers.

        Raises:
            WorkerDiedError: it did not live to answer.
        """
        self._signal("SIGCONT")
        with suppress(BrokenPipeError):  # how it died is told below
            self._commands.write(command(action, job).encode())
            self._commands.flush()
        event = self.next_event()
        if event is None:
            self.finish()
            raise WorkerDiedError("the worker process ended without a word")
        if event.job != job:
            self.kill()
            raise WorkerDiedError(f"the worker process spoke of job {event.job}, not of {job}")
        self._signal("SIGSTOP")
        return event

    def next_event(self) -> Event | None:
        """Return the next event; None if the process has ended, or has closed the pipe.

        Raises:
            WorkerDiedError: what came is no event, or nothing came in time.
        """
        try:
            event = next(self._events, None)
            if event is not None and event.job >= len(self._request.jobs):
                raise GarbledError(f"spoke of job {event.job} of {len(self._request.jobs)}")
        except GarbledError as error:
            self.kill()
            raise WorkerDiedError(f"the worker process {error}") from error
        except SilenceError as error:
            self.kill()
            raise WorkerDiedError(f"took longer than {self._request.limit_s:g} s") from error
        return event

    def finish(self) -> None:
        """Let the process end, as it does once it has read all commands.

        Raises:
            WorkerDiedError: it ended otherwise.
        """
        if self.ended:
            return
        self._signal("SIGCONT")
        self._commands.close()
        code = self._wait()
        if code is None:
            self.kill()
            raise WorkerDiedError("the worker process ended together with its host, or not at all")
        self.ended = True
        try:
            if code:
                reason = describe_death(code, self._request.limit_s, self._kills)
                raise WorkerDiedError(
                    reason if reason.startswith(OUT_OF_MEMORY) else reason + stderr_tail(self._errors)
                )
        finally:
            self._close()

    def kill(self) -> None:
        """End the process, whatever it does; nothing if it has ended."""
        if not self.ended:
            self.ended = True
            self._signal("SIGKILL")
            self._wait()
            self._close()

    def _close(self) -> None:
        for stream in (self._commands, self._stream, self._errors):
            with suppress(BrokenPipeError):
                stream.close()

    def _signal(self, name: str) -> None:
        # Its process id stays its own until the host has waited for it, so no other process is hit.
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if FORKS:
                os.killpg(self._pid, getattr(signal, name))
                return
            process = psutil.Process(self._pid)
            {"SIGSTOP": process.suspend, "SIGCONT": process.resume, "SIGKILL": process.kill}[name]()


def stderr_tail(errors: IO[bytes]) -> str:
    """Return the last lines that were printed to `errors`, as the end of a message of one line."""
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - LAST_BYTES))
    text = errors.read(LAST_BYTES).decode("utf-8", "replace")
    lines = [printable(line.strip()) for line in text.splitlines() if line.strip() and not emulation.is_warning(line)]
    return f"; its last words: {' | '.join(lines[-LAST_LINES:])[-300:]}" if lines else ""


def describe_death(code: int, limit_s: float, kills: int) -> str:
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
        return f"the worker process was killed by {name}" + SIGNAL_HINTS.get(name, "") + resource_limits.explain_death()
    return f"the worker process ended with exit code {code}" + resource_limits.explain_death()
