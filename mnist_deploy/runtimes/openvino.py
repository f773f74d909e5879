"""OpenVINO, reading its own format or the ONNX file, on the CPU."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.quiet import without_telemetry
from mnist_deploy.runtimes.base import Runtime

# What the compiled graph holds beside its nodes, by the types of OpenVINO's CPU plugin.
NO_NODES = {"Const", "Input", "Output"}
# The types in which nearly all arithmetic is done.
COMPUTE = {"Convolution", "FullyConnected", "MatMul"}
# From the lowest precision to the highest: 8, 11 and 24 bits of significand.
FLOATS = {"bf16": "bfloat16", "f16": "float16", "f32": "float32"}


class OpenVinoRuntime(Runtime):
    """An infer request with bound tensors: copy in, infer, copy out. Faster here than passing a dict.

    It computes floating point in float32, float16 weights too: they are widened when the model is compiled.
    """

    name = "openvino"
    title = "OpenVINO"
    formats = ("openvino", "onnx")
    devices = ("cpu",)
    module = "openvino"
    distributions = ("openvino",)
    timed_call = "copy into the bound input, InferRequest.infer, copy out"
    order = 6
    # Left alone it computes float32 models in bf16 on CPUs that have it, and parity sees it.
    hints: ClassVar[Mapping[str, Any]] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Read and compile the model for the batch."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        model = core().read_model(str(graph_file(artifact.path)))
        model.reshape([batch_size, *INPUT_SHAPE])
        config = dict(self.hints)
        if threads is not None:
            config["INFERENCE_NUM_THREADS"] = threads
        self._compiled = core().compile_model(model, "CPU", config)
        self._request = self._compiled.create_infer_request()
        self._input = self._request.get_input_tensor(0).data
        self._output = self._request.get_output_tensor(0).data

    @classmethod
    def preload(cls) -> None:
        """Import OpenVINO without its telemetry."""
        without_telemetry()
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

    def placement(self) -> dict[str, int]:
        """Return how many executed nodes compute in each type: 'CPU f32', 'CPU bf16', 'CPU i8' ..."""
        device = self.executed_on()
        return dict(Counter(f"{device} {kernel}" for _, kernel in self._executed()))

    def arithmetic(self) -> str | None:
        """Return the lowest floating point that a convolution or matrix product runs in; None if all are integer."""
        kernels = {kernel for kind, kernel in self._executed() if kind in COMPUTE}
        return next((name for short, name in FLOATS.items() if short in kernels), None)

    def _executed(self) -> Iterator[tuple[str, str]]:
        """Give the type of each executed node, and the type that its kernel computes in.

        That is the end of the kernel's name, as in brgconv_avx512_bf16; 'i8' stands for unsigned too. OpenVINO's
        runtimePrecision is not asked: it says f16 of float16 weights that a float32 kernel computes with.
        """
        for node in self._compiled.get_runtime_model().get_ordered_ops():
            facts = node.get_rt_info()
            kind = facts["layerType"].astype(str)
            if kind not in NO_NODES:
                yield kind, facts["primitiveType"].astype(str).rpartition("_")[2].lower()


@cache
def core() -> Any:
    """Return the one Core of this process, which lives as long as it does.

    Each Core puts a signal stack of its own in the place of the one before and later puts that one back, even if it
    is gone by then: with two of them Python's handler of Ctrl-C crashed.
    """
    OpenVinoRuntime.preload()
    import openvino

    return openvino.Core()


def graph_file(path: Path) -> Path:
    """Return the file that OpenVINO reads: model.xml in its own format, which is a folder, or the ONNX file itself."""
    return path / "model.xml" if path.is_dir() else path
