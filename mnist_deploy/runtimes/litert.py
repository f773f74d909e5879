"""LiteRT, formerly TensorFlow Lite, running a .tflite file on the CPU."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray, Images, scaled
from mnist_deploy.runtimes.base import Runtime

# How the interpreter lists a node that stands for those which a delegate took; they stay in the list, before it.
DELEGATE = "DELEGATE"
XNNPACK, BUILTIN = "XNNPACK", "built-in"


class Node(NamedTuple):
    """One node of the interpreter's graph with the indices of its tensors."""

    name: str
    inputs: set[int]
    outputs: set[int]


class LiteRTRuntime(Runtime):
    """The interpreter with its default delegate, XNNPACK.

    Setting, invoking and getting is its documented loop; writing into `tensor()` views measured the same.
    """

    name = "litert"
    title = "LiteRT"
    formats = ("tflite",)
    devices = ("cpu",)
    module = "ai_edge_litert"
    distributions = ("ai-edge-litert", "ai-edge-litert-nightly")
    timed_call = "set_tensor, invoke, get_tensor"
    order = 4
    # A member of the library's OpResolverType; AUTO takes the default delegates.
    resolver: ClassVar[str] = "AUTO"

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Load the flatbuffer and lay its tensors out for the batch."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self._interpreter = Interpreter(
            model_path=str(artifact.path),
            num_threads=threads,
            experimental_op_resolver_type=OpResolverType[self.resolver],
        )
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]
        self._interpreter.resize_tensor_input(self._input["index"], (batch_size, *INPUT_SHAPE))
        self._interpreter.allocate_tensors()

    def encode(self, images: Images) -> Any:
        """Quantise the images where the artifact's input is int8: round(x / scale) + zero point."""
        if self._input["dtype"] != np.int8:
            return super().encode(images)
        if images.dtype == np.uint8:
            images = scaled(images)
        limits = np.iinfo(self._input["dtype"])
        scale, zero_point = self._input["quantization"]
        quantised = np.rint(images / np.float32(scale)) + zero_point
        return np.clip(quantised, limits.min, limits.max).astype(self._input["dtype"])

    def run(self, tensor: Any) -> Any:
        """Copy in, compute, copy out."""
        self._interpreter.set_tensor(self._input["index"], tensor)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])

    def decode(self, output: Any) -> FloatArray:
        """Dequantise where the artifact's output is int8: (q - zero point) * scale."""
        if self._output["dtype"] != np.int8:
            return super().decode(output)
        scale, zero_point = self._output["quantization"]
        return np.asarray((output.astype(np.float32) - np.float32(zero_point)) * np.float32(scale))

    def executed_on(self) -> str:
        """Return 'CPU (XNNPACK)' if that delegate took any node, else 'CPU'."""
        return "CPU (XNNPACK)" if self.placement().get(XNNPACK) else "CPU"

    def placement(self) -> dict[str, int]:
        """Return how many nodes the delegate took, and how many run in LiteRT's own kernels.

        Counted are the nodes that depend on the image: what unpacks float16 weights depends on constants alone.
        """
        # The interpreter has no public list of its nodes; without this one, nothing is told.
        listed = getattr(self._interpreter, "_get_ops_details", None)
        if listed is None:
            return {}
        nodes = [Node(one["op_name"], set(one["inputs"]), set(one["outputs"])) for one in listed()]
        delegates = [node for node in nodes if node.name == DELEGATE]
        original = [node for node in nodes if node.name != DELEGATE]
        computing = _reached_from({self._input["index"]}, original)
        taken = [node for node in computing if any(_replaced(node, one, original) for one in delegates)]
        counts = {XNNPACK: len(taken), BUILTIN: len(computing) - len(taken)}
        return {name: count for name, count in counts.items() if count}


def _reached_from(tensors: set[int], nodes: list[Node]) -> list[Node]:
    """Return the nodes that depend on `tensors`; `nodes` stand in the order of execution."""
    known, found = set(tensors), []
    for node in nodes:
        if node.inputs & known:
            known |= node.outputs
            found.append(node)
    return found


def _replaced(node: Node, delegate: Node, nodes: list[Node]) -> bool:
    """Tell whether `delegate` stands for `node`: whether it lies between the delegate's outputs and its inputs."""
    wanted = set(delegate.outputs)
    for one in reversed(nodes):
        if one.outputs & wanted - delegate.inputs:
            if one is node:
                return True
            wanted |= one.inputs
    return False
