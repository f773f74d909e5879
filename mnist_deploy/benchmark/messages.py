"""What the parent and a worker process say to each other: one request, then a line of JSON an event."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.sampler import Effort


class Job(BaseModel):
    """One artifact with the batch size of its calls."""

    artifact: Artifact
    batch_size: int


class Request(BaseModel):
    """The work of one process: one runtime, one device, one number of threads.

    Attributes:
        images: an .npy file of uint8 images (N, 28, 28).
        answers: the .npz file that the worker writes: 'scores.<job>' float32 (N, 10) where no effort is given, else
            '<job>.<round>' int64 nanoseconds (calls,).
        effort: how to measure; None asks for the scores of all images instead.
        rounds: for each round the order of the jobs' indices.
        leave_out: indices of jobs to pass over.
    """

    runtime: str
    device: str
    threads: int | None
    jobs: list[Job]
    images: Path
    answers: Path
    effort: Effort | None = None
    rounds: list[list[int]] = []
    leave_out: list[int] = []

    def todo(self) -> list[tuple[int, Job]]:
        """Return the jobs that are not left out, with their indices."""
        return [(number, job) for number, job in enumerate(self.jobs) if number not in self.leave_out]


class Started(BaseModel):
    """A job has the processor from now on; the last one named is to blame if the process dies."""

    event: Literal["started"] = "started"
    job: int


class Loaded(BaseModel):
    """A job's artifact was loaded, and called for the first time."""

    event: Literal["loaded"] = "loaded"
    job: int
    load_s: float
    first_call_s: float
    executed_on: str


class Done(BaseModel):
    """A round of a job is measured, or its scores are computed."""

    event: Literal["done"] = "done"
    job: int


class Failed(BaseModel):
    """A job raised; it is left out of the rounds that follow."""

    event: Literal["failed"] = "failed"
    job: int
    reason: str


Event = Started | Loaded | Done | Failed
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
