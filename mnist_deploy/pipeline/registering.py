"""A trained model's place in the store: its own scores, which verify compares with, and its entry in the manifest."""

from typing import Any

import numpy as np

from mnist_deploy import training
from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import KERAS_FORMAT, ArtifactStore, Precision, Reference
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import ArtifactError, ModelError
from mnist_deploy.versions import versions


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
    training.require_tensorflow()
    import keras

    path = store.model_path(name)
    try:
        model = keras.saving.load_model(path, compile=False)
        scores = model(np.zeros((1, *INPUT_SHAPE), np.float32))
        fits = tuple(scores.shape) == (1, 10)
    except Exception as error:  # Keras raises whatever its parts raise on a damaged file
        raise ModelError(f"{path}: not a readable Keras model; run: mnist-deploy train {name} --force") from error
    if not fits:
        raise ModelError(f"{path}: gives {tuple(scores.shape)}, not (1, 10); it is no model of these digits")
    return model
