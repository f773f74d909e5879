"""The networks as Keras models."""

import os
from typing import Any

from mnist_deploy.architectures import (
    INPUT_SHAPE,
    Activation,
    Architecture,
    Conv,
    Crop,
    Dense,
    Flatten,
    Layer,
    MaxPool,
)
from mnist_deploy.errors import UnavailableError
from mnist_deploy.training.records import ComputeDtype

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
        raise UnavailableError(
            f"TensorFlow is missing ({error}); run: pip install tensorflow onnx tf2onnx onnxslim"
        ) from error


def build(architecture: Architecture, compute_dtype: ComputeDtype = ComputeDtype.FLOAT32) -> Any:
    """Return the untrained `keras.Sequential` model: float32 (N, 28, 28, 1) -> float32 (N, 10).

    With bfloat16 every layer but the last computes in it, as Keras's guide to mixed precision says: weights and
    scores stay float32.
    """
    import keras

    inner = "mixed_bfloat16" if compute_dtype is ComputeDtype.BFLOAT16 else "float32"
    *hidden, last = architecture.layers
    layers = [
        _layer(spec, name=f"{spec.kind.lower()}_{number}", dtype=inner) for number, spec in enumerate(hidden, start=1)
    ]
    layers.append(_layer(last, name=OUTPUT_NAME, dtype="float32"))
    name = architecture.name.replace("-", "_")
    return keras.Sequential([keras.Input(INPUT_SHAPE, name=INPUT_NAME), *layers], name=name)


def _layer(spec: Layer, **common: str) -> Any:
    from keras import layers

    match spec:
        case Flatten():
            return layers.Flatten(**common)
        case Dense(units, activation):
            return layers.Dense(units, activation=activation, **common)
        case Conv(filters, kernel, activation):
            return layers.Conv2D(filters, kernel, activation=activation, **common)
        case MaxPool(size):
            return layers.MaxPooling2D(size, **common)
        case Activation(activation):
            return layers.Activation(activation, **common)
        case Crop(side):
            cut = INPUT_SHAPE[0] - side
            return layers.Cropping2D(((0, cut), (0, cut)), **common)
    raise NotImplementedError(f"no Keras layer for {spec}")
