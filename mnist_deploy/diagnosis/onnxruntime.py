"""ONNX Runtime: inner tensors become outputs of a copy of the graph."""

from collections.abc import Collection

import numpy as np

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray
from mnist_deploy.diagnosis.base import Tensor, Tracer, batched
from mnist_deploy.training import INPUT_NAME


class OnnxRuntimeTracer(Tracer):
    """A session over the graph with more outputs, and the optimisations that `runtimes.onnxruntime` leaves on."""

    runtime = "onnxruntime"
    formats = ("onnx",)

    def __init__(self, artifact: Artifact) -> None:
        """Parse the file."""
        super().__init__(artifact)
        import onnx

        self._model = onnx.load(artifact.path)
        self._operators = {name: node.op_type for node in self._model.graph.node for name in node.output if name}
        self._final = self._model.graph.output[0].name

    def trace(self, images: FloatArray, keys: Collection[str] | None = None) -> list[Tensor]:
        """Run a session with the wanted tensors as outputs; a file lists its nodes in the order of computing."""
        import onnx
        import onnxruntime

        wanted = [name for name in self._operators if keys is None or name in keys]
        model = onnx.ModelProto.FromString(self._model.SerializeToString())
        more = [onnx.helper.make_empty_tensor_value_info(name) for name in wanted if name != self._final]
        model.graph.output.extend(more)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        outputs = session.run(wanted, {INPUT_NAME: self.inputs(images)})
        traced = [
            Tensor(name, name, self._operators[name], np.asarray(values), final=name == self._final)
            for name, values in zip(wanted, outputs, strict=True)
        ]
        return batched(traced, images)
