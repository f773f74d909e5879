"""MNN, Alibaba's engine for mobile devices, on the CPU."""

from typing import Any

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.runtimes.base import Runtime
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME

# MNN's Interpreter.hpp: HintMode.WINOGRAD_MEMORY_LEVEL; its values are 0 (no Winograd) to 3, the default. At 3 it takes
# tiles so large that float32 convolutions were off by 1e-4 (cnn-relu-32-64, 2,048 images), at 2 by 2e-6; one image then
# took 63 us in place of 51 us.
WINOGRAD_MEMORY_LEVEL = 3
SMALL_TILES = 2


class MnnRuntime(Runtime):
    """A module whose input is written into a variable: a microsecond less than making a new one for each call.

    Precision 'high', since others may compute in 16 bits where the CPU has them.
    """

    name = "mnn"
    title = "MNN"
    formats = ("mnn",)
    devices = ("cpu",)
    module = "MNN"
    distributions = ("MNN",)
    timed_call = "Var.write, Module.forward, Var.read, copy out"
    on_request = True
    order = 14

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Load the module; its shapes are fixed by the batch."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        from MNN import expr, nn

        config: dict[str, Any] = {"backend": "CPU", "precision": "high"}
        if threads is not None:
            config["numThread"] = threads
        self._manager = nn.create_runtime_manager((config,))
        self._manager.set_hint(WINOGRAD_MEMORY_LEVEL, SMALL_TILES)
        self._module = nn.load_module_from_file(
            str(artifact.path), [INPUT_NAME], [OUTPUT_NAME], runtime_manager=self._manager, shape_mutable=False
        )
        # NCHW is MNN's name for a tensor whose numbers lie in the order of its shape, which is ONNX's.
        numbers = expr.uint8 if artifact.variant.uint8 else expr.float
        self._input = expr.placeholder([batch_size, *INPUT_SHAPE], expr.NCHW, numbers)

    def run(self, tensor: Any) -> Any:
        """Write the input, compute, and copy the output, which the next call overwrites."""
        self._input.write(tensor)
        return self._module.forward(self._input).read().copy()

    def executed_on(self) -> str:
        """Return 'CPU', the backend that was asked for: MNN's Python modules do not tell, nor choose another."""
        return "CPU"
