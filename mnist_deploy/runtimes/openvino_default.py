"""OpenVINO in the precision that it chooses by itself."""

from collections.abc import Mapping
from typing import Any, ClassVar

from mnist_deploy.runtimes.openvino import OpenVinoRuntime


class OpenVinoDefaultRuntime(OpenVinoRuntime):
    """OpenVINO without a precision hint, as its users have it who set none: bf16 for float32 on CPUs that have it.

    Its float32 scores are then off by up to 2e-2 (seen on an x86-64 CPU with AVX-512 BF16), and `verify` says so.
    """

    name = "openvino-default"
    title = "OpenVINO default"
    on_request = True
    hints: ClassVar[Mapping[str, Any]] = {"PERFORMANCE_HINT": "LATENCY"}
