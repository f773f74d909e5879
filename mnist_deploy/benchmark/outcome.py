"""What a request comes to, as its worker tells it, event by event; the parent takes nothing at its word."""

from dataclasses import dataclass, field

import numpy as np

from mnist_deploy.benchmark import answers
from mnist_deploy.benchmark.messages import Event, Failed, Loaded, Request, Scored, Sliced, Started
from mnist_deploy.errors import ArtifactError
from mnist_deploy.runtimes import Proof, require_scores


@dataclass
class Outcome:
    """What a request came to: arrays by name; cold starts, proofs, slices and failures by job.

    Where scores were asked for, the arrays are 'scores.<job>', float32 (N, 10), of fewer images where `score_s` is
    over before, and 'single.<job>', float32 (M, 10); else '<job>.<slice>' and '<job>.<slice>.bare', int64
    nanoseconds. What has not failed has all that was asked for.
    """

    arrays: answers.Arrays = field(default_factory=dict)
    loaded: dict[int, Loaded] = field(default_factory=dict)
    scored: dict[int, Proof] = field(default_factory=dict)
    sliced: dict[int, list[Sliced]] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    died: str | None = None
    last_started: int | None = None

    def note(self, event: Event, request: Request) -> Event:
        """Enter an event, and return it, or the failure that it comes to."""
        match event:
            case Started(job=job):
                self.last_started = job
            case Loaded(job=job):
                self.loaded[job] = event
            case Scored(job=job, proof=proof):
                try:
                    self.arrays |= _scores(request, job)
                except ArtifactError as error:
                    return self.note(Failed(job=job, reason=str(error)), request)
                self.scored[job] = proof
            case Sliced(job=job):
                self.sliced.setdefault(job, []).append(event)
            case Failed(job=job, reason=reason):
                self.failed[job] = reason
        return event

    def gather(self, request: Request) -> None:
        """Read the call times once the worker is done; a job without any, or with something else, fails now."""
        found: answers.Arrays = {}
        problem: str | None = None
        if request.effort is not None:
            try:
                found = answers.load(request.answers)
            except ArtifactError as error:
                problem = str(error)
        for job, _ in request.todo():
            if job in self.failed or job in self.scored:
                continue
            slices = len(self.sliced.get(job, [])) if job in self.loaded else 0
            try:
                self.arrays |= answers.taken(found, job, slices, bare=request.bare)
            except ArtifactError as error:
                self.failed[job] = problem or str(error)


def _scores(request: Request, job: int) -> answers.Arrays:
    """Return a job's scores, and those of single images, as the worker saved them."""
    found = answers.load(request.scores_of(job))
    images = len(np.load(request.images, mmap_mode="r", allow_pickle=False))
    scores, single = (found.get(name, np.empty(0)) for name in ("scores", "single"))
    if request.score_s is not None:
        images = max(1, min(len(scores), images))
    arrays = {f"scores.{job}": require_scores(scores, images)}
    if request.singles:
        arrays[f"single.{job}"] = require_scores(single, min(len(single), request.singles, images))
    return arrays
