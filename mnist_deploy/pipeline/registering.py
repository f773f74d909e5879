"""A trained model's place in the store: its own scores, which verify compares with, and its entry in the manifest."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mnist_deploy import files, training
from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import KERAS_FORMAT, Artifact, ArtifactStore, Precision, Provenance, Reference
from mnist_deploy.benchmark import attempts
from mnist_deploy.benchmark.trial import Trial
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import ArtifactError, ModelError
from mnist_deploy.versions import versions

# How long a worker may take to load and run a model that its user put there.
TRIAL_S = 120.0


def register(store: ArtifactStore, dataset: Dataset, name: str, model: Any) -> None:
    """Record the scores of the model that lies in the store, and enter it in the manifest as an artifact."""
    sha256 = store.model_sha256(name) or ""
    store.save_reference(name, Reference(training.reference_scores(model, dataset), sha256, dataset.sha256))
    store.record_model(name, versions("tensorflow", "keras"))


def is_registered(store: ArtifactStore, dataset: Dataset, name: str) -> bool:
    """Tell whether the model is entered as it is now, with its scores for the test images of `dataset`."""
    sha256 = store.model_sha256(name)
    entry = store.find(name, KERAS_FORMAT, Precision.FLOAT32)
    try:
        reference = store.reference(name)
    except ArtifactError:  # damaged: recording them again is what its message advises
        return False
    scores = reference and (reference.model_sha256, reference.data_sha256)
    return entry is not None and entry.sha256 == sha256 and scores == (sha256, dataset.sha256)


def load_model(store: ArtifactStore, name: str) -> Any:
    """Return the trained `keras.Model` of a network.

    Raises:
        ModelError: it is unreadable, or no model of digits.
        UnavailableError: TensorFlow is not installed.
    """
    path = store.model_path(name)
    training.check(path)
    training.require_tensorflow()
    sha256 = store.model_sha256(name) or ""
    recorded = store.find(name, KERAS_FORMAT, Precision.FLOAT32)
    if recorded is None or recorded.sha256 != sha256:
        _try(path, name, sha256)
    model = training.load_model(path)
    try:
        scores = model(np.zeros((1, *INPUT_SHAPE), np.float32))
    except Exception as error:  # a network for other inputs, or for none at all
        raise training.unreadable(path, str(error)) from error
    if tuple(scores.shape) != (1, 10):
        raise ModelError(f"{path}: gives {tuple(scores.shape)}, not (1, 10); it is no model of these digits")
    return model


def _try(path: Path, name: str, sha256: str) -> None:
    """Let a worker run a model that this package did not write: what is damaged may take the process with it."""
    provenance = Provenance(source_sha256=sha256, versions={}, created_at=datetime.now(UTC))
    artifact = Artifact(
        architecture=name, format=KERAS_FORMAT, precision=Precision.FLOAT32, path=path,
        size_bytes=files.size_bytes(path), sha256=sha256, provenance=provenance,
    )  # fmt: skip
    trial = Trial(module="tensorflow", runtime="keras-call", artifact=artifact)
    (found,) = attempts.attempt([trial], TRIAL_S, lambda ended: None)
    if found.reason is not None:
        told = found.reason.partition("ModelError: ")[2]  # the worker found what loading it here would
        raise ModelError(told) if told else training.unreadable(path, found.reason)
