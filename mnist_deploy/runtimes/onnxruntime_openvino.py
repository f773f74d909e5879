"""ONNX Runtime by the OpenVINO execution provider, on the CPU."""

import json
from collections.abc import Mapping
from typing import ClassVar

from mnist_deploy.runtimes.base import Availability
from mnist_deploy.runtimes.onnxruntime import OnnxRuntimeRuntime, Providers
from mnist_deploy.runtimes.openvino import OpenVinoRuntime


class OnnxRuntimeOpenVino(OnnxRuntimeRuntime):
    """ONNX Runtime in front, OpenVINO behind: with the same hints as the runtime `openvino`.

    Its package holds an OpenVINO of its own. It does not take the convolutions of dynamic quantisation: such artifacts
    fail to load.
    """

    name = "onnxruntime-openvino"
    title = "ONNX Runtime with OpenVINO"
    devices = ("cpu",)
    distributions = ("onnxruntime-openvino",)
    on_request = True
    # Compiled for any batch, one image took 167 us, and 94 so (cnn-relu-32-64, one thread).
    fixed_batch = True
    providers: ClassVar[Mapping[str, str]] = {"cpu": "OpenVINOExecutionProvider"}

    @classmethod
    def availability(cls, device: str) -> Availability:
        """Tell whether the installed ONNX Runtime has the provider; asking imports it."""
        found = super().availability(device)
        if not found.ok or cls.offers(device):
            return found
        # The packages of ONNX Runtime share one folder: side by side, the one installed last is what runs.
        reason = f"the installed ONNX Runtime has no {cls.providers[device]}"
        remedy = "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-openvino"
        return Availability(False, found.version, reason, remedy)

    def session_providers(self) -> Providers:
        """Hand OpenVINO its own options; the session's threads are not its."""
        config = dict(OpenVinoRuntime.hints)
        if self.threads is not None:
            config["INFERENCE_NUM_THREADS"] = self.threads
        return [(self.providers[self.device], {"device_type": "CPU", "load_config": json.dumps({"CPU": config})})]
