"""What lies below artifacts/, and whether it may be trusted. The only owner of its paths.

manifest.json                       every artifact: format, precision, variant, path, bytes, SHA-256, provenance
<architecture>/model.keras          the trained model; itself the artifact of format keras
<architecture>/training.json        how it was trained
<architecture>/reference.npz        its scores for the test images: what verify compares with
<architecture>/saved_model/         what was exported from it: a folder of its own for a format of one precision,
<architecture>/<precision>.<...>    else a file or folder for each precision; a variant other than the standard one
                                    is named before the dot: float32-uint8.onnx, saved_model-uint8/
<architecture>/previous/<sha>/      models that a later training replaced
<architecture>/unfinished/          what trainings that are not finished go on from (see `training.checkpoints`)
results/<time>.json, latest.json    what was verified and measured
.lock, .holder.json                 who writes here now (see `holding`)
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mnist_deploy import documents, files, holding
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.dataset import FloatArray
from mnist_deploy.errors import ArtifactError, ModelError
from mnist_deploy.kinds import Precision as Precision
from mnist_deploy.kinds import Variant as Variant
from mnist_deploy.kinds import identity, kind
from mnist_deploy.progress import Progress
from mnist_deploy.training import Settings, TrainingRecord, checkpoints

KERAS_FORMAT, MANIFEST = "keras", "manifest.json"
# Names become parts of paths and of commands: none may lead elsewhere.
NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
SHA256 = r"^[0-9a-f]{64}$"


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

    architecture: str = Field(pattern=NAME)
    format: str = Field(pattern=NAME)
    precision: Precision
    variant: Variant = Variant.STANDARD
    path: Path
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=SHA256)
    provenance: Provenance

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

    @contextmanager
    def claimed(self, command: str, progress: Progress, *, makes: bool = False) -> Iterator[None]:
        """Hold the folder for a with-block in which `command` writes to it, after whoever holds it now.

        What writers that were killed left unfinished is undone first.

        Args:
            command: what others are told that have to wait.
            progress: is told whom this one waits for.
            makes: whether the command works in a folder with nothing in it, too; for others that is left as it is.

        Raises:
            StorageError: the folder cannot be written to.
        """
        if not (makes or (self.root / MANIFEST).exists() or self.trained()):
            yield
            return
        with holding.held(self.root, command, progress):
            for folder, below, _ in os.walk(self.root):
                below[:] = [name for name in below if not name.startswith(files.WRITING)]
                files.recover(Path(folder))
            yield

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
        """Return the record of the training that made the model, or None if none is here or it is unreadable.

        Where the model itself is not here, as on a device, it is taken at its word.
        """
        try:
            record = TrainingRecord.model_validate(documents.read(self.training_path(architecture)))
        except (OSError, ValueError):
            return None
        return record if self.model_sha256(architecture) in {None, record.model_sha256} else None

    def save_model(
        self, architecture: str, save: Callable[[Path], None], record: Callable[[str], TrainingRecord]
    ) -> None:
        """Save a trained model by `save`, and its `record`, which is told the SHA-256; an older model is archived.

        The model comes last: until it is there, the one before is, and with it the next training begins again.
        """
        path = self.model_path(architecture)
        with files.replacing(path) as temporary:
            save(temporary)
            content = record(files.sha256(temporary)).model_dump_json()
            self._archive_model(architecture)
            files.write_text(self.training_path(architecture), documents.sealed(content))

    def _archive_model(self, architecture: str) -> None:
        """Copy the trained model and its record to previous/, so that a new training loses nothing."""
        sha256 = self.model_sha256(architecture)
        if sha256 is None:
            return
        previous = self.root / architecture / "previous" / sha256[:12]
        for path in (self.model_path(architecture), self.training_path(architecture)):
            if path.is_file():
                with files.replacing(previous / path.name) as temporary:
                    shutil.copyfile(path, temporary)

    def checkpoint_path(self, settings: Settings) -> Path:
        """Where a training with `settings` is after its last finished epoch, until its model is saved."""
        return self.root / settings.architecture / "unfinished" / checkpoints.name(settings)

    def discard_checkpoint(self, settings: Settings) -> None:
        """Remove what a training with `settings`, which is finished, would have gone on from."""
        path = self.checkpoint_path(settings)
        with suppress(OSError):
            path.unlink()
            path.parent.rmdir()  # if no other training is unfinished

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
        path = self.root / MANIFEST
        remedy = "delete it and run: mnist-deploy export"
        try:
            manifest = Manifest.model_validate(documents.read(path, sealed_since=SEALED_SINCE))
        except FileNotFoundError:
            return Manifest()
        except OSError as error:
            raise ArtifactError(f"{path}: cannot be read ({error.strerror}); mend its permissions") from error
        except ValueError as error:
            raise ArtifactError(f"{path}: not a manifest ({documents.invalid(error)}); {remedy}") from error
        for one in manifest.artifacts:
            parts, place = one.path.parts, (self.root / one.path).resolve()
            if parts[:1] != (one.architecture,) or ".." in parts or not place.is_relative_to(self.root.resolve()):
                raise ArtifactError(f"{path}: names {self.root / one.path}, outside its folder; {remedy}")
        absolute = [one.model_copy(update={"path": self.root / one.path}) for one in manifest.artifacts]
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
        content = Manifest.model_construct(artifacts=relative).model_dump(mode="json")
        for entry in content["artifacts"]:
            entry["path"] = Path(entry["path"]).as_posix()
        files.write_text(self.root / MANIFEST, documents.sealed(json.dumps(content)))
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

        Without the source model beside it (a device that was sent only what it runs) staleness cannot be seen. The
        model itself is never stale.
        """
        model = self.model_sha256(artifact.architecture)
        itself = artifact.format == KERAS_FORMAT
        if not itself and model is not None and model != artifact.provenance.source_sha256:
            return State.STALE
        if not artifact.path.exists():
            return State.MISSING
        return State.CURRENT if is_intact(artifact) else State.CORRUPT

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
            made, own = "exported", ""
            if artifact.format == KERAS_FORMAT:
                made, own = "trained", f"; if you put it there: mnist-deploy export {artifact.architecture}"
            raise ArtifactError(f"{artifact.path}: not what was {made} (SHA-256 differs); run: {remake(artifact)}{own}")
        return state


def is_intact(artifact: Artifact) -> bool:
    """Tell whether what lies at the artifact's path is what the manifest says, by its size and SHA-256."""
    path = artifact.path
    return files.size_bytes(path) == artifact.size_bytes and files.sha256(path) == artifact.sha256


def require_intact(artifact: Artifact) -> None:
    """Hold an artifact to what the manifest said of it, right before it is loaded.

    Raises:
        ArtifactError: it is gone, or was changed since.
    """
    if not artifact.path.exists() or not is_intact(artifact):
        raise ArtifactError(f"{artifact.path}: changed since it was checked (SHA-256 differs); run the command again")


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
