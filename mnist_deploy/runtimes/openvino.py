"""OpenVINO, reading the ONNX file, on the CPU."""

import sys
from typing import Any

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.runtimes.base import Runtime


class OpenVinoRuntime(Runtime):
    """An infer request with bound tensors: copy in, infer, copy out. Faster here than passing a dict."""

    name = "openvino"
    title = "OpenVINO"
    formats = ("onnx",)
    devices = ("cpu",)
    module = "openvino"
    distributions = ("openvino",)
    timed_call = "copy into the bound input, InferRequest.infer, copy out"
    order = 6

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Read and compile the model for the batch."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        self.preload()
        import openvino

        core = openvino.Core()
        model = core.read_model(str(artifact.path))
        model.reshape([batch_size, *INPUT_SHAPE])
        # Left alone it computes float32 models in bf16 on CPUs that have it, and parity sees it.
        config: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            config["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core.compile_model(model, "CPU", config)
        self._request = self._compiled.create_infer_request()
        self._input = self._request.get_input_tensor(0).data
        self._output = self._request.get_output_tensor(0).data

    @classmethod
    def preload(cls) -> None:
        """Import OpenVINO without its telemetry.

        The import would fork a process that sends it: nobody was asked, and it would run beside what is measured.
        Without this module it falls back to its own stub.
        """
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        super().preload()

    def run(self, tensor: Any) -> Any:
        """Copy into the bound input, infer, and copy the output, which the next call overwrites."""
        np.copyto(self._input, tensor)
        self._request.infer()
        return self._output.copy()

    def engine_s(self) -> float:
        """Return the request's own latency of its last inference, without the copies and Python's part."""
        return float(self._request.latency) / 1e3

    def executed_on(self) -> str:
        """Return the devices that the compiled model runs on."""
        return ",".join(self._compiled.get_property("EXECUTION_DEVICES"))
