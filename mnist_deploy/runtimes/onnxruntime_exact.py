"""ONNX Runtime with kernels that never saturate: what int8 answers on any processor, at a price in time."""

from typing import Any

from mnist_deploy.runtimes.onnxruntime import OnnxRuntimeRuntime


class OnnxRuntimeExact(OnnxRuntimeRuntime):
    """A session with `session.x64quantprecision`, for whoever must run signed 8-bit weights without VNNI.

    On x86 without int8 dot products ONNX Runtime's kernels for signed weights add products in 16 bits, which may
    saturate; this option takes those for unsigned weights in their place. It is documented in
    onnxruntime_session_options_config_keys.h, and changes nothing where nothing can saturate. The artifacts of this
    package need it nowhere (see `exporters.onnx_quantising`): with it they are held to that.
    """

    name = "onnxruntime-exact"
    title = "ONNX Runtime (exact int8 kernels)"
    devices = ("cpu",)
    on_request = True

    def session_options(self) -> Any:
        """Return the session's options, with the exact kernels."""
        options = super().session_options()
        options.add_session_config_entry("session.x64quantprecision", "1")
        return options
