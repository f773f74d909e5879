"""How far a tensor is from the output of its layer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_deploy.dataset import FloatArray
from mnist_deploy.diagnosis.layers import Layer

CHANNELS_LAST, CHANNELS_FIRST = "NHWC", "NCHW"


@dataclass(frozen=True)
class Difference:
    """Three measures, each 0 for equal values and inf for values that are no numbers.

    Attributes:
        relative: L2 norm of the difference over the L2 norm of what is expected.
        worst_channel: the same for the one channel, or unit, that differs most, over the root mean square of the
            channels' norms: one wrong weight spoils one channel, which a layer of 128 would hide by a factor of 11.
        max_abs: the largest absolute difference of any one value.
    """

    relative: float
    worst_channel: float
    max_abs: float


def difference(found: npt.NDArray[Any], expected: npt.NDArray[Any], channels: int) -> Difference:
    """Compare two arrays of one shape, (N, ...), whose last axis holds `channels`, or rows of them one after another.

    Raises:
        ValueError: the shapes differ.
    """
    if found.shape != expected.shape:
        raise ValueError(f"cannot compare values {found.shape} with {expected.shape}")
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return Difference(float("inf"), float("inf"), float("inf"))
    apart = (found.astype(np.float64) - expected).reshape(-1, channels)
    per_channel = np.sqrt(np.sum(apart**2, axis=0))
    norm = float(np.linalg.norm(expected.astype(np.float64)))
    return Difference(
        relative=_ratio(float(np.linalg.norm(per_channel)), norm),
        worst_channel=_ratio(float(per_channel.max()), norm / channels**0.5),
        max_abs=float(np.abs(apart).max()),
    )


def arranged(values: FloatArray, layer: Layer) -> tuple[str, FloatArray]:
    """Return the layout that `values` are in, and the values in the layer's own layout.

    Libraries keep channels first or last, and flatten either. Where the shape allows both, the one closer to the
    layer's output is taken: a right tensor is near in one layout only, a wrong one in neither.

    Args:
        values: (N, ...), with as many numbers as the layer's output.
        layer: the layer that they are the output of.
    """
    choices = dict(_arrangements(values, layer))
    nearest = min(choices, key=lambda layout: difference(choices[layout], layer.values, 1).relative)
    return nearest, choices[nearest]


def _arrangements(values: FloatArray, layer: Layer) -> Iterator[tuple[str, FloatArray]]:
    shape = layer.values.shape
    image = shape[1:] if len(shape) == 4 else layer.source
    planes = len(image) == 3 and np.prod(image) == layer.size
    first = (image[2], image[0], image[1]) if planes else ()
    if values.ndim != 4 or values.shape[1:] == image or values.shape[1:] != first:
        yield CHANNELS_LAST, values.reshape(shape)
    if planes and (values.ndim != 4 or values.shape[1:] == first):
        yield CHANNELS_FIRST, values.reshape(len(values), *first).transpose(0, 2, 3, 1).reshape(shape)


def _ratio(part: float, whole: float) -> float:
    if part == 0:
        return 0.0
    return part / whole if whole else float("inf")
