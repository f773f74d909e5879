"""LiteRT, formerly TensorFlow Lite, running a .tflite file on the CPU."""

from typing import Any

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray
from mnist_deploy.runtimes.base import Runtime


class LiteRTRuntime(Runtime):
    """The interpreter with its default delegate, XNNPACK.

    Setting, invoking and getting is its documented loop; writing into `tensor()` views measured the same.
    """

    name = "litert"
    title = "LiteRT"
    formats = ("tflite",)
    devices = ("cpu",)
    module = "ai_edge_litert"
    distributions = ("ai-edge-litert", "ai-edge-litert-nightly")
    timed_call = "set_tensor, invoke, get_tensor"
    order = 4

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Load the flatbuffer and lay its tensors out for the batch."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(artifact.path), num_threads=threads)
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._interpreter.resize_tensor_input(self._input["index"], (batch_size, *INPUT_SHAPE))
        self._interpreter.allocate_tensors()

    def encode(self, images: FloatArray) -> Any:
        """Quantise the images where the artifact's input is int8: round(x / scale) + zero point."""
        if self._input["dtype"] == np.float32:
            return super().encode(images)
        limits = np.iinfo(self._input["dtype"])
        scale, zero_point = self._input["quantization"]
        quantised = np.rint(images / np.float32(scale)) + zero_point
        return np.clip(quantised, limits.min, limits.max).astype(self._input["dtype"])

    def run(self, tensor: Any) -> Any:
        """Copy in, compute, copy out."""
        self._interpreter.set_tensor(self._input["index"], tensor)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])

    def decode(self, output: Any) -> FloatArray:
        """Dequantise where the artifact's output is int8: (q - zero point) * scale."""
        if self._output["dtype"] == np.float32:
            return super().decode(output)
        scale, zero_point = self._output["quantization"]
        return np.asarray((output.astype(np.float32) - np.float32(zero_point)) * np.float32(scale))

    def executed_on(self) -> str:
        """Return 'CPU'; which part of it the delegate XNNPACK took, the interpreter does not tell."""
        return "CPU"
