"""The Keras model's own layers: what an artifact's inner tensors are held to."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from mnist_deploy.dataset import FloatArray
from mnist_deploy.rewriting import rewritten
from mnist_deploy.runtimes.tensorflow import configure
from mnist_deploy.training import SCORING_BATCH, load_model, require_tensorflow

# What the numbers that a softmax makes scores of are called.
LOGITS = "logits"


@dataclass(frozen=True)
class Layer:
    """One layer, or one part of a layer, and its output.

    Attributes:
        name: Keras's name of it.
        kind: its class, 'Dense', 'Conv2D' ...; 'Softmax' for the activation of a layer that was split.
        weighted: whether it has weights.
        source: the shape of its input, without the images' axis.
        values: its output, activation included, float32 (N, ...), channels last.
        part: which part of the layer it is; '' for a whole layer, or for what its softmax gives.
    """

    name: str
    kind: str
    weighted: bool
    source: tuple[int, ...]
    values: FloatArray
    part: str = ""

    @property
    def label(self) -> str:
        """Its name, and the part if it is one."""
        return f"{self.name} {self.part}" if self.part else self.name

    @property
    def size(self) -> int:
        """How many numbers it gives for one image."""
        return prod(self.values.shape[1:])

    @property
    def channels(self) -> int:
        """How many channels or units it has; laying an image out as one row keeps the image's channels."""
        flattened = len(self.source) == 3 and self.values.ndim == 2 and not self.weighted
        return self.source[-1] if flattened else self.values.shape[-1]


def outputs(path: Path, images: FloatArray, *, optimized: bool = False) -> list[Layer]:
    """Return the layers of the Keras model at `path` with their outputs for `images`, first to last.

    A layer with a softmax comes in two: scores near 0 and 1 hide what is wrong with the numbers that they are made of.

    Args:
        path: a .keras file.
        images: float32 (N, 28, 28, 1) in [0, 1].
        optimized: whether to take the layers of the network that `rewriting` makes of the model.

    Raises:
        ModelError: the file is no readable Keras model.
        UnavailableError: TensorFlow is not installed, or runs in this process with a GPU.
    """
    require_tensorflow()
    configure("cpu", None)
    import keras

    model = load_model(path)
    if optimized:
        model = rewritten(model)
    parts: list[tuple[Any, str, str, bool, Any]] = []
    for layer in model.layers:
        kind, weighted = type(layer).__name__, bool(layer.weights)
        if weighted and getattr(layer, "activation", None) is keras.activations.softmax:
            parts.append((layer, kind, LOGITS, weighted, _without_activation(layer)))
            kind, weighted = "Softmax", False
        parts.append((layer, kind, "", weighted, layer.output))
    probe = keras.Model(model.inputs, [output for *_, output in parts])
    values = probe.predict(images, batch_size=SCORING_BATCH, verbose=0)
    return [
        Layer(layer.name, kind, weighted, tuple(layer.input.shape[1:]), np.asarray(one), part)
        for (layer, kind, part, weighted, _), one in zip(parts, values, strict=True)
    ]


def _without_activation(layer: Any) -> Any:
    """Return what a twin of `layer` with its weights, but without its activation, gives for the same input."""
    twin = type(layer).from_config({**layer.get_config(), "activation": "linear", "name": f"{layer.name}_linear"})
    output = twin(layer.input)
    twin.set_weights(layer.get_weights())
    return output
