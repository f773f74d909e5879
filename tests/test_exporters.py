import numpy as np
import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.pipeline.exporting import Calibration
from tests.conftest import NETWORKS, TinyRun

SHAPE_CHAIN = {"Shape", "Gather", "Slice", "Concat"}


def artifact(run: TinyRun, network: str, format: str, precision: Precision) -> Artifact:
    found = run.store.find(network, format, precision)
    assert found is not None
    return found


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", EXPORTERS["onnx"].precisions)
def test_onnx_graph(tiny_run: TinyRun, network: str, precision: Precision) -> None:
    import onnx

    model = onnx.load(artifact(tiny_run, network, "onnx", precision).path)
    onnx.checker.check_model(model, full_check=True)
    (image,), (probabilities,) = model.graph.input, model.graph.output
    assert (image.name, probabilities.name) == ("image", "probabilities")
    shapes = [
        [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in (image, probabilities)
    ]
    assert shapes == [["batch", 28, 28, 1], ["batch", 10]]
    operators = {node.op_type for node in model.graph.node}
    assert not operators & SHAPE_CHAIN
    eight_bits = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    weights = [np.prod(one.dims) for one in model.graph.initializer if one.data_type in eight_bits]
    if precision is Precision.FLOAT32:
        assert not weights
    else:
        assert max(weights) > 10_000, "the large weights have 8 bits"
    floats = [
        one.dims for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT and len(one.dims) > 1
    ]
    if precision is Precision.INT8:
        assert all(shape[-1] == 10 or shape[1] == 1 for shape in floats), "the last layer, and the first convolution"
        assert any(shape[-1] == 10 for shape in floats)
    assert ({"QuantizeLinear", "DequantizeLinear"} <= operators) == (precision is Precision.INT8)
    assert ("DynamicQuantizeLinear" in operators) == (precision is Precision.DYNAMIC)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", Precision)
def test_tflite_types(tiny_run: TinyRun, network: str, precision: Precision) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(artifact(tiny_run, network, "tflite", precision).path))
    (image,), (probabilities,) = interpreter.get_input_details(), interpreter.get_output_details()
    expected = np.int8 if precision is Precision.INT8 else np.float32
    assert image["dtype"] == probabilities["dtype"] == expected
    assert image["shape_signature"].tolist() == [-1, 28, 28, 1]
    assert interpreter.get_signature_list()["serving_default"] == {"inputs": ["image"], "outputs": ["probabilities"]}
    kinds = {one["dtype"] for one in interpreter.get_tensor_details() if one["shape"].size > 1}
    assert (np.float16 in kinds) == (precision is Precision.FLOAT16)
    assert (np.int8 in kinds) == (precision in {Precision.INT8, Precision.DYNAMIC})
    assert (np.float32 not in kinds) == (precision is Precision.INT8), "full int8 leaves no float tensor"


@pytest.mark.parametrize("network", NETWORKS)
def test_saved_model_signature(tiny_run: TinyRun, network: str) -> None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(artifact(tiny_run, network, "saved_model", Precision.FLOAT32).path))
    signature = loaded.signatures["serving_default"]
    assert signature.structured_input_signature[1]["image"].shape.as_list() == [None, 28, 28, 1]
    assert signature.structured_outputs["probabilities"].shape.as_list() == [None, 10]


@pytest.mark.parametrize("network", NETWORKS)
def test_fewer_bits_make_smaller_files(tiny_run: TinyRun, network: str) -> None:
    sizes = {one: artifact(tiny_run, network, "tflite", one).size_bytes for one in Precision}
    assert sizes[Precision.INT8] < sizes[Precision.FLOAT16] < sizes[Precision.FLOAT32]
    assert sizes[Precision.FLOAT32] / sizes[Precision.DYNAMIC] > 3


def test_calibration_set_is_seeded_and_drawn_from_training_images(tiny_run: TinyRun) -> None:
    data = tiny_run.dataset
    first = Calibration(50, seed=1).images(data)
    np.testing.assert_array_equal(first, Calibration(50, seed=1).images(data))
    assert not np.array_equal(first, Calibration(50, seed=2).images(data))
    stored = {image.tobytes() for image in data.train_images}
    assert all(np.rint(image[..., 0] * 255).astype(np.uint8).tobytes() in stored for image in first)
    assert len({image.tobytes() for image in first}) == 50
