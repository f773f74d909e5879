"""What lies below artifacts/, and whether it may be trusted. The only owner of its paths.

manifest.json                       every artifact: format, precision, variant, path, bytes, SHA-256, provenance
<architecture>/model.keras          the trained model; itself the artifact of format keras
<architecture>/training.json        how it was trained
<architecture>/reference.npz        its scores for the test images: what verify compares with
<architecture>/saved_model/         what was exported from it: a folder of its own for a format of one precision,
<architecture>/<precision>.<...>    else a file or folder for each precision; a variant other than the standard one
                                    is named before the dot: float32-uint8.onnx, saved_model-uint8/
<architecture>/previous/<sha>/      models that a later training replaced
results/<time>.json, latest.json    what was verified and measured
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from mnist_deploy import files
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.dataset import FloatArray
from mnist_deploy.errors import ArtifactError, ModelError
from mnist_deploy.kinds import Precision as Precision
from mnist_deploy.kinds import Variant as Variant
from mnist_deploy.kinds import identity, kind
from mnist_deploy.training import TrainingRecord

KERAS_FORMAT = "keras"


class State(StrEnum):
    """Whether an artifact may be measured."""

    CURRENT = "current"
    STALE = "stale"
    MISSING = "missing"
    CORRUPT = "corrupt"


# Raised when an exporter makes another artifact of the same model: what an earlier version exported is then made anew.
EXPORT_REVISION = 2
# The first at which exports are made of the rewritten network.
REWRITTEN_SINCE = 2


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
    """One file, or folder, that a runtime can load. `path` is absolute here, relative to artifacts/ in the manifest."""

    model_config = ConfigDict(frozen=True)

    architecture: str
    format: str
    precision: Precision
    variant: Variant = Variant.STANDARD
    path: Path
    size_bytes: int
    sha256: str
    provenance: Provenance

    @property
    def rewritten(self) -> bool:
        """Whether it was made of the network that `rewriting` makes of the model."""
        return self.variant.optimized and self.provenance.revision >= REWRITTEN_SINCE

    @property
    def label(self) -> str:
        """The artifact in words: 'mlp-relu-128 tflite int8', 'mlp-relu-128 onnx float32 uint8'."""
        return f"{self.architecture} {kind(self)}"


class Manifest(BaseModel):
    """The content of manifest.json."""

    schema_version: int = 1
    artifacts: list[Artifact] = []


@dataclass(frozen=True)
class Reference:
    """The Keras scores of one model, float32 (N, 10), for the test images of the data with `data_sha256`."""

    scores: FloatArray
    model_sha256: str
    data_sha256: str


class ArtifactStore:
    """The folder artifacts/ at `root`; nothing is created before something is saved."""

    def __init__(self, root: Path) -> None:
        """Take `root` as it is, existing or not."""
        self.root = root.absolute()
        self.results = self.root / "results"

    def model_path(self, architecture: str) -> Path:
        """Where the trained Keras model is."""
        return self.root / architecture / "model.keras"

    def training_path(self, architecture: str) -> Path:
        """Where the record of the training is."""
        return self.root / architecture / "training.json"

    def export_path(
        self, architecture: str, suffix: str, precision: Precision, variant: Variant = Variant.STANDARD
    ) -> Path:
        """Where an export goes: one file or folder a precision, or the folder `suffix` if that has no dot."""
        which = "" if variant is Variant.STANDARD else f"-{variant}"
        name = f"{precision}{which}{suffix}" if suffix.startswith(".") else f"{suffix}{which}"
        return self.root / architecture / name

    def trained(self) -> list[str]:
        """Return the architectures that have a trained model."""
        return [name for name in ARCHITECTURES if self.model_path(name).is_file()]

    def model_sha256(self, architecture: str) -> str | None:
        """Return the SHA-256 of the trained model, or None if it is not here."""
        path = self.model_path(architecture)
        return files.sha256(path) if path.is_file() else None

    def training(self, architecture: str) -> TrainingRecord | None:
        """Return the record of the training that made the model, or None if none is here or it is unreadable."""
        try:
            return TrainingRecord.model_validate_json(self.training_path(architecture).read_bytes())
        except (OSError, ValidationError):
            return None

    def save_model(
        self, architecture: str, save: Callable[[Path], None], record: Callable[[str], TrainingRecord]
    ) -> None:
        """Save a trained model by `save`, and its `record`, which is told the SHA-256; an older model is archived."""
        path = self.model_path(architecture)
        with files.replacing(path) as temporary:
            save(temporary)
            content = record(files.sha256(temporary)).model_dump_json(indent=1)
            self._archive_model(architecture)
        files.write_text(self.training_path(architecture), content + "\n")

    def _archive_model(self, architecture: str) -> None:
        """Move the trained model and its record to previous/, so that a new training loses nothing."""
        sha256 = self.model_sha256(architecture)
        if sha256 is None:
            return
        previous = self.root / architecture / "previous" / sha256[:12]
        previous.mkdir(parents=True, exist_ok=True)
        for path in (self.model_path(architecture), self.training_path(architecture)):
            if path.is_file():
                path.replace(previous / path.name)

    def save_reference(self, architecture: str, reference: Reference) -> None:
        """Save the Keras scores that belong to the model as it is now."""
        with files.replacing(self.root / architecture / "reference.npz") as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream,
                scores=reference.scores,
                model_sha256=np.array(reference.model_sha256),
                data_sha256=np.array(reference.data_sha256),
            )

    def reference(self, architecture: str) -> Reference | None:
        """Return the recorded Keras scores, or None if none are here.

        Raises:
            ArtifactError: the file is unreadable.
        """
        path = self.root / architecture / "reference.npz"
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as archive:
                return Reference(archive["scores"], str(archive["model_sha256"]), str(archive["data_sha256"]))
        except Exception as error:  # numpy and zipfile raise half a dozen kinds for a damaged archive
            raise ArtifactError(f"{path}: not readable; run: mnist-deploy export {architecture}") from error

    def manifest(self) -> Manifest:
        """Return the manifest with absolute paths; empty if none was written yet.

        Raises:
            ArtifactError: manifest.json is not what this package writes.
        """
        path = self.root / "manifest.json"
        if not path.is_file():
            return Manifest()
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except ValidationError as error:
            what = error.errors()[0]["msg"]
            raise ArtifactError(f"{path}: not a manifest ({what}); delete it and run: mnist-deploy export") from error
        absolute = [one.model_copy(update={"path": self.root / one.path}) for one in manifest.artifacts]
        for artifact in absolute:
            if not artifact.path.resolve().is_relative_to(self.root.resolve()):
                raise ArtifactError(
                    f"{path}: names {artifact.path}, outside its folder; delete it and run: mnist-deploy export"
                )
        return Manifest(artifacts=absolute)

    def record(
        self,
        architecture: str,
        format: str,
        precision: Precision,
        path: Path,
        provenance: Provenance,
        variant: Variant = Variant.STANDARD,
    ) -> Artifact:
        """Enter what stands at `path` in the manifest, in the place of an older entry, and return it."""
        artifact = Artifact(
            architecture=architecture,
            format=format,
            precision=precision,
            variant=variant,
            path=path,
            size_bytes=files.size_bytes(path),
            sha256=files.sha256(path),
            provenance=provenance,
        )
        kept = [one for one in self.manifest().artifacts if identity(one) != identity(artifact)]
        entries = sorted([*kept, artifact], key=_manifest_order)
        relative = [one.model_copy(update={"path": one.path.relative_to(self.root)}) for one in entries]
        content = Manifest(artifacts=relative).model_dump(mode="json")
        for entry in content["artifacts"]:
            entry["path"] = Path(entry["path"]).as_posix()
        files.write_text(self.root / "manifest.json", json.dumps(content, indent=1) + "\n")
        return artifact

    def record_model(self, architecture: str, versions: dict[str, str]) -> Artifact:
        """Enter the trained Keras model itself in the manifest."""
        path = self.model_path(architecture)
        provenance = Provenance(source_sha256=files.sha256(path), versions=versions, created_at=datetime.now(UTC))
        return self.record(architecture, KERAS_FORMAT, Precision.FLOAT32, path, provenance)

    def find(
        self, architecture: str, format: str, precision: Precision, variant: Variant = Variant.STANDARD
    ) -> Artifact | None:
        """Return one artifact of the manifest, in whatever state it is."""
        wanted = (architecture, format, precision, variant)
        return next((one for one in self.manifest().artifacts if identity(one) == wanted), None)

    def state(self, artifact: Artifact) -> State:
        """Compare an artifact with the model that it was made of, and with its own SHA-256.

        Without the source model beside it (a device that was sent only what it runs) staleness cannot be seen.
        """
        model = self.model_sha256(artifact.architecture)
        if model is not None and model != artifact.provenance.source_sha256:
            return State.STALE
        if not artifact.path.exists():
            return State.MISSING
        return State.CURRENT if files.sha256(artifact.path) == artifact.sha256 else State.CORRUPT

    def select(
        self,
        architectures: list[str] | None = None,
        formats: list[str] | None = None,
        precisions: list[str] | None = None,
        variants: list[str] | None = None,
    ) -> list[tuple[Artifact, State]]:
        """Return the artifacts that the filters let through (None: all) with their states, current or stale.

        Raises:
            ModelError: nothing was trained, or one of `architectures` was not.
            ArtifactError: an artifact is missing or is not what the manifest says.
        """
        artifacts = self.manifest().artifacts
        have = {artifact.architecture for artifact in artifacts} | set(self.trained())
        if not have:
            raise ModelError(f"{self.root}: nothing trained yet; run: mnist-deploy train-all")
        for name in architectures or []:
            if name not in have:
                raise ModelError(f"{name}: not trained yet; run: mnist-deploy train {name}")
        wanted = [
            one
            for one in artifacts
            if one.architecture in (architectures or have)
            and one.format in (formats or [one.format])
            and one.precision in (precisions or [one.precision])
            and one.variant in (variants or [one.variant])
        ]
        return [(artifact, self._usable(artifact)) for artifact in wanted]

    def _usable(self, artifact: Artifact) -> State:
        state = self.state(artifact)
        if state is State.MISSING:
            raise ArtifactError(f"{artifact.path}: missing; run: {remake(artifact)}")
        if state is State.CORRUPT:
            raise ArtifactError(f"{artifact.path}: not what was exported (SHA-256 differs); run: {remake(artifact)}")
        return state


def remake(artifact: Artifact) -> str:
    """Return the command that makes `artifact` anew."""
    if artifact.format == KERAS_FORMAT:
        return f"mnist-deploy train {artifact.architecture}"
    return making(artifact.architecture, artifact.format, artifact.precision, artifact.variant)


def making(architecture: str, format: str, precision: str, variant: str) -> str:
    """Return the command that exports one artifact."""
    return f"mnist-deploy export {architecture} --format {format} --precision {precision}{Variant(variant).options}"


def _manifest_order(artifact: Artifact) -> tuple[int, str, int, int]:
    names, precisions, variants = list(ARCHITECTURES), list(Precision), list(Variant)
    known = names.index(artifact.architecture) if artifact.architecture in names else len(names)
    return known, artifact.format, precisions.index(artifact.precision), variants.index(artifact.variant)
