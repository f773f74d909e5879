"""The parent's side of a profiling worker: it sleeps until the worker has ended."""

import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from mnist_deploy import quiet
from mnist_deploy.benchmark.messages import Failed, Started
from mnist_deploy.benchmark.process import environment
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
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mnist_deploy.profiling.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if quiet.debugging() else subprocess.PIPE,
        env={**environment(), **RUNTIMES[request.runtime].environment}, text=True, start_new_session=True,
    )  # fmt: skip
    with process:
        try:
            told, _ = process.communicate(request.model_dump_json(), timeout=request.plan.limit_s)
            died = _how_it_died(process.returncode) if process.returncode else None
        except subprocess.TimeoutExpired:
            process.kill()
            told, _ = process.communicate()
            died = f"took longer than {request.plan.limit_s:g} s"
        except BaseException:
            process.kill()
            raise
    # A line that is cut off by the worker's end says nothing.
    events = [EVENT.validate_json(line) for line in told.splitlines() if line.endswith("}")]
    return outcome(len(request.artifacts), events, died, profile=request.profile)


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
    if died is not None:
        for job in range(jobs):
            done = job in found.profiled if profile else found.medians_s[job] is not None
            if not done and job not in found.failed:
                blame = died if job == in_hand else f"not reached: the process {died} before"
                found.failed[job] = blame
    return found


def _how_it_died(code: int) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
