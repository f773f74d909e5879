"""ONNX Runtime, on the CPU or by its CUDA execution provider."""

from typing import Any

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import CLASSES
from mnist_deploy.errors import UnavailableError
from mnist_deploy.runtimes.base import Runtime
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME

# From here on the copy costs more than the allocations.
BIND_BELOW = 16
PROVIDERS = {"cpu": "CPUExecutionProvider", "gpu": "CUDAExecutionProvider"}


class OnnxRuntimeRuntime(Runtime):
    """A session with every graph optimisation on, as by default, called in the faster of two documented ways.

    I/O binding to fixed buffers saves `InferenceSession.run` its allocations but copies the input. Measured on
    mlp-relu-128, one thread: 10.2 us against 12.2 us for one image, 494 us against 479 us for 256.
    """

    name = "onnxruntime"
    title = "ONNX Runtime"
    formats = ("onnx",)
    devices = ("cpu", "gpu")
    module = "onnxruntime"
    distributions = ("onnxruntime", "onnxruntime-gpu")
    gpu_distribution = "onnxruntime-gpu[cuda,cudnn]"
    timed_call = "InferenceSession.run"
    order = 5

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Make the session.

        Raises:
            UnavailableError: the session did not get the device's execution provider.
        """
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        import onnxruntime

        if device == "gpu":
            # Finds the CUDA libraries that came as Python packages, with TensorFlow's for one.
            onnxruntime.preload_dlls()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        # The CPU is named too: CUDA leaves shape arithmetic to it.
        providers = list(dict.fromkeys([PROVIDERS[device], PROVIDERS["cpu"]]))
        self._session = onnxruntime.InferenceSession(str(artifact.path), options, providers=providers)
        if self.executed_on() != PROVIDERS[device]:
            raise UnavailableError(f"ONNX Runtime fell back from {PROVIDERS[device]} to {self.executed_on()}")
        self._binding: Any = None
        if device == "cpu" and batch_size < BIND_BELOW:
            self._bind()

    def _bind(self) -> None:
        self._input = np.empty((self.batch_size, *INPUT_SHAPE), np.float32)
        self._output = np.empty((self.batch_size, CLASSES), np.float32)
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(INPUT_NAME, self._input)
        pointer = self._output.ctypes.data
        self._binding.bind_output(OUTPUT_NAME, "cpu", 0, np.float32, self._output.shape, pointer)

    @classmethod
    def sees_gpu(cls) -> bool:
        """Ask for the CUDA execution provider."""
        import onnxruntime

        return PROVIDERS["gpu"] in onnxruntime.get_available_providers()

    @classmethod
    def built_for_gpu(cls) -> bool:
        """Return the same: a build has the provider, and only a session tells whether CUDA's libraries are there."""
        return cls.sees_gpu()

    def run(self, tensor: Any) -> Any:
        """Run the session on the tensor, or copy it in, run, and copy out, as the next call overwrites the output."""
        if self._binding is None:
            return self._session.run([OUTPUT_NAME], {INPUT_NAME: tensor})[0]
        np.copyto(self._input, tensor)
        self._session.run_with_iobinding(self._binding)
        return self._output.copy()

    def call_path(self) -> str:
        """Return which of the two ways this batch size takes."""
        return self.timed_call if self._binding is None else "copy into the bound input, run_with_iobinding, copy out"

    def executed_on(self) -> str:
        """Return the session's first execution provider."""
        return str(self._session.get_providers()[0])
