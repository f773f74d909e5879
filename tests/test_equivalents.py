import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_deploy import training
from mnist_deploy.architectures import (
    ARCHITECTURES,
    INPUT_SHAPE,
    Architecture,
    Conv,
    Crop,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    Reported,
)
from mnist_deploy.equivalents import cheaper, seen

CNNS = [name for name in ARCHITECTURES if name.startswith("cnn")]


def network(*layers: Layer) -> Architecture:
    return Architecture("made-up", (*layers, Flatten(), Dense(10, "softmax")), "sgd", "", 1, 1, Reported(0, 0))


def test_the_cnns_with_3x3_kernels_never_look_at_the_last_two_rows_and_columns() -> None:
    assert {name: seen(ARCHITECTURES[name].layers) for name in CNNS} == {
        "cnn-relu-32-64": 26, "cnn-sigmoid-32-64": 26, "cnn-relu-16-32": 28,
    }  # fmt: skip


@pytest.mark.parametrize("name", CNNS)
def test_pooling_goes_before_the_activation(name: str) -> None:
    kinds = [layer.kind for layer in cheaper(ARCHITECTURES[name]).layers if not isinstance(layer, Crop)]
    half = ["Conv", "MaxPool", "Activation"]
    assert kinds == [*half, *half, "Flatten", "Dense", "Dense"]


def test_dense_networks_stay_as_they_are() -> None:
    for name in ARCHITECTURES.keys() - CNNS:
        assert cheaper(ARCHITECTURES[name]) == ARCHITECTURES[name]


def test_an_activation_that_may_fall_stays_before_the_pooling() -> None:
    made = network(Conv(2, 3, "gelu"), MaxPool(2))
    assert cheaper(made) == made


convolutions = st.lists(
    st.tuples(
        st.integers(1, 5), st.integers(1, 3), st.sampled_from(["relu", "sigmoid", "tanh", "linear"]), st.booleans()
    ),
    min_size=1,
    max_size=2,
)


@given(convolutions)
def test_weights_and_everything_behind_fit_both(found: list[tuple[int, int, str, bool]]) -> None:
    layers = [
        layer
        for kernel, size, activation, pooled in found
        for layer in ([Conv(2, kernel, activation), MaxPool(size)] if pooled else [Conv(2, kernel, activation)])
    ]
    before = network(*layers)
    after = cheaper(before)
    assert after.parameters == before.parameters
    assert after.flops <= before.flops
    assert cheaper(after).layers[-2:] == before.layers[-2:]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scores_and_gradients_are_the_same(name: str) -> None:
    import tensorflow as tf

    before = training.build(ARCHITECTURES[name])
    after = training.build(cheaper(ARCHITECTURES[name]))
    after.set_weights(before.get_weights())
    order = np.random.default_rng(0)
    images, labels = order.random((64, *INPUT_SHAPE), np.float32), order.integers(0, 10, 64)

    def found(model: object) -> tuple[np.ndarray, list[np.ndarray]]:
        with tf.GradientTape() as tape:
            scores = model(images)
            loss = tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(labels, scores))
        return scores.numpy(), [one.numpy() for one in tape.gradient(loss, model.trainable_variables)]

    (scores, gradients), (others, other_gradients) = found(before), found(after)
    np.testing.assert_allclose(others, scores, atol=1e-6)
    for one, other in zip(gradients, other_gradients, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5 * max(1.0, float(np.abs(one).max())))


def test_pixels_that_are_not_seen_change_nothing() -> None:
    model = training.build(ARCHITECTURES["cnn-relu-32-64"])
    images = np.random.default_rng(0).random((8, *INPUT_SHAPE), np.float32)
    altered = images.copy()
    altered[:, 26:], altered[:, :, 26:] = 1, 0
    np.testing.assert_array_equal(model(altered).numpy(), model(images).numpy())
    altered[:, 25, 25] += 1
    assert not np.array_equal(model(altered).numpy(), model(images).numpy())
