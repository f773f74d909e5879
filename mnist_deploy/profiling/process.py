"""The parent's side of a profiling worker: it sleeps until the worker has ended."""

import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from mnist_deploy import quiet
from mnist_deploy.benchmark import process, workers
from mnist_deploy.benchmark.listening import GarbledError, SilenceError, events
from mnist_deploy.benchmark.messages import Failed, Started
from mnist_deploy.profiling.messages import EVENT, Event, Profiled, Request, Timed
from mnist_deploy.runtimes import RUNTIMES


@dataclass
class Outcome:
    """What a process came to: the slices' medians, profiles by job, and failures by job."""

    medians_s: list[list[float] | None]
    profiled: dict[int, Profiled] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)


def work(request: Request) -> Outcome:
    """Let a fresh process do `request`.

    One that dies or takes too long fails what it had in hand and what it had not come to; what it told before counts.
    """
    # -P: what lies in the user's working directory must not stand in for a library. A session of its own: a Ctrl-C at
    # the terminal is this process's to handle, which ends the worker then.
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "mnist_deploy.profiling.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if quiet.debugging() else subprocess.DEVNULL,
        env={**process.environment(), **RUNTIMES[request.runtime].environment}, start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    told: list[Event] = []
    died = None
    try:
        with suppress(BrokenPipeError):  # it died before it read: how, is told below
            child.stdin.write(request.model_dump_json().encode())
            child.stdin.close()
        for event in events(child.stdout, EVENT, request.plan.limit_s, together=True):
            _require_sense(event, len(request.artifacts))
            told.append(event)
        code = child.wait(workers.GRACE_S)
        died = _how_it_died(code) if code else None
    except GarbledError as error:
        died = str(error)
    except (SilenceError, subprocess.TimeoutExpired):
        died = f"took longer than {request.plan.limit_s:g} s"
    finally:
        process.kill(child)
    return outcome(len(request.artifacts), told, died, profile=request.profile)


def _require_sense(event: Event, jobs: int) -> None:
    if isinstance(event, Timed):
        if len(event.medians_s) != jobs:
            raise GarbledError(f"told of {len(event.medians_s)} artifacts in place of {jobs}")
    elif event.job >= jobs:
        raise GarbledError(f"spoke of artifact {event.job} of {jobs}")


def outcome(jobs: int, events: Iterable[Event], died: str | None, *, profile: bool) -> Outcome:
    """Gather what a process told of so many jobs; `died` says how it ended if it did not end well."""
    found = Outcome([None] * jobs)
    in_hand = 0
    for event in events:
        match event:
            case Timed(medians_s=medians):
                found.medians_s = medians
            case Started(job=job):
                in_hand = job
            case Profiled(job=job):
                found.profiled[job] = event
            case Failed(job=job, reason=reason):
                found.failed[job] = reason
    for job in range(jobs):
        done = found.medians_s[job] is not None and (job in found.profiled or not profile)
        if done or job in found.failed:
            continue
        if died is None:
            found.failed[job] = "its process told nothing of it"
        else:
            found.failed[job] = died if job == in_hand else f"not reached: the process {died} before"
    return found


def _how_it_died(code: int) -> str:
    return workers.how_it_died(code, 0).removeprefix("the worker process ")
