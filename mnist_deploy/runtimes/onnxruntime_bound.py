"""ONNX Runtime on tensors that stay on the GPU."""

from typing import Any

import numpy as np

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import CLASSES, FloatArray, Images
from mnist_deploy.runtimes.onnxruntime import OnnxRuntimeRuntime
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME

# ONNX Runtime's names for where a tensor lies.
MEMORY = {"cpu": "cpu", "gpu": "cuda"}


class OnnxRuntimeBound(OnnxRuntimeRuntime):
    """I/O binding of tensors in the device's memory: what the GPU computes in, without what the way there costs.

    `encode` takes the batch to the device and `decode` takes the scores back, outside the clock. So its figures are
    not to be compared with those of runtimes that are given host arrays; `onnxruntime` on the GPU is one of these.
    """

    name = "onnxruntime-bound"
    title = "ONNX Runtime (transfer excluded)"
    devices = ("gpu",)
    distributions = ("onnxruntime-gpu",)
    on_request = True
    timed_call = "run_with_iobinding on tensors in the device's memory, synchronize_outputs; transfer excluded"

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Make the session, and a tensor for its output on the device."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        import onnxruntime

        self._bound: Any = None
        self._binding = self._session.io_binding()
        self._scores = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
            [batch_size, CLASSES], np.float32, MEMORY[device], 0
        )
        self._binding.bind_ortvalue_output(OUTPUT_NAME, self._scores)

    def encode(self, images: Images) -> Any:
        """Copy the batch to the device; return ONNX Runtime's own tensor."""
        import onnxruntime

        return onnxruntime.OrtValue.ortvalue_from_numpy(super().encode(images), MEMORY[self.device], 0)

    def run(self, tensor: Any) -> Any:
        """Bind the tensor if another was bound, run, and wait; return the output tensor, the same for every call."""
        if tensor is not self._bound:
            self._binding.bind_ortvalue_input(INPUT_NAME, tensor)
            self._bound = tensor
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
        return self._scores

    def decode(self, output: Any) -> FloatArray:
        """Copy the scores to the host."""
        return np.array(output.numpy(), dtype=np.float32)

    def call_path(self) -> str:
        """Return the one way, for every batch size."""
        return self.timed_call
