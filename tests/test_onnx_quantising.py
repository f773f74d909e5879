from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_deploy.dataset import FloatArray
from mnist_deploy.exporters.onnx_pixels import scale_in_one_step
from mnist_deploy.exporters.onnx_quantising import quantise, quantize_weights

IMAGES = np.random.default_rng(0).random((40, 28, 28, 1), np.float32)
PIXELS = np.rint(IMAGES * 255).astype(np.uint8)
AS_STORED = (PIXELS / np.float32(255)).astype(np.float32)


class Graph:
    """A chain of ONNX nodes with random weights, from 'image' to 'probabilities'."""

    def __init__(self, pixels: bool = False) -> None:
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}
        self.last, self.pixels = "image", pixels
        self.random = np.random.default_rng(1)

    def add(self, op: str, *weights: Any, **attributes: Any) -> "Graph":
        import onnx

        names = [f"{op}_{len(self.nodes)}/{number}" for number in range(len(weights))]
        self.weights |= dict(zip(names, weights, strict=True))
        output = f"{op}_{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op, [self.last, *names], [output], **attributes))
        self.last = output
        return self

    def convolution(self, inputs: int, outputs: int) -> "Graph":
        weights = self.random.normal(0, 0.3, (outputs, inputs, 3, 3)).astype(np.float32)
        return self.add("Conv", weights, np.zeros(outputs, np.float32))

    def pool(self) -> "Graph":
        return self.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def shaped(self, *shape: int) -> "Graph":
        return self.add("Reshape", np.array(shape, np.int64))

    def dense(self, inputs: int, outputs: int) -> "Graph":
        weights = self.random.normal(0, inputs**-0.5, (inputs, outputs)).astype(np.float32)
        return self.add("Gemm", weights, self.random.normal(0, 0.1, outputs).astype(np.float32))

    def model(self) -> Any:
        import onnx
        from onnx import TensorProto, helper

        self.nodes[-1].output[0] = "probabilities"
        kind = TensorProto.UINT8 if self.pixels else TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "chain",
            [helper.make_tensor_value_info("image", kind, ["batch", 28, 28, 1])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
            [onnx.numpy_helper.from_array(value, name) for name, value in self.weights.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mlp(*activations: str, start: Graph | None = None) -> Any:
    graph, units = (start or Graph()).shaped(-1, 784), [784, *(64 for _ in activations)]
    for inputs, outputs, activation in zip(units, units[1:], activations, strict=False):
        graph.dense(inputs, outputs).add(activation)
    return graph.dense(units[-1], 10).add("Softmax").model()


def cnn(first: tuple[str, ...], start: Graph | None = None) -> Any:
    graph = (start or Graph()).shaped(-1, 1, 28, 28).convolution(1, 16)
    for op in first:
        graph = graph.pool() if op == "MaxPool" else graph.add(op)
    graph.convolution(16, 16).add("Relu").pool().shaped(-1, 400).dense(400, 32).add("Relu")
    return graph.dense(32, 10).add("Softmax").model()


def scaling(op: str = "Mul", factor: float = 1 / 255) -> Graph:
    return Graph(pixels=True).add("Cast", to=1).add(op, np.float32(factor))


def int8(model: Any, folder: Path, **options: Any) -> Path:
    import onnx

    onnx.save(model, folder / "float32.onnx")
    quantise(folder / "float32.onnx", IMAGES, folder / "int8.onnx", **options)
    onnx.checker.check_model(str(folder / "int8.onnx"), full_check=True)
    return folder / "int8.onnx"


def scores(model: Any, images: Any) -> FloatArray:
    import onnxruntime

    content = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": images})[0])


def kernels(path: Path) -> list[str]:
    """What ONNX Runtime makes of a file, in the order of computing."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(path.with_suffix(".optimised"))
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(path.with_suffix(".optimised")).graph.node]


def weights(path: Path, kind: str) -> list[tuple[int, ...]]:
    """The shapes of a file's weights of one type: of all that has more than one axis."""
    import onnx

    wanted = getattr(onnx.TensorProto, kind)
    found = [tuple(one.dims) for one in onnx.load(path).graph.initializer if one.data_type == wanted]
    return sorted(shape for shape in found if len(shape) > 1)


@pytest.mark.parametrize("first", [("Relu", "MaxPool"), ("MaxPool", "Relu"), ("MaxPool", "Sigmoid"), ("Tanh",)])
def test_the_first_convolution_and_the_last_layer_stay_float32(tmp_path: Path, first: tuple[str, ...]) -> None:
    model = cnn(first) if "MaxPool" in first else cnn((*first, "MaxPool"))
    path = int8(model, tmp_path)
    assert weights(path, "FLOAT") == [(16, 1, 3, 3), (32, 10)]
    assert weights(path, "INT8") == [(16, 16, 3, 3), (400, 32)]
    assert np.abs(scores(path, IMAGES) - scores(model, IMAGES)).max() < 0.03


def test_weights_have_a_scale_a_channel(tmp_path: Path) -> None:
    import onnx

    found = onnx.load(int8(cnn(("Relu", "MaxPool")), tmp_path)).graph
    sizes = {one.name: tuple(one.dims) for one in found.initializer}
    of_weights = [
        node for node in found.node if node.op_type == "DequantizeLinear" and len(sizes.get(node.input[0], ())) > 1
    ]
    assert sorted(sizes[node.input[1]] for node in of_weights) == [(16,), (32,)]


@pytest.mark.parametrize("first", [("Relu", "MaxPool"), ("MaxPool", "Relu"), ("MaxPool", "Sigmoid")])
def test_onnxruntime_converts_once_and_after_the_pooling(tmp_path: Path, first: tuple[str, ...]) -> None:
    found = kernels(int8(cnn(first), tmp_path))
    counts = Counter(found)
    assert counts["QuantizeLinear"] == 1 and not counts["DequantizeLinear"]
    assert counts["Conv"] == counts["QLinearConv"] == counts["QGemm"] == counts["Gemm"] == 1
    assert found.index("Conv") < found.index("MaxPool") < found.index("QuantizeLinear") < found.index("QLinearConv")


@pytest.mark.parametrize("activations", [("Relu",), ("Tanh",), ("Sigmoid",), ("Relu", "Relu"), ("Tanh", "Relu")])
def test_every_dense_layer_but_the_last_runs_in_int8(tmp_path: Path, activations: tuple[str, ...]) -> None:
    model = mlp(*activations)
    path = int8(model, tmp_path)
    counts = Counter(kernels(path))
    assert counts["QGemm"] == len(activations) and counts["Gemm"] == 1 and not counts["FusedGemm"]
    assert weights(path, "FLOAT") == [(64, 10)]
    assert np.abs(scores(path, IMAGES) - scores(model, IMAGES)).max() < 0.02


def test_everything_is_what_the_quantiser_does_by_default(tmp_path: Path) -> None:
    path = int8(cnn(("Relu", "MaxPool")), tmp_path, everything=True)
    assert weights(path, "FLOAT") == []
    assert weights(path, "INT8") == [(16, 1, 3, 3), (16, 16, 3, 3), (32, 10), (400, 32)]


def test_a_network_of_one_layer_stays_float32(tmp_path: Path) -> None:
    model = Graph().shaped(-1, 784).dense(784, 10).add("Softmax").model()
    path = int8(model, tmp_path)
    assert not weights(path, "INT8")
    np.testing.assert_allclose(scores(path, IMAGES), scores(model, IMAGES), atol=1e-6)


@pytest.mark.parametrize(("op", "factor"), [("Mul", 1 / 255), ("Div", 255.0)])
def test_pixels_are_scaled_in_one_step(op: str, factor: float) -> None:
    model = mlp("Relu", start=scaling(op, factor))
    expected = scores(model, PIXELS)
    scale_in_one_step(model)
    assert [node.op_type for node in model.graph.node][:2] == ["DequantizeLinear", "Reshape"]
    np.testing.assert_allclose(scores(model, PIXELS), expected, atol=1e-6)


@pytest.mark.parametrize(
    "start",
    [
        Graph(),
        Graph().add("Mul", np.float32(0.5)),
        Graph(pixels=True).add("Cast", to=1),
        scaling("Add", 1.0),
        Graph(pixels=True).add("Cast", to=1).add("Mul", np.full((1, 28, 28, 1), 0.5, np.float32)),
    ],
)
def test_what_is_no_scaling_of_pixels_stays_as_it_is(start: Graph) -> None:
    model = mlp("Relu", start=start)
    before = model.SerializeToString(deterministic=True)
    scale_in_one_step(model)
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("one_step", [True, False])
def test_pixels_go_into_the_first_int8_layer(tmp_path: Path, one_step: bool) -> None:
    model = mlp("Relu", start=scaling())
    if one_step:
        scale_in_one_step(model)
    path = int8(model, tmp_path)
    counts = Counter(kernels(path))
    assert counts["QGemm"] == 1
    assert counts["QuantizeLinear"] + counts["DequantizeLinear"] + counts["Cast"] == (0 if one_step else 2)
    assert np.abs(scores(path, PIXELS) - scores(mlp("Relu"), AS_STORED)).max() < 0.02


def test_pixels_and_a_convolution(tmp_path: Path) -> None:
    model = cnn(("Relu", "MaxPool"), start=scaling())
    scale_in_one_step(model)
    path = int8(model, tmp_path)
    assert Counter(kernels(path))["DequantizeLinear"] == 1, "that of the pixels"
    assert np.abs(scores(path, PIXELS) - scores(cnn(("Relu", "MaxPool")), AS_STORED)).max() < 0.03


def largest_weights(path: Path) -> dict[str, int]:
    """The largest magnitude among the weights of each integer type in a file."""
    import onnx

    names = {onnx.TensorProto.INT8: "int8", onnx.TensorProto.UINT8: "uint8"}
    largest: dict[str, int] = {}
    for tensor in onnx.load(path).graph.initializer:
        if tensor.data_type in names and len(tensor.dims) > 1:
            values = np.abs(onnx.numpy_helper.to_array(tensor).astype(int)).max()
            largest[names[tensor.data_type]] = max(int(values), largest.get(names[tensor.data_type], 0))
    return largest


@pytest.mark.parametrize("everything", [False, True])
def test_signed_weights_cannot_saturate_where_products_are_added_in_16_bits(tmp_path: Path, everything: bool) -> None:
    static = int8(cnn(("Relu", "MaxPool")), tmp_path, everything=everything)
    quantize_weights(tmp_path / "float32.onnx", tmp_path / "dynamic.onnx")
    assert largest_weights(static).keys() == {"int8"}
    assert largest_weights(tmp_path / "dynamic.onnx").keys() == {"int8", "uint8"}, "convolutions have unsigned ones"
    for path in (static, tmp_path / "dynamic.onnx"):
        assert 2 * 255 * largest_weights(path)["int8"] < 2**15


@pytest.mark.parametrize("model", [mlp("Relu", "Tanh"), cnn(("Relu", "MaxPool"))])
def test_dynamic_weights_change_scores_by_little(tmp_path: Path, model: Any) -> None:
    import onnx

    onnx.save(model, tmp_path / "float32.onnx")
    quantize_weights(tmp_path / "float32.onnx", tmp_path / "dynamic.onnx")
    onnx.checker.check_model(str(tmp_path / "dynamic.onnx"), full_check=True)
    assert not weights(tmp_path / "dynamic.onnx", "FLOAT"), "every layer has integer weights"
    assert np.abs(scores(tmp_path / "dynamic.onnx", IMAGES) - scores(model, IMAGES)).max() < 0.03
