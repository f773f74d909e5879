"""What the parent, a host and its workers say to each other: requests in files, commands, and events as JSON."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.errors import printable
from mnist_deploy.runtimes import Proof

# Elsewhere system libraries themselves forbid to fork (macOS), or there is no such thing (Windows).
FORKS = sys.platform == "linux"
JobNumber = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Nanoseconds = Annotated[int, Field(ge=0, lt=2**63)]
Words = Annotated[str, AfterValidator(printable)]


class Job(BaseModel):
    """One artifact with the batch size of its calls."""

    artifact: Artifact
    batch_size: int


class Request(BaseModel):
    """The work of one process: one runtime, one device, one number of threads.

    Attributes:
        images: an .npy file of uint8 images (N, 28, 28).
        answers: names the .npz files of the jobs' scores (see `scores_of`): each has its own, so that what is done is
            kept if another job ends the process.
        effort: how to measure, job by job as the parent commands (see `command`); None asks for the scores of all
            images instead.
        singles: of how many images, the first ones, the scores are computed one image a call too, at most; a slow
            runtime stops earlier.
        score_s: how long the scores of a job may take: a worker stops after the batch in which that is over, and
            answers for the images so far. None asks for all of them.
        leave_out: indices of jobs to pass over.
        end_to_end: whether a call takes pixels to labels, rather than a tensor to an output.
        bare: whether a bare loop is timed after each burst.
        limit_s: a job's load, burst or scores may take no longer.
    """

    runtime: str
    device: str
    threads: int | None
    jobs: list[Job]
    images: Path
    answers: Path
    effort: Effort | None = None
    singles: int = 0
    score_s: float | None = None
    leave_out: list[int] = []
    end_to_end: bool = False
    bare: bool = False
    limit_s: float = 600.0

    def scores_of(self, job: int) -> Path:
        """Return the .npz file of a job's 'scores', float32 (N, 10), and of 'single' images', float32 (M, 10)."""
        return self.answers.with_name(f"{self.answers.stem}.{job}.npz")

    def todo(self) -> list[tuple[int, Job]]:
        """Return the jobs that are not left out, with their indices."""
        return [(number, job) for number, job in enumerate(self.jobs) if number not in self.leave_out]


class Started(BaseModel):
    """A job has the processor from now on; the last one named is to blame if the process dies."""

    event: Literal["started"] = "started"
    job: JobNumber


class Loaded(BaseModel):
    """A job's artifact was loaded, and called for the first time.

    Attributes:
        load_s: how long the load took.
        first_call_s: how long the first call took.
        memory_bytes: what the process grew by since before it loaded the library, at the peak of this load and call.
        device_memory_bytes: what the GPU's memory in use grew by, library and model; other processes on the GPU count
            too. None on the CPU, or if NVML does not tell.
        proof: what really ran it.
        call: the runtime's words for what the clock stands around.
    """

    event: Literal["loaded"] = "loaded"
    job: JobNumber
    load_s: Seconds
    first_call_s: Seconds
    memory_bytes: int = Field(ge=0)
    device_memory_bytes: int | None = Field(default=None, ge=0)
    proof: Proof
    call: str


class Burst(BaseModel):
    """A burst of a job is measured.

    Attributes:
        times: each call's nanoseconds.
        bare: those of a bare loop right after it, where one was asked for (see `sampler.bare_loop`).
        engine_s: what the library itself says of a call; read after a job's first burst in a process.
    """

    event: Literal["burst"] = "burst"
    job: JobNumber
    times: list[Nanoseconds] = Field(min_length=1)
    bare: list[Nanoseconds] = []
    engine_s: Seconds | None = None


class Scored(BaseModel):
    """A job's scores are computed."""

    event: Literal["scored"] = "scored"
    job: JobNumber
    proof: Proof


class Failed(BaseModel):
    """A job raised; it is left out from now on."""

    event: Literal["failed"] = "failed"
    job: JobNumber
    reason: Words


Event = Started | Loaded | Burst | Scored | Failed
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


class Forked(BaseModel):
    """A host has forked a worker."""

    event: Literal["forked"] = "forked"
    pid: int = Field(gt=1)


class Ended(BaseModel):
    """A worker is gone; negative codes are signals."""

    event: Literal["ended"] = "ended"
    code: int


HostReply = Forked | Ended
HOST_REPLY: TypeAdapter[HostReply] = TypeAdapter(Annotated[HostReply, Field(discriminator="event")])


class Action(StrEnum):
    """What a measuring worker can be commanded to do with a job."""

    LOAD = "load"
    BURST = "burst"


def command(action: Action, job: int) -> str:
    """Return a command's line, as 'burst 3'."""
    return f"{action} {job}\n"


def parse_command(line: str) -> tuple[Action, int]:
    """Return what a command's line says.

    Raises:
        ValueError: it is none.
    """
    action, _, job = line.strip().partition(" ")
    return Action(action), int(job)
