"""Say in what a picture is unlike MNIST's images: the network answers with a digit, whatever it is shown."""

import base64
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from .paper import Blob
from .placing import UInt8Array
from .training_images import TABLE

# A shape beside the largest, with so much of its ink, is a second one: MNIST's digits in two parts have them one above
# the other, but for 1 of 1,500.
SECOND_SHAPE = 0.15
# Wider, of its height, is 1 of 1,000 training images.
WIDEST = 1.6
# Less and more ink than so, of a white picture, has 1 of 1,000 training images: 0.05 % on either side.
LEAST_INK, MOST_INK = 0.033, 0.305
# Farther from its projection onto the components of `training_images`, as a share of its length, is 1 of 500.
FARTHEST = 0.74
# Below so much for the best digit are 0.5 % (cnn-relu-16-32) to 5 % (mlp-relu-128) of MNIST's test images.
LOW_SCORE = 0.6


def of_blobs(blobs: Sequence[Blob], shape: tuple[int, ...]) -> list[str]:
    """Return what is unlike MNIST in the pieces of ink, largest first, on a picture of (height, width)."""
    largest, lines = blobs[0], []
    beside = [blob for blob in blobs[1:] if blob.mass > SECOND_SHAPE * largest.mass and _is_beside(blob, largest)]
    width = max(blob.right for blob in blobs) - min(blob.left for blob in blobs)
    height = max(blob.bottom for blob in blobs) - min(blob.top for blob in blobs)
    if beside:
        lines.append(f"{len(beside) + 1} shapes side by side; give an image of one digit")
    elif width > WIDEST * height:
        lines.append("wider than a digit; give an image of one digit")
    borders = sum((
        any(blob.top == 0 for blob in blobs), any(blob.bottom == shape[0] for blob in blobs),
        any(blob.left == 0 for blob in blobs), any(blob.right == shape[1] for blob in blobs),
    ))  # fmt: skip
    if borders > 1:
        lines.append(f"ink at {borders} borders of the picture; leave paper around the digit")
    return lines


def of_pixels(pixels: UInt8Array) -> list[str]:
    """Return what is unlike MNIST in a digit as the network sees it, uint8 (28, 28)."""
    lines, ink = [], float(pixels.mean()) / 255
    if not LEAST_INK <= ink <= MOST_INK:
        lines.append(f"{'less' if ink < LEAST_INK else 'more'} ink than in MNIST's digits ({ink:.0%} of the picture)")
    if distance(pixels) > FARTHEST:
        lines.append("unlike MNIST's training images; is it a digit?")
    return lines


def of_score(probability: float) -> list[str]:
    """Return what to say of the best digit's probability."""
    return [f"no digit is likely (the best has {probability:.0%})"] if probability < LOW_SCORE else []


def distance(pixels: UInt8Array) -> float:
    """Return how far an image, uint8 (28, 28), is from what training images are made of: 0, near, to 1, and more.

    It is the distance from its projection onto their first principal components (M. Turk, A. Pentland, "Eigenfaces for
    Recognition", 1991: distance from face space), as a share of its own length.
    """
    mean, components = _components()
    image = pixels.reshape(14, 2, 14, 2).mean(axis=(1, 3)).reshape(-1).astype(np.float64)
    centered = image - mean
    rest = centered - (components @ centered) @ components
    return float(np.linalg.norm(rest) / max(float(np.linalg.norm(image)), 1e-6))


@cache
def _components() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    table = np.frombuffer(base64.b85decode(TABLE), np.int8).reshape(-1, 196).astype(np.float64)
    return 2 * table[0], table[1:] / np.linalg.norm(table[1:], axis=1, keepdims=True)


def _is_beside(blob: Blob, other: Blob) -> bool:
    return blob.left >= other.right or other.left >= blob.right
