import numpy as np
import pytest

from mnist_deploy import training
from mnist_deploy.architectures import ARCHITECTURES

# Layer by layer, by hand: 784*128+128 + 128*10+10; 9*32+32 + 9*32*64+64 + 1600*64+64 + 64*10+10; and so on.
PARAMETERS = {
    "mlp-relu-128": 101_770,
    "mlp-tanh-128": 101_770,
    "mlp-relu-256": 203_530,
    "cnn-relu-32-64": 121_930,
    "cnn-sigmoid-32-64": 121_930,
    "cnn-relu-16-32": 56_970,
}
REPORTED = {
    "mlp-relu-128": ("sgd", 32, 10, 0.1602, 0.9552),
    "mlp-tanh-128": ("adam", 64, 20, 0.0836, 0.0990),
    "mlp-relu-256": ("sgd", 64, 20, 0.1519, 0.9552),
    "cnn-relu-32-64": ("adam", 128, 10, 0.0382, 0.9891),
    "cnn-sigmoid-32-64": ("adam", 128, 10, 0.0435, 0.9860),
    "cnn-relu-16-32": ("adam", 128, 10, 0.0289, 0.9907),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_record_and_keras_model_agree(name: str) -> None:
    record = ARCHITECTURES[name]
    model = training.build(record)
    assert record.parameters == model.count_params() == PARAMETERS[name]
    assert model.input_shape == (None, 28, 28, 1) and model.output_shape == (None, 10)
    np.testing.assert_allclose(model(np.zeros((2, 28, 28, 1), np.float32)).numpy().sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_flops_are_those_that_tensorflows_profiler_counts(name: str) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = training.build(ARCHITECTURES[name])
    one_image = tf.TensorSpec((1, 28, 28, 1), tf.float32)
    concrete = tf.function(lambda images: model(images, training=False)).get_concrete_function(one_image)
    graph = convert_variables_to_constants_v2(concrete).graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    node = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    counted = {}
    while node.children:  # in this view each kind of operation hangs below the one before it
        node = node.children[0]
        counted[node.name] = node.float_ops
    assert ARCHITECTURES[name].flops == sum(counted.get(kind, 0) for kind in ("MatMul", "Conv2D", "BiasAdd"))


@pytest.mark.parametrize(
    ("name", "batch_size", "weight_bytes", "expected"),
    [
        # 784 pixels and 10 scores are 794 numbers, 3176 bytes an image.
        ("mlp-relu-128", 1, 4, 410_256),  # 101,770 * 4 = 407,080; + 3,176
        ("mlp-relu-128", 1, 1, 104_946),
        ("cnn-relu-16-32", 256, 2, 926_996),  # 56,970 * 2 = 113,940; 256 * 3,176 = 813,056
    ],
)
def test_bytes_moved(name: str, batch_size: int, weight_bytes: int, expected: int) -> None:
    assert ARCHITECTURES[name].bytes_moved(batch_size, weight_bytes) == expected


def test_records_hold_what_the_notebook_reports() -> None:
    found = {
        name: (one.optimizer, one.batch_size, one.epochs, one.reported.loss, one.reported.accuracy)
        for name, one in ARCHITECTURES.items()
    }
    assert found == REPORTED


def test_only_the_label_slip_has_a_caveat() -> None:
    assert [name for name, one in ARCHITECTURES.items() if one.reported.caveat] == ["mlp-tanh-128"]
