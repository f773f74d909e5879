"""Known answers on made-up tensors. All values are noise: nothing may be matched by them."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from mnist_deploy.diagnosis import Tensor
from mnist_deploy.diagnosis.layers import LOGITS, Layer
from mnist_deploy.diagnosis.matching import BY_NAME, BY_ORDER, match

NOISE = np.random.default_rng(0)
KEYS = map(str, itertools.count())


def noise(*shape: int) -> np.ndarray:
    return NOISE.normal(size=(3, *shape)).astype(np.float32)


def tensor(name: str, operator: str, *shape: int, real: bool = True, final: bool = False) -> Tensor:
    values = noise(*shape) if real else noise(*shape).astype(np.int8)
    return Tensor(next(KEYS), name, operator, values, final)


def layer(name: str, kind: str, source: tuple[int, ...], *shape: int, part: str = "") -> Layer:
    return Layer(name, kind, kind in {"Dense", "Conv2D"}, source, noise(*shape), part)


MLP = [
    layer("flatten_1", "Flatten", (28, 28, 1), 784),
    layer("dense_2", "Dense", (784,), 128),
    layer("probabilities", "Dense", (128,), 10, part=LOGITS),
    layer("probabilities", "Softmax", (128,), 10),
]
CNN = [
    layer("conv_1", "Conv2D", (28, 28, 1), 26, 26, 4),
    layer("maxpool_2", "MaxPooling2D", (26, 26, 4), 13, 13, 4),
    layer("flatten_3", "Flatten", (13, 13, 4), 676),
    layer("dense_4", "Dense", (676,), 10),
]


def mlp(scope: str = "mlp_1/", ending: str = "_1", fused: bool = False) -> list[Tensor]:
    inner = [
        tensor(f"{scope}dense_2{ending}/MatMul:0", "MatMul", 128),
        tensor(f"{scope}dense_2{ending}/BiasAdd:0", "Add", 128),
        tensor(f"{scope}dense_2{ending}/Relu:0", "Relu", 128),
    ]
    return [
        tensor(f"{scope}flatten_1{ending}/Reshape:0", "Reshape", 784),
        *(inner[:1] if fused else inner),
        tensor(f"{scope}probabilities{ending}/MatMul:0", "MatMul", 10),
        tensor(f"{scope}probabilities{ending}/BiasAdd:0", "Add", 10),
        tensor(f"{scope}probabilities{ending}/Softmax:0", "Softmax", 10),
        tensor("Identity:0", "Identity", 10, final=True),
    ]


def cnn() -> list[Tensor]:
    """A network with channels first, as ONNX and OpenVINO compute it."""
    return [
        tensor("conv_1/BiasAdd__435:0", "Reshape", 1, 28, 28),
        tensor("conv_1/BiasAdd:0", "Conv", 4, 26, 26),
        tensor("conv_1/Relu:0", "Relu", 4, 26, 26),
        tensor("maxpool_2/MaxPool2d:0", "MaxPool", 4, 13, 13),
        tensor("Transpose__463:0", "Transpose", 13, 13, 4),
        tensor("flatten_3/Reshape:0", "Reshape", 676),
        tensor("dense_4/MatMul:0", "MatMul", 10),
        tensor("probabilities", "Softmax", 10, final=True),
    ]


def nameless(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [Tensor(one.key, f"t{one.key}", one.operator, one.values, one.final) for one in tensors]


def places(layers: Sequence[Layer], tensors: Sequence[Tensor]) -> list[int | None]:
    keys = [one.key for one in tensors]
    return [None if found is None else keys.index(found.tensor.key) for found in match(layers, tensors)]


def how(layers: Sequence[Layer], tensors: Sequence[Tensor]) -> set[str | None]:
    return {found and found.how for found in match(layers, tensors)}


@pytest.mark.parametrize(("scope", "ending"), [("mlp_1/", "_1"), ("StatefulPartitionedCall/mlp/", ""), ("m/", "_27")])
def test_the_last_tensor_with_a_layers_name_is_its_output(scope: str, ending: str) -> None:
    assert places(MLP, mlp(scope, ending)) == [0, 3, 5, 7]
    assert how(MLP, mlp(scope, ending)) == {BY_NAME}


def test_fused_names_belong_to_the_last_of_them() -> None:
    tensors = [
        tensor("m/flatten_1_1/Reshape", "RESHAPE", 784),
        tensor("m/flatten_1_1/Reshape;m/dense_2_1/MatMul;m/dense_2_1/Relu", "FULLY_CONNECTED", 128),
        tensor("m/probabilities_1/MatMul;m/probabilities_1/BiasAdd", "FULLY_CONNECTED", 10),
        tensor("StatefulPartitionedCall_1:0", "SOFTMAX", 10, final=True),
    ]
    assert places(MLP, tensors) == [0, 1, 2, 3]


def test_requantised_values_are_the_output_and_raw_integers_are_not() -> None:
    tensors = mlp()
    tensors[4:4] = [
        tensor("mlp_1/dense_2_1/Relu:0_QuantizeLinear_Output", "QuantizeLinear", 128, real=False),
        tensor("mlp_1/dense_2_1/Relu:0_DequantizeLinear_Output", "DequantizeLinear", 128),
        tensor("mlp_1/dense_2_1/Relu:0_quantized", "DynamicQuantizeLinear", 128, real=False),
    ]
    assert places(MLP, tensors)[1] == 5


def test_a_name_with_another_size_is_another_tensor() -> None:
    assert places(CNN, cnn()) == [2, 3, 5, 7], "conv_1/BiasAdd__435 is the input of the convolution"


def test_names_of_layers_that_look_like_endings() -> None:
    layers = [layer(name, "Dense", (8,), 8) for name in ("dense", "dense_1", "dense_2")]
    tensors = [tensor(f"m_1/{one.name}_1/Relu:0", "MatMul", 8) for one in layers]
    assert places(layers, tensors) == [0, 1, 2]


@pytest.mark.parametrize("fused", [False, True])
def test_lost_names_are_made_up_for_by_size_and_order(fused: bool) -> None:
    named = mlp(fused=fused)
    assert places(MLP, nameless(named)) == places(MLP, named)
    assert how(MLP, nameless(named)) == {BY_NAME, BY_ORDER}, "the output is known, the others are found by order"


def test_lost_names_with_channels_first() -> None:
    assert places(CNN, nameless(cnn())) == [2, 3, 5, 7]


def test_some_lost_names_are_found_between_the_others() -> None:
    tensors = cnn()
    mixed = [*nameless(tensors[:4]), *tensors[4:]]
    assert places(CNN, mixed) == [2, 3, 5, 7]


def test_equal_sizes_are_told_apart_by_what_computes() -> None:
    layers = [layer(f"dense_{number}", "Dense", (8,), 8) for number in (1, 2, 3)]
    tensors = [tensor("t", operator, 8) for _ in layers for operator in ("MatMul", "Add", "Relu")]
    assert places(layers, tensors) == [2, 5, 8]


def test_more_computed_than_there_are_layers_is_no_match() -> None:
    layers = [layer("dense_1", "Dense", (8,), 8), layer("dense_2", "Dense", (8,), 4)]
    tensors = [tensor("t", "MatMul", 8), tensor("t", "MatMul", 6), tensor("t", "MatMul", 4, final=True)]
    assert places(layers, tensors) == [None, 2]


def test_nothing_of_the_right_size_is_no_match() -> None:
    assert places(MLP, [tensor("mlp_1/dense_2_1/Relu:0", "Relu", 64)]) == [None, None, None, None]
    assert places(MLP, []) == [None, None, None, None]


def test_a_name_out_of_order_is_not_believed() -> None:
    tensors = nameless(mlp())
    tensors.insert(7, tensor("m/flatten_1_1/Reshape", "Reshape", 784))
    tensors[3] = tensor("m/dense_2_1/Relu", "Relu", 128)
    found = places(MLP, tensors)
    assert found[0] != 7 and found[1] == 3


def test_values_have_no_say() -> None:
    tensors = nameless(mlp())
    before = places(MLP, tensors)
    decoy = Tensor(tensors[1].key, "t", "MatMul", MLP[1].values, False)
    assert places(MLP, [tensors[0], decoy, *tensors[2:]]) == before
