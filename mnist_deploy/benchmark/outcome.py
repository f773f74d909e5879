"""What a request for scores comes to, as its worker tells it, event by event; the parent takes nothing at its word."""

from dataclasses import dataclass, field

import numpy as np

from mnist_deploy.benchmark import answers
from mnist_deploy.benchmark.messages import Event, Failed, Request, Scored, Started
from mnist_deploy.errors import ArtifactError
from mnist_deploy.runtimes import Proof, require_scores


@dataclass
class Outcome:
    """What a request for scores came to: arrays by name; proofs and failures by job.

    The arrays are 'scores.<job>', float32 (N, 10), of fewer images where `score_s` is over before, and 'single.<job>',
    float32 (M, 10). What has not failed has all that was asked for.
    """

    arrays: answers.Arrays = field(default_factory=dict)
    scored: dict[int, Proof] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    died: str | None = None
    last_started: int | None = None

    def note(self, event: Event, request: Request) -> Event:
        """Enter an event, and return it, or the failure that it comes to."""
        match event:
            case Started(job=job):
                self.last_started = job
            case Scored(job=job, proof=proof):
                try:
                    self.arrays |= _scores(request, job)
                except ArtifactError as error:
                    return self.note(Failed(job=job, reason=str(error)), request)
                self.scored[job] = proof
            case Failed(job=job, reason=reason):
                self.failed[job] = reason
        return event

    def complete(self, request: Request) -> None:
        """Let each job fail that the worker, which is done, has not spoken of."""
        for job, _ in request.todo():
            if job not in self.scored:
                self.failed.setdefault(job, "its worker told nothing of it")


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
