"""ONNX Runtime, on the CPU or by its CUDA execution provider."""

from typing import Any

from mnist_deploy.artifacts import Artifact
from mnist_deploy.errors import UnavailableError
from mnist_deploy.runtimes.base import Runtime
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME

PROVIDERS = {"cpu": "CPUExecutionProvider", "gpu": "CUDAExecutionProvider"}


class OnnxRuntimeRuntime(Runtime):
    """`InferenceSession.run`, every graph optimisation on, as by default. Measured as fast as I/O binding here."""

    name = "onnxruntime"
    title = "ONNX Runtime"
    formats = ("onnx",)
    devices = ("cpu", "gpu")
    module = "onnxruntime"
    distributions = ("onnxruntime", "onnxruntime-gpu")
    gpu_distribution = "onnxruntime-gpu"
    order = 5

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Make the session.

        Raises:
            UnavailableError: the session did not get the device's execution provider.
        """
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        import onnxruntime

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

    @classmethod
    def sees_gpu(cls) -> bool:
        """Ask for the CUDA execution provider."""
        import onnxruntime

        return PROVIDERS["gpu"] in onnxruntime.get_available_providers()

    def run(self, tensor: Any) -> Any:
        """Run the session."""
        return self._session.run([OUTPUT_NAME], {INPUT_NAME: tensor})[0]

    def executed_on(self) -> str:
        """Return the session's first execution provider."""
        return str(self._session.get_providers()[0])
