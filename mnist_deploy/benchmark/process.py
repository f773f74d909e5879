"""The parent's side of a worker process: it sleeps in a read while the worker works."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mnist_deploy import quiet
from mnist_deploy.benchmark.messages import EVENT, Event, Failed, Loaded, Request, Started
from mnist_deploy.benchmark.sampler import Times

PACKAGE_ROOT = Path(__file__).parents[2]
OnEvent = Callable[[Event], None]


@dataclass
class Outcome:
    """What a worker process came to: arrays and cold starts by name or job, failures with their reasons."""

    arrays: Mapping[str, Times] = field(default_factory=dict)
    loaded: dict[int, Loaded] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    died: str | None = None
    last_started: int | None = None


def work(request: Request, on_event: OnEvent) -> Outcome:
    """Run workers on `request` until every job is done or has failed, and tell of each event as it comes.

    A worker that dies takes its measurements with it: the job that it had in hand fails, and a fresh worker does the
    others again.
    """
    failed: dict[int, str] = {}
    while True:
        outcome = _attempt(request.model_copy(update={"leave_out": sorted(failed)}), on_event)
        failed |= outcome.failed
        if outcome.died is None:
            outcome.failed = failed
            return outcome
        # One that dies before it has any job in hand cannot work at all here.
        jobs = range(len(request.jobs)) if outcome.last_started is None else [outcome.last_started]
        failed |= {job: outcome.died for job in jobs if job not in failed}
        if len(failed) == len(request.jobs):
            return Outcome(failed=failed)


def _attempt(request: Request, on_event: OnEvent) -> Outcome:
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "request.json"
        path.write_text(request.model_dump_json(), encoding="utf-8")
        # -P: what lies in the user's working directory must not stand in for a library.
        command = [sys.executable, "-P", "-m", "mnist_deploy.benchmark.worker", str(path)]
        errors = None if quiet.debugging() else subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=_environment(), text=True)
        try:
            for line in process.stdout or ():
                event = EVENT.validate_json(line)
                match event:
                    case Started(job=job):
                        outcome.last_started = job
                    case Loaded(job=job):
                        outcome.loaded[job] = event
                    case Failed(job=job, reason=reason):
                        outcome.failed[job] = reason
                on_event(event)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
    if code != 0:
        outcome.died = _how_it_died(code)
    else:
        with np.load(request.answers, allow_pickle=False) as archive:
            outcome.arrays = {name: archive[name] for name in archive.files}
    return outcome


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(PACKAGE_ROOT)]))
    return {**quiet.CHATTER, **os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"}


def _how_it_died(code: int) -> str:
    if code < 0:
        return f"the worker process was killed by {signal.Signals(-code).name}"
    return f"the worker process ended with exit code {code}"
