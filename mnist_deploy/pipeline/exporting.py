"""Export the trained models to every format and precision that is not there yet."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mnist_deploy import files, interruption, resource_limits
from mnist_deploy.artifacts import (
    EXPORT_REVISION,
    Artifact,
    ArtifactStore,
    Precision,
    Provenance,
    State,
    Variant,
)
from mnist_deploy.dataset import Dataset, FloatArray, scaled
from mnist_deploy.errors import DataError, ModelError, ResourceLimitError, StorageError, UsageError
from mnist_deploy.exporters import EXPORTERS, Exporter
from mnist_deploy.exporters.metadata import ModelFacts
from mnist_deploy.exporters.source import Source
from mnist_deploy.pipeline.registering import is_registered, load_model, register
from mnist_deploy.plugins import Closing
from mnist_deploy.progress import Progress, task
from mnist_deploy.quiet import debugging, quiet
from mnist_deploy.results import Skip, SkipKind
from mnist_deploy.versions import versions


@dataclass(frozen=True)
class Calibration:
    """Which training images show the converters the range of the activations: `size` of them, drawn by `seed`."""

    size: int = 500
    seed: int = 0

    def images(self, dataset: Dataset) -> FloatArray:
        """Return the calibration set, float32 (size, 28, 28, 1).

        Raises:
            UsageError: more images are asked for than there are.
        """
        if self.size > len(dataset.train_images):
            raise UsageError(
                f"--calibration-size {self.size}: more than the data has; give at most {len(dataset.train_images)}"
            )
        drawn = np.random.default_rng(self.seed).choice(len(dataset.train_images), self.size, replace=False)
        return scaled(dataset.train_images[drawn])


@dataclass
class Exported:
    """What an export came to: every artifact asked for, those that were there before, and what could not be made."""

    artifacts: list[Artifact] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    skips: list[Skip] = field(default_factory=list)


Target = tuple[type[Exporter], Precision]


def targets(formats: Sequence[str], precisions: Sequence[str]) -> list[Target]:
    """Return the formats with those of their precisions that are asked for.

    Raises:
        UsageError: none of the formats has any of the precisions.
    """
    found = [
        (EXPORTERS[name], precision)
        for name in formats
        for precision in EXPORTERS[name].precisions
        if precision in precisions
    ]
    if not found:
        offers = "; ".join(f"{name}: {', '.join(EXPORTERS[name].precisions)}" for name in formats)
        raise UsageError(
            f"--precision {', '.join(precisions)}: no format asked for has it; give one of theirs ({offers})"
        )
    return found


def export_all(
    store: ArtifactStore,
    dataset: Dataset,
    names: Sequence[str],
    wanted: Sequence[Target],
    calibration: Calibration,
    progress: Progress,
    variant: Variant = Variant.STANDARD,
    *,
    force: bool = False,
) -> Exported:
    """Export the models `names` to `wanted`; what is there already, of this model and calibration, is kept.

    Other variants than `variant` are left as they are.

    Raises:
        ModelError: a model is not trained, or not readable.
        DataError: a model was trained on other data than `dataset`.
    """
    images = calibration.images(dataset)
    exported = Exported()
    for name in names:
        _check_source(store, dataset, name)
    with interruption.advising(interruption.GO_ON), task(progress, "export", len(names) * len(wanted)):
        for name in names:
            with _OneModel(store, dataset, name, images, variant) as one:
                for exporter, precision in wanted:
                    _export_one(one, exporter, precision, calibration, exported, progress, force=force)
                one.ensure_registered()
    return exported


class _OneModel(Closing):
    """A trained model that is loaded when it is first needed: often everything is there already."""

    def __init__(self, store: ArtifactStore, dataset: Dataset, name: str, images: FloatArray, variant: Variant) -> None:
        self.store, self.dataset, self.name, self.images, self.variant = store, dataset, name, images, variant
        self.sha256 = store.model_sha256(name) or ""
        self._source: Source | None = None

    def source(self) -> Source:
        """Return the source of the exports. Its model is registered first, for they say how accurate it is."""
        if self._source is None:
            model = load_model(self.store, self.name)
            if not is_registered(self.store, self.dataset, self.name):
                register(self.store, self.dataset, self.name, model)
            self._source = Source(model, self.images, self.variant, self._facts())
        return self._source

    def _facts(self) -> ModelFacts | None:
        reference = self.store.reference(self.name)
        if reference is None:
            return None
        correct = reference.scores.argmax(axis=1) == self.dataset.test_labels
        return ModelFacts(self.name, self.sha256, test_accuracy=float(np.mean(correct)))

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def ensure_registered(self) -> None:
        """Record the scores of the model as it is now, unless they are recorded."""
        if not is_registered(self.store, self.dataset, self.name):
            with quiet():
                self.source()


def _check_source(store: ArtifactStore, dataset: Dataset, name: str) -> None:
    sha256 = store.model_sha256(name)
    if sha256 is None:
        raise ModelError(f"{name}: not trained yet; run: mnist-deploy train {name}")
    record = store.training(name)
    if record and record.settings.data_sha256 != dataset.sha256:
        raise DataError(f"{name}: trained on other data than this; give the --data that it was trained with")


def _export_one(
    one: _OneModel,
    exporter: type[Exporter],
    precision: Precision,
    calibration: Calibration,
    exported: Exported,
    progress: Progress,
    *,
    force: bool,
) -> None:
    which = "" if one.variant is Variant.STANDARD else f" {one.variant}"
    label = f"{one.name} {exporter.format} {precision}{which}"
    calibrated = precision is Precision.INT8
    provenance = Provenance(
        source_sha256=one.sha256,
        versions=versions(*exporter.distributions),
        created_at=datetime.now(UTC),
        calibration_size=calibration.size if calibrated else None,
        calibration_seed=calibration.seed if calibrated else None,
        calibration_data_sha256=one.dataset.sha256 if calibrated else None,
        revision=EXPORT_REVISION,
    )
    there = one.store.find(one.name, exporter.format, precision, one.variant)
    if there and not force and _same_source(there.provenance, provenance) and one.store.state(there) is State.CURRENT:
        exported.artifacts.append(there)
        exported.kept.add(there.label)
        progress.advance(f"{label}: kept")
        return

    def skip(kind: SkipKind, reason: str, remedy: str | None) -> None:
        exported.skips.append(
            Skip(
                kind=kind,
                architecture=one.name,
                format=exporter.format,
                precision=precision,
                variant=one.variant,
                reason=reason,
                remedy=remedy,
            )
        )
        progress.advance(f"{label}: skipped, {reason}")

    missing = exporter.missing(precision)
    if missing:
        skip(SkipKind.UNAVAILABLE, f"{', '.join(missing)} is not installed", f"pip install {' '.join(missing)}")
        return
    path = one.store.export_path(one.name, exporter.suffix, precision, one.variant)
    try:
        with quiet(), files.replacing(path) as temporary, files.roomy(path.parent, Path(tempfile.gettempdir())):
            made = exporter()
            made.export(one.source(), precision, temporary)
            requirements = made.requirements(temporary)
    except (ModelError, StorageError):
        raise
    except Exception as error:  # a converter may raise anything; the other formats are still worth having
        if debugging():
            raise
        limit = resource_limits.explain(error)
        if limit is not None:  # the other formats would meet it too
            raise ResourceLimitError(f"{label}: {limit}") from error
        text = str(error).strip().splitlines() or [""]
        skip(SkipKind.FAILED, f"{type(error).__name__}: {text[0][:200]}", "run again with --debug")
        return
    artifact = one.store.record(one.name, exporter.format, precision, path, provenance, one.variant, requirements)
    exported.artifacts.append(artifact)
    progress.advance(f"{label}: {artifact.size_bytes:,} bytes")


def _same_source(old: Provenance, new: Provenance) -> bool:
    ignored = {"created_at", "versions"}
    return old.model_dump(exclude=ignored) == new.model_dump(exclude=ignored)
