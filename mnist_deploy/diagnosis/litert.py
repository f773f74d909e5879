"""LiteRT: an interpreter that keeps its inner tensors."""

from collections.abc import Collection
from typing import Any

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray
from mnist_deploy.diagnosis.base import Tensor, Tracer, batched
from mnist_deploy.runtimes.litert import DELEGATE, LiteRTRuntime


class LiteRTTracer(Tracer):
    """The interpreter with its default delegate, told to preserve all tensors; names and operators are the file's."""

    runtime = "litert"
    formats = ("tflite",)

    def __init__(self, artifact: Artifact) -> None:
        """Load the flatbuffer."""
        super().__init__(artifact)
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(artifact.path), experimental_preserve_all_tensors=True)
        self._input = self._interpreter.get_input_details()[0]
        self._final = self._interpreter.get_output_details()[0]["index"]

    def trace(self, images: FloatArray, keys: Collection[str] | None = None) -> list[Tensor]:
        """Invoke once; all tensors are kept anyway, and read as they are asked for."""
        interpreter = self._interpreter
        interpreter.resize_tensor_input(self._input["index"], (len(images), *INPUT_SHAPE))
        interpreter.allocate_tensors()
        runtime = LiteRTRuntime(self.artifact, device="cpu", threads=None, batch_size=len(images))
        interpreter.set_tensor(self._input["index"], runtime.encode(images))
        interpreter.invoke()
        details = {one["index"]: one for one in interpreter.get_tensor_details()}
        traced = []
        # Private, but the one way from a tensor to the operator that made it, and to the order of computing.
        operators = [one for one in interpreter._get_ops_details() if one["op_name"] != DELEGATE]
        for operator in operators:
            for index in map(int, operator["outputs"]):
                if index in details and (keys is None or str(index) in keys):
                    detail = details[index]
                    values = _real(interpreter.get_tensor(index), detail)
                    traced.append(Tensor(str(index), detail["name"], operator["op_name"], values, index == self._final))
        return batched(traced, images)


def _real(values: Any, detail: Any) -> Any:
    """Dequantise where the tensor has a scale: (q - zero point) * scale."""
    scale, zero_point = detail["quantization"]
    if scale == 0 or np.issubdtype(values.dtype, np.floating):
        return values
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
