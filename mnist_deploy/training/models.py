"""The networks as Keras models."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from mnist_deploy import cpu
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
# TensorFlow's variable, which it reads once, when it is imported: whether its kernels are oneDNN's, "1" or "0".
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"


def require_tensorflow() -> None:
    """Import TensorFlow, as the backend of Keras and with leave to share a GPU with the workers that come after.

    On x86 its kernels are oneDNN's wherever the processor has AVX2, unless TF_ENABLE_ONEDNN_OPTS says otherwise; and
    each runs on a single thread, several of them at once (see `epochs`). Where TensorFlow was imported or used before,
    it stays as it is.

    Raises:
        UnavailableError: it is not installed; says how to get it.
    """
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    try:
        with onednn(cpu.features()):
            import tensorflow as tf
    except ImportError as error:
        raise UnavailableError(f"TensorFlow is missing ({error}); run: pip install tensorflow onnx tf2onnx") from error
    with suppress(RuntimeError):  # it was used before, with as many threads as it has
        tf.config.threading.set_intra_op_parallelism_threads(1)


@contextmanager
def onednn(cpu_features: list[str]) -> Iterator[None]:
    """Have TensorFlow take oneDNN's kernels if it is imported meanwhile.

    By itself it takes them only where the processor has VNNI, AVX-512 bfloat16 or AMX (`IsMklEnabled` in its
    tensorflow/core/util/port.cc), and Eigen's elsewhere, though oneDNN has kernels for AVX2, with which a step of the
    convolutional networks takes 0.4 to 0.7 of the time. The variable is taken back, so that workers measure
    TensorFlow as it is by itself.
    """
    if ONEDNN in os.environ or "avx2" not in cpu_features:
        yield
        return
    os.environ[ONEDNN] = "1"
    try:
        yield
    finally:
        del os.environ[ONEDNN]


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
