import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnist_deploy.diagnosis.differences import CHANNELS_FIRST, CHANNELS_LAST, arranged, difference
from mnist_deploy.diagnosis.layers import Layer

NUMBERS = st.floats(-100, 100, width=32)
PAIRS = st.integers(1, 4).flatmap(
    lambda channels: st.tuples(
        *[arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(channels)), elements=NUMBERS)] * 2
    ).filter(lambda pair: pair[0].shape == pair[1].shape)
)


def image_layer(values: np.ndarray) -> Layer:
    return Layer("conv_1", "Conv2D", True, (9, 9, 1), values)


def flat_layer(values: np.ndarray, source: tuple[int, ...]) -> Layer:
    return Layer("flatten_5", "Flatten", False, source, values)


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_known_answers() -> None:
    expected = np.array([[3.0, 0.0], [4.0, 0.0]])
    found = np.array([[3.0, 0.0], [4.0, 1.0]])
    apart = difference(found, expected, 2)
    assert apart.relative == pytest.approx(1 / 5)
    assert apart.worst_channel == pytest.approx(1 / (5 / np.sqrt(2)))
    assert apart.max_abs == 1


def test_one_wrong_unit_of_many_stands_out() -> None:
    expected = np.ones((64, 128), np.float32)
    found = expected.copy()
    found[:, 7] = -1
    apart = difference(found, expected, 128)
    assert apart.worst_channel == pytest.approx(2)
    assert apart.relative == pytest.approx(2 / np.sqrt(128))


def test_equal_values_and_zeros() -> None:
    zeros = np.zeros((2, 3), np.float32)
    assert difference(zeros, zeros, 3).worst_channel == 0
    assert difference(zeros + 1, zeros, 3).worst_channel == np.inf


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_infinitely_far(bad: float) -> None:
    expected = np.ones((2, 3), np.float32)
    found = expected.copy()
    found[0, 0] = bad
    assert difference(found, expected, 3) == difference(expected, found, 3)
    assert difference(found, expected, 3).worst_channel == np.inf


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot compare"):
        difference(np.ones((2, 3)), np.ones((3, 2)), 3)


@given(PAIRS)
def test_the_worst_channel_is_no_better_than_all(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found, expected = pair
    apart = difference(found, expected, expected.shape[-1])
    assert 0 <= apart.relative <= apart.worst_channel * (1 + 1e-9)
    assert apart.worst_channel <= apart.relative * np.sqrt(expected.shape[-1]) * (1 + 1e-9)
    assert (apart.relative == 0) == np.array_equal(found, expected)


@given(PAIRS, st.sampled_from([0.25, 2.0, 8.0]))
def test_scale_does_not_matter(pair: tuple[np.ndarray, np.ndarray], factor: float) -> None:
    found, expected = (one.astype(np.float64) for one in pair)
    plain, scaled = difference(found, expected, 1), difference(found * factor, expected * factor, 1)
    assert scaled.relative == pytest.approx(plain.relative)
    assert scaled.max_abs == pytest.approx(plain.max_abs * factor)


def test_channels_first_is_turned() -> None:
    values = random(3, 4, 5, 6)
    layout, turned = arranged(np.ascontiguousarray(values.transpose(0, 3, 1, 2)), image_layer(values))
    assert layout == CHANNELS_FIRST
    np.testing.assert_array_equal(turned, values)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_cube_is_taken_in_its_nearer_layout_and_stays_wrong_if_it_is(wrong: bool) -> None:
    """Height, width and channels are equal, so the shape tells nothing."""
    values = random(3, 4, 4, 4)
    found = values.transpose(0, 3, 1, 2).copy()
    if wrong:
        found[:, 2] *= -1
    layout, turned = arranged(found, image_layer(values))
    assert layout == CHANNELS_FIRST
    apart = difference(turned, values, 4)
    assert apart.worst_channel > 1 if wrong else apart.max_abs == 0


def test_rows_are_taken_in_either_order() -> None:
    image = random(3, 4, 5, 6)
    layer = flat_layer(image.reshape(3, -1), (4, 5, 6))
    for layout, row in ((CHANNELS_LAST, image), (CHANNELS_FIRST, image.transpose(0, 3, 1, 2))):
        found, turned = arranged(row.reshape(3, -1), layer)
        assert found == layout
        np.testing.assert_array_equal(turned, layer.values)


def test_a_flattened_image_keeps_its_channels() -> None:
    image = random(3, 4, 5, 6)
    assert flat_layer(image.reshape(3, -1), (4, 5, 6)).channels == 6
    assert Layer("dense", "Dense", True, (784,), random(3, 10)).channels == 10
