"""ONNX Runtime by the TensorRT execution provider."""

import importlib
from collections.abc import Mapping
from typing import ClassVar

from mnist_deploy.artifacts import Precision
from mnist_deploy.runtimes.onnxruntime import CUDA, CUDA_OPTIONS, OnnxRuntimeRuntime, Providers


class OnnxRuntimeTensorRT(OnnxRuntimeRuntime):
    """TensorRT takes what it can and CUDA the rest; `placement` says how much that is. Loading builds the engine."""

    name = "onnxruntime-tensorrt"
    title = "ONNX Runtime with TensorRT"
    devices = ("gpu",)
    distributions = ("onnxruntime-gpu",)
    # onnxruntime-gpu 1.26 is linked to libnvinfer.so.10 and CUDA 12.
    needs: ClassVar[Mapping[str, str]] = {"tensorrt": "tensorrt-cu12~=10.13"}
    on_request = True
    # An engine is built for a shape.
    fixed_batch = True
    # The provider has no option against TF32; NVIDIA's libraries read this one.
    environment: ClassVar[Mapping[str, str]] = {"NVIDIA_TF32_OVERRIDE": "0"}
    providers: ClassVar[Mapping[str, str]] = {"gpu": "TensorrtExecutionProvider"}

    @classmethod
    def preload(cls) -> None:
        """Import TensorRT first: that loads its libraries, where ONNX Runtime's provider then finds them."""
        importlib.import_module("tensorrt")
        super().preload()

    def session_providers(self) -> Providers:
        """Allow int8 where the artifact is quantised; TensorRT refuses its Q/DQ nodes otherwise."""
        options = {"trt_int8_enable": "1"} if self.artifact.precision is Precision.INT8 else {}
        return [(self.providers[self.device], options), (CUDA, CUDA_OPTIONS)]
