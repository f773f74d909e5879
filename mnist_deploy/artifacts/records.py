"""What the manifest holds: artifacts, and where each comes from."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mnist_deploy.artifacts.requirements import ModelRequirements
from mnist_deploy.kinds import Precision, Variant, identity, kind

KERAS_FORMAT = "keras"
# Names become parts of paths and of commands: none may lead elsewhere.
NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
SHA256 = r"^[0-9a-f]{64}$"


# Raised when an exporter makes another artifact of the same model: what an earlier version exported is then made anew.
EXPORT_REVISION = 3
# The first at which exports are made of the rewritten network.
REWRITTEN_SINCE = 2


# Kernels of this processor that add products without saturation, where its fast ones do not: see `ProcessorCheck`.
EXACT_KERNELS = "exact kernels"


class State(StrEnum):
    """Whether an artifact may be measured."""

    CURRENT = "current"
    STALE = "stale"
    MISSING = "missing"
    CORRUPT = "corrupt"


class Provenance(BaseModel):
    """Where an artifact comes from: the model file it was made of, and by what.

    `revision` is the `EXPORT_REVISION` that it was exported by; 1 where nothing is recorded.
    """

    model_config = ConfigDict(frozen=True)

    source_sha256: str
    versions: dict[str, str]
    created_at: datetime
    calibration_size: int | None = None
    calibration_seed: int | None = None
    calibration_data_sha256: str | None = None
    revision: int = 1


class ProcessorCheck(BaseModel):
    """The answers of an artifact in one runtime on another processor, held to those on the processor that was here.

    Attributes:
        processor: the other one: as QEMU names it, or `EXACT_KERNELS`, which run on this one.
        emulator: the emulator and its version; None where nothing was emulated.
        compared_with: the processor that was here.
        runtime, runtime_version: what computed the scores on both.
        images: how many were compared: those nearest to a tie in Keras's scores, so far as the time allowed.
        test_images: how many there are in all.
        changed: how many of `images` got another class than on the processor that was here.
        max_abs_difference: the largest difference of a score; None if a score is not a finite number.
        flips, flips_here: how many of `images` got another class than in Keras, on the other processor and on this.
    """

    model_config = ConfigDict(frozen=True)

    processor: str
    emulator: str | None
    compared_with: str
    runtime: str
    runtime_version: str | None
    images: int = Field(ge=1)
    test_images: int = Field(ge=1)
    changed: int = Field(ge=0)
    max_abs_difference: float | None
    flips: int = Field(ge=0)
    flips_here: int = Field(ge=0)

    @property
    def place(self) -> tuple[str, str]:
        """What tells it from the other checks of an artifact: the runtime and the processor."""
        return self.runtime, self.processor


class Artifact(BaseModel):
    """One file, or folder, that a runtime can load. `path` is absolute here, relative to artifacts/ in the manifest.

    `checked` says on which other processors it gave which answers. `requirements` is None for a format that does not
    state any, and for what an earlier version exported.
    """

    model_config = ConfigDict(frozen=True)

    architecture: str = Field(pattern=NAME)
    format: str = Field(pattern=NAME)
    precision: Precision
    variant: Variant = Variant.STANDARD
    path: Path
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=SHA256)
    provenance: Provenance
    checked: tuple[ProcessorCheck, ...] = ()
    requirements: ModelRequirements | None = None

    @property
    def rewritten(self) -> bool:
        """Whether it was made of the network that `rewriting` makes of the model."""
        return self.variant.optimized and self.provenance.revision >= REWRITTEN_SINCE

    @property
    def label(self) -> str:
        """The artifact in words: 'mlp-relu-128 tflite int8', 'mlp-relu-128 onnx float32 uint8'."""
        return f"{self.architecture} {kind(self)}"


# The schema of manifest.json with which the file came to carry a checksum of its content.
SEALED_SINCE = 2


class Manifest(BaseModel):
    """The content of manifest.json."""

    schema_version: int = SEALED_SINCE
    artifacts: list[Artifact] = []

    @model_validator(mode="after")
    def _each_once(self) -> "Manifest":
        named = [identity(one) for one in self.artifacts]
        if len(named) != len(set(named)):
            raise ValueError("names an artifact twice")
        return self
