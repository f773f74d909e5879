"""The trained models below artifacts/, their records, and where everything else lies. The only owner of its paths."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mnist_deploy import documents, files
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import reference
from mnist_deploy.artifacts.reference import Reference
from mnist_deploy.kinds import Precision, Variant
from mnist_deploy.training import Settings, TrainingRecord, checkpoints


class Models:
    """The folder artifacts/ at `root`; nothing is created before something is saved."""

    def __init__(self, root: Path, results: Path | None = None) -> None:
        """Take `root` as it is, existing or not.

        Args:
            root: the folder of artifacts.
            results: where results are, and are written to; by default the folder results/ in `root`.
        """
        self.root = root.absolute()
        self.results = self.root / "results" if results is None else results.absolute()

    @property
    def results_elsewhere(self) -> bool:
        """Whether results are not below `root`, which whoever saves them then need not be able to write to."""
        return not files.is_inside(self.results, self.root)

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

    def save_reference(self, architecture: str, scores: Reference) -> None:
        """Save the Keras scores that belong to the model as it is now."""
        reference.save(self._reference_path(architecture), scores)

    def reference(self, architecture: str) -> Reference | None:
        """Return the recorded Keras scores, or None if none are here.

        Raises:
            ArtifactError: the file is unreadable.
        """
        return reference.load(self._reference_path(architecture))

    def _reference_path(self, architecture: str) -> Path:
        return self.root / architecture / "reference.npz"
