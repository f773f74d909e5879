from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_deploy import training
from mnist_deploy.architectures import ARCHITECTURES, INPUT_SHAPE, Architecture, Conv, Dense, Flatten, Layer, MaxPool
from mnist_deploy.rewriting import INCREASING, rewritten

CNNS = [name for name in ARCHITECTURES if name.startswith("cnn")]
IMAGES = np.random.default_rng(0).random((64, *INPUT_SHAPE), np.float32)
LABELS = np.random.default_rng(1).integers(0, 10, 64)


def network(*layers: Layer) -> Architecture:
    known = ARCHITECTURES["cnn-relu-16-32"]
    every = (*layers, Flatten(), Dense(10, "softmax"))
    return Architecture("made-up", every, known.optimizer, known.loss, 1, 1, known.reported)


def classes(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


@pytest.mark.parametrize("name", CNNS)
def test_what_no_output_depends_on_is_cut_off(name: str) -> None:
    architecture = ARCHITECTURES[name]
    model = rewritten(training.build(architecture))
    spared = architecture.flops - architecture.needed_flops
    if name == "cnn-relu-16-32":
        assert classes(model)[0] == "Conv2D" and spared == 0
    else:
        assert classes(model)[0] == "Cropping2D" and model.layers[0].output.shape == (None, 26, 26, 1)
        # 26x26 to 24x24 pixels of 32 filters of 3x3, and 11x11 to 10x10 of 64 filters of 3x3x32, with their biases.
        assert spared == (26**2 - 24**2) * 32 * 19 + (11**2 - 10**2) * 64 * (2 * 9 * 32 + 1)


def test_pooling_goes_before_a_costly_activation_and_stays_behind_a_relu() -> None:
    names = {name: classes(rewritten(training.build(ARCHITECTURES[name]))) for name in CNNS}
    row = ["Lambda", "Dense", "Dense"]
    half = ["Conv2D", "MaxPooling2D", "Activation"]
    assert names["cnn-sigmoid-32-64"] == ["Cropping2D", *half, *half, *row]
    assert names["cnn-relu-16-32"] == ["Conv2D", "MaxPooling2D"] * 2 + row
    asked = rewritten(training.build(ARCHITECTURES["cnn-relu-16-32"]), pool_before=INCREASING)
    assert classes(asked) == [*half, *half, *row]


def test_an_activation_that_may_fall_stays_before_the_pooling() -> None:
    model = rewritten(training.build(network(Conv(2, 3, "gelu"), MaxPool(2))), pool_before=INCREASING)
    assert classes(model) == ["Conv2D", "MaxPooling2D", "Lambda", "Dense"]


def test_a_model_that_is_no_row_of_layers_is_left_as_it_is() -> None:
    import keras

    image = keras.Input(INPUT_SHAPE)
    model = keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(image)))
    assert rewritten(model) is model


convolutions = st.lists(
    st.tuples(
        st.integers(1, 5), st.integers(1, 3), st.sampled_from(["relu", "sigmoid", "tanh", "linear"]), st.booleans()
    ),
    min_size=1,
    max_size=2,
)


@settings(max_examples=15, deadline=None)
@given(convolutions)
def test_any_row_of_convolutions_and_poolings_keeps_its_scores(found: list[tuple[int, int, str, bool]]) -> None:
    layers = [
        layer
        for kernel, size, activation, pooled in found
        for layer in ([Conv(2, kernel, activation), MaxPool(size)] if pooled else [Conv(2, kernel, activation)])
    ]
    model = training.build(network(*layers))
    other = rewritten(model, pool_before=INCREASING)
    np.testing.assert_allclose(other(IMAGES[:4]), model(IMAGES[:4]), atol=1e-6)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_scores_and_gradients_are_the_same(name: str) -> None:
    import keras
    import tensorflow as tf

    def found(model: Any) -> tuple[np.ndarray, list[np.ndarray]]:
        with tf.GradientTape() as tape:
            scores = model(IMAGES)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(LABELS, scores))
        return scores.numpy(), [one.numpy() for one in tape.gradient(loss, model.trainable_variables)]

    before = training.build(ARCHITECTURES[name])
    scores, gradients = found(before)
    others, other_gradients = found(rewritten(before, pool_before=INCREASING))
    np.testing.assert_allclose(others, scores, atol=1e-6)
    for one, other in zip(gradients, other_gradients, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5 * max(1.0, float(np.abs(one).max())))


def test_pixels_that_are_cut_off_change_nothing_and_the_others_do() -> None:
    model = training.build(ARCHITECTURES["cnn-relu-32-64"])
    altered = IMAGES.copy()
    altered[:, 26:], altered[:, :, 26:] = 1, 0
    np.testing.assert_array_equal(model(altered).numpy(), model(IMAGES).numpy())
    altered[:, 25, 25] += 1
    assert not np.array_equal(model(altered).numpy(), model(IMAGES).numpy())


def test_a_dtype_is_that_of_all_layers_but_the_last_and_weights_are_float32() -> None:
    model = rewritten(training.build(ARCHITECTURES["cnn-sigmoid-32-64"]), hidden_dtype="mixed_bfloat16")
    assert [layer.compute_dtype for layer in model.layers] == ["bfloat16"] * (len(model.layers) - 1) + ["float32"]
    assert {variable.dtype for variable in model.variables} == {"float32"}
    assert model(IMAGES).dtype == "float32"
