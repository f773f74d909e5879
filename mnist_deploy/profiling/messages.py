"""What the parent and a profiling worker say to each other: one request, then a line of JSON an event."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.messages import Failed, JobNumber, Seconds, Started
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.profiling.records import Operator


class ProfilePlan(BaseModel):
    """How much is measured.

    Attributes:
        processes: fresh ones in which the twins are timed; the first one profiles too.
        slices: of each artifact in each of them, in turn with its twins.
        effort: how long a slice is, and its warm-up.
        rounds: slices with profiling on, each beside one without.
        max_calls: calls in a slice with profiling on at most; ONNX Runtime writes about 7 kB of each.
        images: how many test images are taken in turn.
        limit_s: a process may take no longer.
    """

    model_config = ConfigDict(frozen=True)

    processes: int = 3
    slices: int = 7
    effort: Effort = Effort(burst_s=0.02, min_calls=5, window_s=0.02, max_warm_up_s=0.2)
    rounds: int = 10
    max_calls: int = 100
    images: int = 1000
    limit_s: float = 120.0


class Request(BaseModel):
    """The work of one process: artifacts of one network and format in one runtime and use, on the CPU.

    Attributes:
        images: an .npy file of uint8 images (N, 28, 28).
        profile: whether to profile after timing.
    """

    runtime: str
    threads: int
    batch_size: int
    artifacts: list[Artifact]
    images: Path
    plan: ProfilePlan
    profile: bool


class Timed(BaseModel):
    """Each artifact's median call in each slice, in seconds, in the order of the request; None for one that failed."""

    event: Literal["timed"] = "timed"
    medians_s: list[list[Seconds] | None]


class Profiled(BaseModel):
    """What the library's profiler told of one artifact."""

    event: Literal["profiled"] = "profiled"
    job: JobNumber
    operators: list[Operator]
    unfused_qdq: int
    beside_s: Seconds
    profiled_s: Seconds
    calls: int


Event = Timed | Started | Profiled | Failed
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])
