"""The records of what works on this machine. SI units; unknown is null, never 0."""

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

from mnist_deploy.artifacts import Precision, State
from mnist_deploy.environment import Environment
from mnist_deploy.runtimes import Proof


class Standing(StrEnum):
    """How far a runtime gets."""

    RUNS = "runs"  # an artifact was loaded, and answered an image
    IMPORTS = "imports"  # the library starts; there was no artifact to run
    NOT_READY = "not ready"


class RuntimeState(BaseModel):
    """One runtime on one device.

    Attributes:
        on_request: whether it is worked on only when it is named.
        installed_bytes: its package and all that it requires, on disk.
        artifact: what it ran, in words; `proof` tells what ran it.
        reason: what stands in the way; where it only imports, why nothing was run.
        remedy: the command that mends it.
    """

    runtime: str
    device: str
    on_request: bool
    version: str | None
    installed_bytes: int | None
    standing: Standing
    artifact: str | None = None
    proof: Proof | None = None
    reason: str | None = None
    remedy: str | None = None


class ExporterState(BaseModel):
    """Whether a format can be written in a precision: whether all libraries that it takes could be imported.

    The format keras stands for training itself.
    """

    format: str
    precision: Precision
    ready: bool
    reason: str | None = None
    remedy: str | None = None


class Places(BaseModel):
    """Where things are kept.

    Attributes:
        artifacts: the folder of artifacts, there or not.
        states: how many artifacts are current, stale, missing or corrupt.
        problem: why the artifacts cannot be told; None if they can.
        cache: the folder of what can be made anew: measured roofs and the like.
        cache_bytes: what is in it; None if it is not there.
    """

    artifacts: Path
    states: dict[State, int]
    problem: str | None
    cache: Path
    cache_bytes: int | None


class Diagnosis(BaseModel):
    """All that doctor finds out. `gpu_node` tells whether the driver shows an NVIDIA GPU at all."""

    environment: Environment
    gpu_node: bool
    runtimes: list[RuntimeState]
    exporters: list[ExporterState]
    places: Places

    @property
    def ready(self) -> bool:
        """Whether at least one runtime is ready on one device."""
        return any(one.standing is not Standing.NOT_READY for one in self.runtimes)
