"""TensorFlow: inner tensors of a SavedModel's signature, fetched from its frozen graph."""

from collections.abc import Collection
from graphlib import TopologicalSorter
from typing import Any

import numpy as np

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray
from mnist_deploy.diagnosis.base import Tensor, Tracer, batched
from mnist_deploy.runtimes.tensorflow import configure


class TensorFlowTracer(Tracer):
    """The signature 'serving_default' with its calls inlined and its variables as constants, pruned to fetches."""

    runtime = "tensorflow"
    formats = ("saved_model",)

    def __init__(self, artifact: Artifact) -> None:
        """Load and freeze the SavedModel, with the GPU hidden."""
        super().__init__(artifact)
        configure("cpu", None)
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        loaded = tf.saved_model.load(str(artifact.path))
        self._frozen = convert_variables_to_constants_v2(loaded.signatures["serving_default"])
        self._final = self._frozen.outputs[0].name

    def trace(self, images: FloatArray, keys: Collection[str] | None = None) -> list[Tensor]:
        """Call the graph pruned to the wanted tensors."""
        import tensorflow as tf

        wanted = [
            tensor
            for operation in _in_order(self._frozen.graph)
            for tensor in operation.outputs
            if tensor.dtype.is_floating and (keys is None or tensor.name in keys)
        ]
        pruned = self._frozen.prune(self._frozen.inputs, wanted)
        traced = [
            Tensor(tensor.name, tensor.name, tensor.op.type, np.asarray(values), tensor.name == self._final)
            for tensor, values in zip(wanted, pruned(tf.constant(self.inputs(images))), strict=True)
        ]
        return batched(traced, images)


def _in_order(graph: Any) -> list[Any]:
    """Return the operations behind a placeholder, each after those that it reads: inlining appends as it likes."""
    reads = {operation: [tensor.op for tensor in operation.inputs] for operation in graph.get_operations()}
    fed: set[Any] = set()
    found = []
    for operation in TopologicalSorter(reads).static_order():
        if operation.type == "Placeholder":
            fed.add(operation)
        elif not fed.isdisjoint(reads[operation]):
            fed.add(operation)
            found.append(operation)
    return found
