"""The networks as Keras models."""

import os
from typing import Any

from mnist_deploy.architectures import (
    INPUT_SHAPE,
    Architecture,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
)
from mnist_deploy.errors import UnavailableError

# Named, so that every export can call its input and output by the same words.
INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
BATCH_AXIS = "batch"


def require_tensorflow() -> None:
    """Import TensorFlow, as the backend of Keras and with leave to share a GPU with the workers that come after.

    Raises:
        UnavailableError: it is not installed; says how to get it.
    """
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise UnavailableError(f"TensorFlow is missing ({error}); run: pip install tensorflow onnx tf2onnx") from error


def build(architecture: Architecture) -> Any:
    """Return the untrained `keras.Sequential` model: float32 (N, 28, 28, 1) -> float32 (N, 10)."""
    import keras

    last = len(architecture.layers)
    layers = [
        _layer(spec, OUTPUT_NAME if number == last else f"{spec.kind.lower()}_{number}")
        for number, spec in enumerate(architecture.layers, start=1)
    ]
    name = architecture.name.replace("-", "_")
    return keras.Sequential([keras.Input(INPUT_SHAPE, name=INPUT_NAME), *layers], name=name)


def _layer(spec: Layer, name: str) -> Any:
    from keras import layers

    match spec:
        case Flatten():
            return layers.Flatten(name=name)
        case Dense(units, activation):
            return layers.Dense(units, activation=activation, name=name)
        case Conv(filters, kernel, activation):
            return layers.Conv2D(filters, kernel, activation=activation, name=name)
        case MaxPool(size):
            return layers.MaxPooling2D(size, name=name)
    raise NotImplementedError(f"no Keras layer for {spec}")
