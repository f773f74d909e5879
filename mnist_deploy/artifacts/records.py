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
EXPORT_REVISION = 2
# The first at which exports are made of the rewritten network.
REWRITTEN_SINCE = 2


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


class Artifact(BaseModel):
    """One file, or folder, that a runtime can load. `path` is absolute here, relative to artifacts/ in the manifest.

    `requirements` is None for a format that does not state any, and for what an earlier version exported.
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
