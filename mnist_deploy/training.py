"""Train one of the networks in Keras, so that one seed on one machine gives one result."""

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from mnist_deploy.architectures import INPUT_SHAPE, SPARSE, Architecture, Conv, Dense, Flatten, Layer, MaxPool
from mnist_deploy.dataset import CLASSES, Dataset, FloatArray, scaled
from mnist_deploy.errors import UnavailableError

# Named, so that every export can call its input and output by the same words.
INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
BATCH_AXIS = "batch"
SCORING_BATCH = 1000

OnEpoch = Callable[[int, dict[str, float]], None]


class Settings(BaseModel):
    """What a training depends on; two trainings with equal settings on one machine give equal weights."""

    model_config = ConfigDict(frozen=True)

    architecture: str
    layers: str
    optimizer: str
    loss: str
    batch_size: int
    epochs: int
    seed: int
    data_sha256: str


class TrainingRecord(BaseModel):
    """What `training.json` holds. Times in seconds; history has one value an epoch."""

    settings: Settings
    history: dict[str, list[float]]
    test_loss: float
    test_accuracy: float
    duration_s: float
    versions: dict[str, str]
    created_at: datetime
    model_sha256: str


def settings_for(architecture: Architecture, dataset: Dataset, *, epochs: int | None = None, seed: int = 0) -> Settings:
    """Return the settings of a training; `epochs` None means as many as the notebook takes."""
    return Settings(
        architecture=architecture.name,
        layers=repr(architecture.layers),
        optimizer=architecture.optimizer,
        loss=architecture.loss,
        batch_size=architecture.batch_size,
        epochs=epochs or architecture.epochs,
        seed=seed,
        data_sha256=dataset.sha256,
    )


def require_tensorflow() -> None:
    """Import TensorFlow, as the backend of Keras and with leave to share a GPU with the workers that come after.

    Raises:
        UnavailableError: it is not installed; says how to get it.
    """
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise UnavailableError(
            f"TensorFlow is missing ({error}); run: pip install tensorflow onnx tf2onnx onnxslim"
        ) from error


def build(architecture: Architecture) -> Any:
    """Return the untrained `keras.Sequential` model: float32 (N, 28, 28, 1) -> float32 (N, 10)."""
    import keras

    def layer(spec: Layer, name: str) -> Any:
        match spec:
            case Flatten():
                return keras.layers.Flatten(name=name)
            case Dense(units, activation):
                return keras.layers.Dense(units, activation=activation, name=name)
            case Conv(filters, kernel, activation):
                return keras.layers.Conv2D(filters, kernel, activation=activation, name=name)
            case MaxPool(size):
                return keras.layers.MaxPooling2D(size, name=name)
        raise NotImplementedError(f"no Keras layer for {spec}")

    last = len(architecture.layers)
    names = [
        OUTPUT_NAME if number == last else f"{spec.kind.lower()}_{number}"
        for number, spec in enumerate(architecture.layers, start=1)
    ]
    layers = [layer(spec, name) for spec, name in zip(architecture.layers, names, strict=True)]
    name = architecture.name.replace("-", "_")
    return keras.Sequential([keras.Input(INPUT_SHAPE, name=INPUT_NAME), *layers], name=name)


def train(
    architecture: Architecture, dataset: Dataset, settings: Settings, on_epoch: OnEpoch | None = None
) -> tuple[Any, dict[str, list[float]]]:
    """Train `architecture` as the notebook does.

    Args:
        architecture: the network.
        dataset: its training images are used; the test images are not looked at.
        settings: epochs and seed; see `settings_for`.
        on_epoch: called after each epoch with its number, from 1, and its mean loss and accuracy.

    Returns:
        The trained `keras.Model` and its history: a list of one value an epoch for 'loss' and 'accuracy'.

    Raises:
        UnavailableError: TensorFlow is not installed.
    """
    require_tensorflow()
    import keras
    import tensorflow as tf

    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    # Without it nothing promises that threads add in one order. It costs 3 to 18 % of the time here.
    tf.config.experimental.enable_op_determinism()
    images = scaled(dataset.train_images)
    labels = _labels(architecture, dataset.train_labels)
    model = build(architecture)
    # A whole epoch in one graph call: the same weights bit for bit, and less time between steps, which is what MLPs
    # spend theirs on (measured: MLPs 1.6 to 1.8 times sooner, CNNs 1.0 to 1.3 times).
    steps = -(-len(images) // architecture.batch_size)
    model.compile(architecture.optimizer, architecture.loss, metrics=["accuracy"], steps_per_execution=steps)
    notify = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: (
            on_epoch(epoch + 1, {k: float(v) for k, v in logs.items()}) if on_epoch else None
        )
    )
    history = model.fit(
        images, labels, batch_size=architecture.batch_size, epochs=settings.epochs, verbose=0, callbacks=[notify]
    )
    return model, {name: [float(value) for value in values] for name, values in history.history.items()}


def evaluate(model: Any, architecture: Architecture, dataset: Dataset) -> tuple[float, float]:
    """Return the loss and the accuracy of `model` on the test images."""
    images = scaled(dataset.test_images)
    labels = _labels(architecture, dataset.test_labels)
    loss, accuracy = model.evaluate(images, labels, batch_size=SCORING_BATCH, verbose=0)
    return float(loss), float(accuracy)


def reference_scores(model: Any, dataset: Dataset) -> FloatArray:
    """Return the Keras model's own scores for the test images, float32 (N, 10): what every artifact is held to."""
    images = scaled(dataset.test_images)
    return np.asarray(model.predict(images, batch_size=SCORING_BATCH, verbose=0), dtype=np.float32)


def _labels(architecture: Architecture, labels: Any) -> Any:
    """Return labels as the loss wants them: int32 (N,), or float32 one-hot (N, 10)."""
    return labels.astype(np.int32) if architecture.loss == SPARSE else np.eye(CLASSES, dtype=np.float32)[labels]
