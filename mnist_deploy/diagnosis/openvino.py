"""OpenVINO: inner tensors become outputs of the model, be it ONNX or OpenVINO's own format."""

from collections.abc import Collection
from typing import Any

import numpy as np

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray
from mnist_deploy.diagnosis.base import Tensor, Tracer, batched
from mnist_deploy.runtimes.openvino import OpenVinoRuntime, core, graph_file

LEFT_OUT = frozenset({"Parameter", "Constant", "Result"})


class OpenVinoTracer(Tracer):
    """A compiled model with more outputs, in float32 as in `runtimes.openvino`."""

    runtime = "openvino"
    formats = ("onnx", "openvino")

    def __init__(self, artifact: Artifact) -> None:
        """Note where the model is: adding outputs changes it, so each trace reads it anew."""
        super().__init__(artifact)
        self._path = graph_file(artifact.path)

    def trace(self, images: FloatArray, keys: Collection[str] | None = None) -> list[Tensor]:
        """Compile the model with the wanted tensors as outputs, and infer."""
        model = core().read_model(str(self._path))
        model.reshape(images.shape)
        final = model.output(0).get_node().input_value(0).get_node().get_friendly_name()
        wanted = [
            operation
            for operation in model.get_ordered_ops()
            if operation.get_type_name() not in LEFT_OUT and (keys is None or operation.get_friendly_name() in keys)
        ]
        seen = [operation for operation in wanted if _batched(operation.output(0), len(images))]
        # An added output lends its own name to the tensor.
        names = {one.get_friendly_name(): sorted(one.output(0).get_names()) for one in seen}
        model.add_outputs([one.output(0) for one in seen if one.get_friendly_name() != final])
        compiled = core().compile_model(model, "CPU", dict(OpenVinoRuntime.hints))
        results = compiled(self.inputs(images))
        ports = {_source(result): number for number, result in enumerate(model.outputs)}
        traced = []
        for operation in seen:
            name = operation.get_friendly_name()
            every = ";".join(dict.fromkeys([name, *names[name]]))
            values = np.array(results[ports[name]])
            traced.append(Tensor(name, every, operation.get_type_name(), values, name == final))
        return batched(traced, images)


def _batched(output: Any, images: int) -> bool:
    shape = output.get_partial_shape()
    return bool(shape.rank.is_static and len(shape) > 1 and shape[0].is_static and shape[0].get_length() == images)


def _source(result: Any) -> str:
    """Return the name of the operation that an output of the model shows."""
    return str(result.get_node().input_value(0).get_node().get_friendly_name())
