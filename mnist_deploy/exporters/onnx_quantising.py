"""int8 for ONNX by ONNX Runtime's quantizer: which layers stay float32, which weights have 7 bits, and why.

Signed weights have 7 bits (`reduce_range`), so that a file gives the same answers on every x86 processor. Where there
are no int8 dot products (VNNI), ONNX Runtime multiplies an unsigned activation by a signed weight and adds two such
products in 16 bits (vpmaddubsw), which saturates: 2 * 255 * 127 is more than 32,767, and 2 * 255 * 64 is not. With
8 bits 68 of the 1,000 images nearest to a tie get another class from mlp-relu-128 on a Haswell than with VNNI, with 7
bits none. Unsigned weights are exact too, but int8 with them takes 1.0 to 1.9 times as long on a Zen 5. See
`benchmarks.processors`.
"""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from mnist_deploy.dataset import FloatArray, unscaled
from mnist_deploy.exporters.onnx_pixels import only_reader, takes_pixels
from mnist_deploy.training import INPUT_NAME

DENSE = ("Gemm", "MatMul")
# What may stand between a layer and the next; the first two return nothing below zero.
POSITIVE = ("Relu", "Sigmoid")
ACTIVATIONS = (*POSITIVE, "Tanh")
POOL = "MaxPool"
SCALING = ("Cast", "Mul", "Div", "DequantizeLinear")
# ONNX Runtime's int8 kernel for convolutions takes input channels by fours (KernelInputChannelAlignment of each x86
# kernel in its core/mlas/lib/convsym.cpp). Others are copied out patch by patch and multiplied as matrices.
CHANNELS_BY = 4


def quantise(prepared: Path, calibration_images: FloatArray, path: Path, *, everything: bool = False) -> None:
    """Write the ONNX file `prepared`, pre-processed for quantisation, with int8 weights and activations in QDQ form.

    Weights have 7 bits and a scale a channel, activations the whole range that the images show. Left in float32 are
    convolutions that ONNX Runtime has no int8 kernel for (of these networks' the first, which reads one channel), and
    the last dense layer with the activation before it: 8 bits of a score flip answers.

    Args:
        prepared: input 'image' float32 (N, 28, 28, 1) in [0, 1], or uint8 (N, 28, 28, 1).
        calibration_images: float32 (N, 28, 28, 1) in [0, 1].
        path: where to write.
        everything: quantise every layer, and change nothing else.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    model = onnx.load(prepared)
    stored = takes_pixels(model.graph)
    feeds = _feeds(calibration_images, stored=stored)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            return next(feeds, None)

    _name(model.graph)
    spared = _spare_scaling(model.graph) if stored else []
    options: dict[str, Any] = {}
    if not everything:
        spared += [*_spare_convolutions(model.graph), *_spare_last_layer(model.graph)]
        # The last int8 layer then hands on its 32-bit sums as float32: one operator fewer, and one rounding.
        options["OpTypesToExcludeOutputQuantization"] = list(DENSE)
    quantize_static(
        model,
        path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        # What pixels are already: so they go into the first layer as they are.
        activation_type=QuantType.QUInt8 if stored else QuantType.QInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=spared,
        extra_options=options,
    )


def quantize_weights(prepared: Path, path: Path) -> None:
    """Write the ONNX file `prepared`, pre-processed for quantization, with int8 weights and dynamic activations.

    Matrix products get signed weights of 7 bits with a scale a channel (see above). Convolutions get unsigned ones:
    ConvInteger with signed weights takes 3 times as long, and has no kernel in ONNX Runtime 1.15.

    Args:
        prepared: input 'image' float32 (N, 28, 28, 1) in [0, 1], or uint8 (N, 28, 28, 1).
        path: where to write.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    signed = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": True}
    quantize_dynamic(onnx.load(prepared), path, op_types_to_quantize=["Conv"], weight_type=QuantType.QUInt8)
    quantize_dynamic(onnx.load(path), path, op_types_to_quantize=list(DENSE), **signed)


def _feeds(images: FloatArray, *, stored: bool) -> Iterator[dict[str, Any]]:
    for image in images:
        yield {INPUT_NAME: unscaled(image[None]) if stored else image[None]}


def _name(graph: Any) -> None:
    """Give the nodes without a name one, since the quantiser spares nodes by name."""
    for place, node in enumerate(graph.node):
        node.name = node.name or f"{node.op_type}_{place}"


def _spare_scaling(graph: Any) -> list[str]:
    """Return the nodes that turn pixels into floats in [0, 1]: the first ones, up to what no scaling is made of."""
    return [node.name for node in takewhile(lambda node: node.op_type in SCALING, graph.node)]


def _spare_convolutions(graph: Any) -> list[str]:
    """Return the convolutions that have no fast int8 kernel, each with the activation and the pooling behind it.

    ONNX Runtime would move the quantisation behind a float32 pooling to before it, where it has four times as many
    numbers and undoes the fast layout of both layers. It does not move it past a Relu, and drops a Relu that the
    quantisation implies; so one is put there where it changes nothing.
    """
    import onnx

    shapes = {one.name: list(one.dims) for one in graph.initializer}
    spared: list[str] = []
    for convolution in [node for node in graph.node if node.op_type == "Conv"]:
        if shapes[convolution.input[1]][1] % CHANNELS_BY == 0:
            continue
        chain = [convolution]
        while (following := only_reader(graph, chain[-1].output[0])) and following.op_type in (*ACTIVATIONS, POOL):
            chain.append(following)
        last = chain[-1]
        if last.op_type == POOL and any(node.op_type in POSITIVE for node in chain):
            name = last.output[0]
            last.output[0] = f"{name}/{POOL}"
            barrier = onnx.helper.make_node("Relu", [last.output[0]], [name], name=f"{last.name}/Relu")
            graph.node.insert(list(graph.node).index(last) + 1, barrier)
            chain.append(barrier)
        spared += [node.name for node in chain]
    return spared


def _spare_last_layer(graph: Any) -> list[str]:
    """Return the last dense layer, all that follows it, and the activation that it reads.

    A Relu there becomes max(x, 0): ONNX Runtime would fuse a Relu in float32 with the int8 layer before it to one in
    float32 whose weights are turned back into float32 in each call, which took 18 times as long.
    """
    import onnx

    nodes = list(graph.node)
    last = max((place for place, node in enumerate(nodes) if node.op_type in DENSE), default=len(nodes))
    spared = nodes[last:]
    reads = {name for node in nodes[last : last + 1] for name in node.input}
    for node in nodes[:last]:
        if node.op_type in ACTIVATIONS and node.output[0] in reads:
            spared.append(node)
            if node.op_type == "Relu":
                zero = onnx.numpy_helper.from_array(np.float32(0), f"{node.name}/zero")
                graph.initializer.append(zero)
                node.op_type = "Max"
                node.input.append(zero.name)
    return [node.name for node in spared]
