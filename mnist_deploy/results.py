"""The records of a run, saved and loaded as JSON with a schema version. SI units; unknown is null, never 0."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, model_validator

from mnist_deploy import documents, files
from mnist_deploy.benchmark.comparison import Series, Verdict
from mnist_deploy.benchmark.roofline import Roof
from mnist_deploy.benchmark.schedule import Plan, Use
from mnist_deploy.environment import Environment
from mnist_deploy.errors import ArtifactError
from mnist_deploy.kinds import Variant
from mnist_deploy.parity import ParityRow, ProcessorRow
from mnist_deploy.runtimes import Proof

SCHEMA_VERSION = 6


class TrainingRow(BaseModel):
    """What a training reached against what the notebook reports; `caveat` says where the report misleads.

    The notebook's figures are of MNIST: `reported_loss`, `reported_accuracy` and `caveat` are None for other data.
    `history` has one value an epoch for each of Keras's figures (loss, accuracy); `compute_dtype` is what the steps
    were computed in.
    """

    architecture: str
    epochs: int
    seed: int
    duration_s: float
    test_loss: float
    test_accuracy: float
    reported_loss: float | None
    reported_accuracy: float | None
    caveat: str | None
    kept: bool
    history: dict[str, list[float]]
    model_sha256: str
    compute_dtype: str = "float32"


class Comparison(BaseModel):
    """A ratio of two times, the ends of its interval (None with fewer than three passes), and what it decides."""

    ratio: float
    low: float | None
    high: float | None
    verdict: Verdict


class Noise(BaseModel):
    """How loud the machine was.

    Attributes:
        bursts: how many were measured.
        disturbed: before how many of them the machine's probe was slower than in quiet moments.
        others_cpus: how many processors other programs kept busy, by the number of threads that were measured then.
        quiet_probe_s: what the machine's probe took in quiet moments, by the number of its threads.
        twin: the cell that was measured twice.
        twin_ratio: its second time over its first, with the interval; None if it could not be measured.
        noisy: over 20 % of the bursts were disturbed, or other programs took processors from what was measured.
        no_verdicts: why there are none; None if there are.
    """

    bursts: int
    disturbed: int
    others_cpus: dict[int, float]
    quiet_probe_s: dict[int, float]
    twin: str | None
    twin_ratio: float | None
    twin_low: float | None
    twin_high: float | None
    noisy: bool
    no_verdicts: str | None


class RuntimeRow(BaseModel):
    """A runtime that was measured.

    `installed_bytes` counts its package and all that it requires, for a GPU the CUDA libraries too.
    """

    runtime: str
    version: str | None
    installed_bytes: int | None


class Check(BaseModel):
    """One check of the harness itself: a value, the limit that it must keep, and what it is about."""

    name: str
    value: float
    limit: str
    passed: bool
    detail: str


class Measurement(BaseModel):
    """One artifact in one runtime, on one device, in one use. See `benchmark.statistics.Summary` for the figures.

    Attributes:
        timed: 'call', from tensor to output, or 'end-to-end', from pixels to labels.
        call: what the clock stood around, in the library's own words.
        engine_s: what the library itself says of a call, where it does; median over passes.
        latency_quiet_s: a call in quiet moments, the 5 % quantile of the bursts' medians, with its interval; ranks,
            ties and speed-ups compare these.
        latency_p50_s: a typical call, the median of the bursts' medians, with its interval.
        latency_p99_half_width, latency_mean_half_width, throughput_half_width: how far the interval reaches to either
            side, as a share; None with fewer than three passes, and for p99 with fewer than 662 calls.
        pass_quiet_s: for each pass its pseudo-value of `latency_quiet_s` (see `benchmark.statistics.Estimate`).
        contended: whether other programs took processors from it (see `benchmark.noise.in_the_way`).
        memory_bytes: what the process grew by, from before the library's import to after the first call, at its peak.
        device_memory_bytes: what the GPU's memory in use grew by, from before the library's first load to after the
            first call; other processes on the GPU count too. None on the CPU, or if NVML does not tell.
        proof: what really ran it.
        model_sha256: of the Keras model that the artifact was made of.
        rank: 1 + how many cells of the same network and use are ranked before it (see `comparison.ranks`); None if no
            verdicts could be given.
        sole_winner: whether it beats every other, corrected for their number (Holm).
        against_best: its time over that of the table's fastest, with its interval and verdict.
        resolution: the smallest difference that is told in its table (see `comparison.resolution`), as a share.
        speed_up: the baseline's time over its own, with its interval; None without the baseline.
        roof_share: attained FLOP/s over what the roofline allows in float32 (see `benchmark.roofline`).
    """

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    runtime: str
    device: str
    threads: int
    batch_size: int
    latency_quiet_s: float
    latency_quiet_low_s: float | None
    latency_quiet_high_s: float | None
    latency_p50_s: float
    latency_p50_low_s: float | None
    latency_p50_high_s: float | None
    latency_p99_s: float
    latency_p99_half_width: float | None
    latency_mean_s: float
    latency_mean_half_width: float | None
    latency_min_s: float
    throughput_images_per_s: float
    throughput_half_width: float | None
    timed: str
    call: str
    engine_s: float | None
    size_bytes: int
    memory_bytes: int
    load_s: float
    first_call_s: float
    calls: int
    passes: int
    pass_quiet_s: list[float]
    contended: bool
    rank: int | None = None
    sole_winner: bool = False
    against_best: Comparison | None = None
    resolution: float | None = None
    speed_up: Comparison | None = None
    roof_share: float | None = None
    device_memory_bytes: int | None = None
    proof: Proof
    runtime_version: str | None
    model_sha256: str
    artifact_sha256: str

    @property
    def series(self) -> Series:
        """Its time in quiet moments, pass by pass, for `benchmark.comparison`."""
        return Series(self.latency_quiet_s, self.pass_quiet_s)


class SkipKind(StrEnum):
    """Why something was left out."""

    UNAVAILABLE = "unavailable"  # this machine lacks a library or a device
    NOT_EXPORTED = "not_exported"
    STALE = "stale"  # made of another model than the one that is here
    FAILED = "failed"  # tried, and it went wrong
    OUT_OF_MEMORY = "out_of_memory"  # the kernel ended it, since it took more memory than there is here
    INTERRUPTED = "interrupted"  # the user stopped the command before its turn came


# What was tried, and gave no row.
TRIED = frozenset({SkipKind.FAILED, SkipKind.OUT_OF_MEMORY})


class Skip(BaseModel):
    """Something that was not exported, verified or measured, why, and what would mend it; None means 'any'.

    Where an artifact is named without a variant, as before there were any, it is the standard one.
    """

    kind: SkipKind

    architecture: str | None = None
    format: str | None = None
    precision: str | None = None
    variant: str | None = None
    runtime: str | None = None
    device: str | None = None
    reason: str
    remedy: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _standard(cls, fields: Any) -> Any:
        """Name the variant that goes without saying."""
        names = isinstance(fields, dict) and None not in (fields.get("format"), fields.get("precision"))
        return {"variant": Variant.STANDARD.value, **fields} if names else fields


# The name of a file that lies beside the results.
SAMPLES = r"^[0-9A-Za-z][0-9A-Za-z._-]*$"


class Asked(BaseModel):
    """What a bench was asked to measure, so that an interrupted one can go on; None means all that there was."""

    architectures: list[str] | None
    formats: list[str] | None
    precisions: list[str] | None
    variants: list[str] | None = None
    runtimes: list[str] | None
    devices: list[str] | None
    uses: list[Use]


class Results(BaseModel):
    """One run of one command. `complete` is False in a file that an interruption left behind.

    `passes_done` counts whole passes: 0 if the first was interrupted, of which the measurements then are. `resumed_at`
    has the times at which an interrupted measurement went on.

    `time_limited` tells that passes or sweeps are missing for want of time; `most_alive`, how many workers were alive
    at once where memory did not hold all.

    `samples` names the file beside this one that holds every timed call (see `benchmark.recording`); `data_sha256` is
    the data's that it was made with (see `dataset.Dataset.sha256`). `processors` are answers on other processors.
    """

    schema_version: int = SCHEMA_VERSION
    command: str
    created_at: datetime
    complete: bool = False
    quick: bool = False
    environment: Environment
    data_sha256: str
    plan: Plan | None = None
    asked: Asked | None = None
    resumed_at: list[datetime] = []
    passes_done: int | None = None
    time_limited: bool = False
    most_alive: int | None = None
    clock_floor_s: float | None = None
    baseline: str | None = None
    noise: Noise | None = None
    roofs: list[Roof] = []
    runtimes: list[RuntimeRow] = []
    checks: list[Check] = []
    samples: str | None = Field(None, pattern=SAMPLES)
    training: list[TrainingRow] = []
    parity: list[ParityRow] = []
    processors: list[ProcessorRow] = []
    measurements: list[Measurement] = []
    skips: list[Skip] = []

    @property
    def stem(self) -> str:
        """The name of this run's files, without their endings."""
        return f"{self.created_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"

    def leave_out(self, skips: Iterable[Skip]) -> None:
        """Add what was left out, each once: several steps of a run meet the same."""
        for skip in skips:
            if skip not in self.skips:
                self.skips.append(skip)

    def text(self) -> str:
        """Return what a results file holds: the record as JSON, with the checksum that `documents` asks for."""
        return documents.sealed(self.model_dump_json())

    def save(self, folder: Path) -> Path:
        """Write <time>.json below `folder`, and latest.json too once the run is complete; return the former's path."""
        path = folder / f"{self.stem}.json"
        text = self.text()
        files.write_text(path, text)
        if self.complete:
            files.write_text(folder / "latest.json", text)
        return path


def newest_first(folder: Path) -> Iterator[tuple[Path, "Results | ArtifactError"]]:
    """Yield each results file of a folder with what it holds, or why that cannot be read."""
    for path in sorted(folder.glob("[0-9]*.json"), reverse=True):
        try:
            yield path, load(path)
        except ArtifactError as error:
            yield path, error


def load(path: Path) -> Results:
    """Read a results file.

    Raises:
        ArtifactError: it is missing, damaged or of another schema version.
    """
    try:
        content = documents.read(path, sealed_since=SCHEMA_VERSION)
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ArtifactError(
                f"{path}: schema version {version}, not {SCHEMA_VERSION}; measure again: mnist-deploy run"
            )
        return Results.model_validate(content)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such results; run: mnist-deploy run") from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror}); make it readable, or give another") from error
    except ValueError as error:
        reason = documents.invalid(error)
        raise ArtifactError(f"{path}: not a results file ({reason}); run: mnist-deploy run") from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a results file."""
    schema = Results.model_json_schema(mode="serialization")
    schema["properties"][documents.SEAL] = {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "SHA-256 of all other fields as JSON with sorted keys and no spaces, in ASCII.",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
