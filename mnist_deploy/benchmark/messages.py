"""What the parent and a worker process say to each other: one request, then a line of JSON an event."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.noise import SliceNoise
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.errors import printable
from mnist_deploy.runtimes import Proof

JobNumber = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Words = Annotated[str, AfterValidator(printable)]


class Job(BaseModel):
    """One artifact with the batch size of its calls."""

    artifact: Artifact
    batch_size: int


class Request(BaseModel):
    """The work of one process: one runtime, one device, one number of threads.

    Attributes:
        images: an .npy file of uint8 images (N, 28, 28).
        answers: the .npz file that the worker writes: '<job>.<slice>' int64 nanoseconds (calls,), slices numbered as
            their events come, and '<job>.<slice>.bare'. Where no effort is given, each job has a file of its own
            instead (see `scores_of`), so that what is done is kept if another job ends the process.
        effort: how to measure; None asks for the scores of all images instead.
        singles: of how many images, the first ones, the scores are computed one image a call too, at most; a slow
            runtime stops earlier.
        score_s: how long the scores of a job may take: a worker stops after the batch in which that is over, and
            answers for the images so far. None asks for all of them.
        rounds: for each round the order of the jobs' indices.
        leave_out: indices of jobs to pass over.
        end_to_end: whether a call takes pixels to labels, rather than a tensor to an output.
        bare: whether each slice has a bare loop for a neighbour.
        quiet_probe_s: what the probe takes on this machine in quiet moments, as far as is known.
        retries: how many disturbed slices may be measured once more.
        limit_s: a job's load, slice or scores may take no longer.
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
    rounds: list[list[int]] = []
    leave_out: list[int] = []
    end_to_end: bool = False
    bare: bool = False
    quiet_probe_s: float | None = None
    retries: int = 0
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


class Sliced(BaseModel):
    """A slice of a job is measured; `attempt` is 1 for one that is measured once more."""

    event: Literal["sliced"] = "sliced"
    job: JobNumber
    turn: int
    attempt: int
    noise: SliceNoise
    engine_s: Seconds | None = None


class Done(BaseModel):
    """A round of a job is measured, or its scores are computed."""

    event: Literal["done"] = "done"
    job: JobNumber


class Scored(BaseModel):
    """A job's scores are computed."""

    event: Literal["scored"] = "scored"
    job: JobNumber
    proof: Proof


class Failed(BaseModel):
    """A job raised; it is left out of the rounds that follow."""

    event: Literal["failed"] = "failed"
    job: JobNumber
    reason: Words


class Ended(BaseModel):
    """The process that did a request is gone; negative codes are signals."""

    event: Literal["ended"] = "ended"
    code: int


Event = Started | Loaded | Sliced | Done | Scored | Failed | Ended
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
