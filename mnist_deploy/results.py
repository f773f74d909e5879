"""The records of a run, saved and loaded as JSON with a schema version. SI units; unknown is null, never 0."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mnist_deploy import files
from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.environment import Environment
from mnist_deploy.errors import ArtifactError
from mnist_deploy.parity import ParityRow

SCHEMA_VERSION = 1


class TrainingRow(BaseModel):
    """What a training reached against what the notebook reports; `caveat` says where the report misleads."""

    architecture: str
    epochs: int
    seed: int
    duration_s: float
    test_loss: float
    test_accuracy: float
    reported_loss: float
    reported_accuracy: float
    caveat: str | None
    kept: bool


class Measurement(BaseModel):
    """One artifact in one runtime, on one device, in one use. See `benchmark.statistics.Summary` for the figures."""

    architecture: str
    format: str
    precision: str
    runtime: str
    device: str
    threads: int
    batch_size: int
    latency_p50_s: float
    latency_p50_low_s: float | None
    latency_p50_high_s: float | None
    latency_p99_s: float | None
    latency_mean_s: float
    latency_min_s: float
    throughput_images_per_s: float
    size_bytes: int
    load_s: float
    first_call_s: float
    calls: int
    passes: int
    pass_p50_s: list[float]
    executed_on: str
    runtime_version: str | None
    artifact_sha256: str


class SkipKind(StrEnum):
    """Why something was left out."""

    UNAVAILABLE = "unavailable"  # this machine lacks a library or a device
    NOT_EXPORTED = "not_exported"
    STALE = "stale"  # made of another model than the one that is here
    FAILED = "failed"  # tried, and it went wrong


class Skip(BaseModel):
    """Something that was not exported, verified or measured, why, and what would mend it; None means 'any'."""

    kind: SkipKind

    architecture: str | None = None
    format: str | None = None
    precision: str | None = None
    runtime: str | None = None
    device: str | None = None
    reason: str
    remedy: str | None = None


class Results(BaseModel):
    """One run of one command. `complete` is False in a file that an interruption left behind."""

    schema_version: int = SCHEMA_VERSION
    command: str
    created_at: datetime
    complete: bool = False
    quick: bool = False
    environment: Environment
    plan: Plan | None = None
    clock_floor_s: float | None = None
    training: list[TrainingRow] = []
    parity: list[ParityRow] = []
    measurements: list[Measurement] = []
    skips: list[Skip] = []

    def save(self, folder: Path) -> Path:
        """Write <time>.json below `folder`, and latest.json too once the run is complete; return the former's path."""
        path = folder / f"{self.created_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.json"
        text = self.model_dump_json(indent=1) + "\n"
        files.write_text(path, text)
        if self.complete:
            files.write_text(folder / "latest.json", text)
        return path


def load(path: Path) -> Results:
    """Read a results file.

    Raises:
        ArtifactError: it is missing, damaged or of another schema version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != SCHEMA_VERSION:
            raise ArtifactError(
                f"{path}: schema version {version}, not {SCHEMA_VERSION}; measure again: mnist-deploy run"
            )
        return Results.model_validate(content)
    except OSError as error:
        raise ArtifactError(f"{path}: no such results; run: mnist-deploy run") from error
    except (ValueError, ValidationError) as error:
        raise ArtifactError(f"{path}: not a results file; run: mnist-deploy run") from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a results file."""
    schema = Results.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
