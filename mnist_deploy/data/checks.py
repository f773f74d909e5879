"""What is said of data that can be read but is probably not what its user means: one line each."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnist_deploy.data.forms import CLASSES, UInt8Array

BUNDLED = Path(__file__).parent / "mnist.npz"

FloatArray = npt.NDArray[np.float64]

# The orientations that images may be stored in, with how to make them upright; the one that is upright comes first.
_ORIENTATIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "upright": lambda images: images,
    "transposed, as EMNIST's files are; give x.transpose(0, 2, 1)": lambda images: images.swapaxes(1, 2),
    "turned by 90 degrees; give np.rot90(x, -1, (1, 2))": lambda images: np.rot90(images, 1, (1, 2)),
    "turned by 90 degrees; give np.rot90(x, 1, (1, 2))": lambda images: np.rot90(images, -1, (1, 2)),
    "upside down; give np.rot90(x, 2, (1, 2))": lambda images: np.rot90(images, 2, (1, 2)),
    "mirrored; give x[:, :, ::-1]": lambda images: images[:, :, ::-1],
    "mirrored; give x[:, ::-1]": lambda images: images[:, ::-1],
}
# The rule's limits. MNIST's own images correlate with the mean image of their digit by 0.66 as they are, and by 0.33 to
# 0.51 turned or mirrored; scikit-learn's digits, written by other people, by 0.73 and 0.40 to 0.69 (in 20x20 pixels, as
# MNIST's). Random pixels correlate by 0.
_IMAGES = 1000
_MIN_IMAGES = 20
_MIN_CORRELATION = 0.5
_MIN_GAIN = 0.1
_MIN_T = 6.0


def notes(names: tuple[str, str], images: UInt8Array, labels: UInt8Array) -> Iterator[tuple[str, str]]:
    """Yield what should be said of images (N, 28, 28) and labels (N,), with that of their `names` that it is about."""
    if labels.min() == labels.max():
        yield names[1], f"only the label {labels[0]}; an accuracy over one class says little"
    problem = orientation(images, labels)
    if problem is not None:
        yield names[0], f"looks {problem}"


def orientation(images: UInt8Array, labels: UInt8Array) -> str | None:
    """Tell whether images of digits are stored transposed, turned, mirrored or inverted, and how to make them upright.

    Each of up to 1,000 images is correlated (Pearson) with the mean image of its digit in MNIST's test set, upright and
    in six other orientations. Of an orientation it is said if the images correlate with it by 0.5 or more on average,
    by 0.1 more than upright, and the mean of the paired differences is 6 or more standard errors above zero (chance
    gives that once in 10^9 for one orientation). Of inverted images (black on white), if the mean correlation is -0.5
    or below. So nothing is said of data that are no digits, or too few to tell.

    Args:
        images: uint8 (N, 28, 28).
        labels: uint8 (N,), 0 to 9.

    Returns:
        what they look like and what to do; None if upright, or not to be told.
    """
    picked = np.linspace(0, len(images) - 1, min(len(images), _IMAGES)).astype(int)
    sample, classes = _standardized(images[picked]), labels[picked]
    if len(picked) < _MIN_IMAGES:
        return None
    correlations = {
        words: (sample * _standardized(turn(_mean_digits()))[classes]).sum(axis=1)
        for words, turn in _ORIENTATIONS.items()
    }
    upright = correlations["upright"]
    if upright.mean() <= -_MIN_CORRELATION:
        return "inverted (black on white); give 255 - x"
    words, best = max(correlations.items(), key=lambda item: float(item[1].mean()))
    gain = best - upright
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    clear = gain.mean() >= max(_MIN_GAIN, _MIN_T * error)
    return words if best.mean() >= _MIN_CORRELATION and clear else None


@cache
def _mean_digits() -> FloatArray:
    """Return the mean image of each digit in MNIST's test set, (10, 28, 28)."""
    with np.load(BUNDLED, allow_pickle=False) as archive:
        images, labels = archive["x_test"], archive["y_test"]
    return np.stack([images[labels == digit].mean(axis=0) for digit in range(CLASSES)])


def _standardized(images: npt.NDArray[np.uint8] | FloatArray) -> FloatArray:
    """Return each image as a row of mean 0 and length 1: a product of two is their correlation. Uniform ones are 0."""
    rows = images.reshape(len(images), -1).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length == 0, 1, length)
