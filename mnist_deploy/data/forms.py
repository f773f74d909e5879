"""The shapes, types and ranges that arrays of images and labels may have, and their conversion to MNIST's own.

MNIST is stored as uint8: pixels (N, 28, 28) from 0 to 255, and labels (N,) from 0 to 9.
"""

from collections.abc import Collection
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_deploy.errors import DataError

UInt8Array = npt.NDArray[np.uint8]

IMAGE_SIDE = 28
CLASSES = 10
WHITE = 255
# Of one array: MNIST has 60,000, and EMNIST's digits, the largest set of its kind, 240,000.
MAX_IMAGES = 500_000
# Keras's names, in the order of the fields of Dataset.
TRAINING = ("x_train", "y_train")
TEST = ("x_test", "y_test")
NAMES = (*TRAINING, *TEST)
IMAGES = ("x_train", "x_test")
TEST_ONLY = "it holds x_test and y_test only, and this command trains or calibrates"

# Of other types images are converted so many at a time: as float64 they take 26 MB.
_CHUNK = 4096
# Half a pixel value: what rounds to 0 or 255 still counts as a float from 0 to 1.
_HALF = 0.5 / WHITE
_UNSCALE = "undo the scaling: give pixels 0 to 255, or floats from 0 to 1"
# The lowest and highest label of sets that are kept in the same files as MNIST. EMNIST's are from its paper
# (Cohen et al. 2017, table II); letters count from 1.
_OTHER_LABELS = {
    (1, 26): "those of EMNIST letters; give EMNIST digits, or MNIST",
    (0, 46): "those of EMNIST balanced or bymerge; give EMNIST digits, or MNIST",
    (0, 61): "those of EMNIST byclass; give EMNIST digits, or MNIST",
    (1, 10): "counted from 1, or with 10 for the digit 0; renumber them from 0 to 9",
}


def missing(there: Collection[str], *, training: bool) -> list[str]:
    """Return which arrays are lacking: test images with labels must be there, and those for training where it is asked.

    Training images without labels, or labels without images, lack their other half in any case.
    """
    needed = NAMES if training or any(name in there for name in TRAINING) else TEST
    return [name for name in needed if name not in there]


def check_header(source: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an array by the shape and type in its header, before it is read.

    Args:
        source: the file, for the message.
        name: one of `NAMES`.
        shape: images (N, 28, 28) or (N, 784), labels (N,) or one-hot (N, 10); axes of length 1 may be anywhere but
            first. N is from 1 to `MAX_IMAGES`.
        dtype: any boolean, integer or floating type.

    Raises:
        DataError: the array is of another kind.
    """
    images = name in IMAGES
    if dtype.kind not in "buif":
        wanted = "pixels as uint8, 0 to 255, or as floats from 0 to 1" if images else "labels as integers, 0 to 9"
        raise DataError(f"{source}: {name} is {str(dtype)[:60]}; save {wanted}")
    sizes = tuple(size for size in shape[1:] if size != 1)
    known = ((IMAGE_SIDE, IMAGE_SIDE), (IMAGE_SIDE**2,)) if images else ((), (CLASSES,))
    if not shape or sizes not in known:
        wanted = "(N, 28, 28), (N, 28, 28, 1) or (N, 784)" if images else "(N,), or one-hot (N, 10)"
        one_hot = "" if images or len(sizes) != 1 else f", one-hot of {sizes[0]:,} classes"
        raise DataError(f"{source}: {name} has shape {str(shape)[:60]}{one_hot}; it must be {wanted}")
    if not shape[0]:
        raise DataError(f"{source}: {name} is empty; give at least one image")
    if shape[0] > MAX_IMAGES:
        raise DataError(f"{source}: {name} has {shape[0]:,} images; the limit is {MAX_IMAGES:,}")


def to_pixels(source: Path, name: str, array: npt.NDArray[Any]) -> tuple[UInt8Array, str | None]:
    """Return images as uint8 (N, 28, 28), and what a user should know of the conversion, if anything.

    Booleans, and floats within 0 to 1, are scaled to 0 to 255 and rounded; other numbers must be whole pixels already.

    Raises:
        DataError: the values are not pixels in either scale.
    """
    images = array.reshape(len(array), IMAGE_SIDE, IMAGE_SIDE)
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all():
        raise DataError(f"{source}: {name} holds NaN or infinity; give pixels 0 to 255, or floats from 0 to 1")
    if images.dtype.kind in "bf" and low >= -_HALF and high <= 1 + _HALF:
        pixels, moved = _rounded(images, WHITE)
        by = f", by up to {moved:.2f}" if moved >= 0.01 else ""
        return pixels, f"{images.dtype} from 0 to 1, rounded to whole pixels from 0 to 255{by}"
    if low < 0 or high > WHITE:
        raise DataError(f"{source}: {name} holds values from {low:.4g} to {high:.4g}; {_UNSCALE}")
    pixels, moved = (images, 0.0) if images.dtype == np.uint8 else _rounded(images, 1)
    if moved:
        raise DataError(f"{source}: {name} holds fractions between {low:.4g} and {high:.4g}; {_UNSCALE}")
    if high <= 1:
        return pixels, "no pixel above 1 of 255, so all look black; if they were scaled to 0 to 1, save them as floats"
    return pixels, None


def _rounded(images: npt.NDArray[Any], scale: int) -> tuple[UInt8Array, float]:
    """Return images times `scale` as whole numbers, and how far the farthest was from one."""
    pixels, moved = np.empty(images.shape, np.uint8), 0.0
    for start in range(0, len(images), _CHUNK):
        part = images[start : start + _CHUNK].astype(np.float64) * scale
        whole = np.rint(part)
        moved = max(moved, float(np.abs(part - whole).max()))
        pixels[start : start + _CHUNK] = whole
    return pixels, moved


def to_labels(source: Path, name: str, array: npt.NDArray[Any]) -> UInt8Array:
    """Return labels as uint8 (N,): integers, whole floats, or rows of ten numbers with a single 1 (one-hot).

    Raises:
        DataError: rows are not one-hot, or a label is not one of the digits 0 to 9.
    """
    if prod(array.shape[1:]) == CLASSES:
        rows = array.reshape(len(array), CLASSES)
        if not (np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all()):
            raise DataError(f"{source}: {name} has rows that are not one-hot; give labels 0 to 9, or a single 1 a row")
        digits: UInt8Array = rows.argmax(axis=1).astype(np.uint8)
        return digits
    labels = array.reshape(len(array))
    if labels.dtype.kind == "f" and not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
        raise DataError(f"{source}: {name} holds labels that are not whole numbers; give integers, 0 to 9")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= CLASSES:
        other = _OTHER_LABELS.get((low, high))
        if other is not None:
            raise DataError(f"{source}: {name} holds labels from {low} to {high}, {other}")
        raise DataError(f"{source}: {name} holds the label {low if low < 0 else high}; labels are 0 to {CLASSES - 1}")
    return labels.astype(np.uint8)
