"""The MNIST images: the set that the package carries, an .npz with Keras's keys, or a folder of IDX files.

Files may be anybody's: shapes, types and sizes are read from headers and checked before anything is allocated for what
they promise, nothing is unpacked beyond that, and nothing is unpickled.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_deploy.data import checks, folders, npz
from mnist_deploy.data.folders import IDX_FILES
from mnist_deploy.data.forms import (
    CLASSES,
    IMAGE_SIDE,
    IMAGES,
    MAX_IMAGES,
    NAMES,
    TEST,
    TRAINING,
    WHITE,
    UInt8Array,
    to_labels,
    to_pixels,
)
from mnist_deploy.data.idx import from_idx, to_idx
from mnist_deploy.data.npz import NPZ_LIMITS
from mnist_deploy.errors import DataError

__all__ = [
    "CLASSES", "EMBEDDED", "IDX_FILES", "IMAGE_SIDE", "MAX_IMAGES", "MNIST_SHA256", "NPZ_LIMITS", "WHITE", "Dataset",
    "FloatArray", "Images", "UInt8Array", "from_idx", "load", "scaled", "to_idx", "unscaled",
]  # fmt: skip

EMBEDDED = checks.BUNDLED
# Of the bundled set, as `Dataset.sha256` computes it; a test holds it to the file.
MNIST_SHA256 = "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a"

FloatArray = npt.NDArray[np.float32]
# Either of them: pixels as stored, uint8 (N, 28, 28), or the networks' input, float32 (N, 28, 28, 1) in [0, 1].
Images = npt.NDArray[Any]


def scaled(images: UInt8Array) -> FloatArray:
    """Turn uint8 images (N, 28, 28) into the networks' input: float32 (N, 28, 28, 1) in [0, 1]."""
    return (images.astype(np.float32) / np.float32(WHITE))[..., np.newaxis]


def unscaled(images: FloatArray) -> UInt8Array:
    """Turn float32 images (N, 28, 28, 1) in [0, 1] into the nearest pixels, uint8: exactly those that were scaled."""
    pixels: UInt8Array = np.clip(np.rint(images * np.float32(WHITE)), 0, WHITE).astype(np.uint8)
    return pixels


@dataclass(frozen=True)
class Dataset:
    """Images uint8 (N, 28, 28) and labels uint8 (N,) in 0..9, as stored, for training and for testing.

    The arrays for training have no images (N = 0) where the data hold only those for testing. `notes` says what a user
    should know of the data: what was converted, and what looks wrong.
    """

    train_images: UInt8Array
    train_labels: UInt8Array
    test_images: UInt8Array
    test_labels: UInt8Array
    notes: tuple[str, ...] = ()

    def arrays(self) -> dict[str, UInt8Array]:
        """Return the four arrays under Keras's names."""
        fields = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        return dict(zip(NAMES, fields, strict=True))

    def scaled(self) -> tuple[FloatArray, FloatArray]:
        """Return training and test images as float32 (N, 28, 28, 1) in [0, 1]."""
        return scaled(self.train_images), scaled(self.test_images)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the four arrays in their IDX form: the same data has one sum, whatever file it came in."""
        digest = hashlib.sha256()
        for array in self.arrays().values():
            digest.update(to_idx(array))
        return digest.hexdigest()

    @property
    def for_training(self) -> bool:
        """Whether there are images for training."""
        return len(self.train_images) > 0


def load(path: Path | None = None, *, training: bool = True) -> Dataset:
    """Load MNIST from `path`, or the whole set that the package carries when `path` is None.

    Args:
        path: an .npz with the keys x_train, y_train, x_test and y_test, or a folder with the four IDX files under
            their canonical names or with a dot in them (train-images.idx3-ubyte), each plain or gzipped. Images may be
            (N, 28, 28), (N, 28, 28, 1) or (N, 784), of any numbers that are pixels from 0 to 255, or floats from 0 to
            1; labels (N,) or one-hot (N, 10). No more than `MAX_IMAGES` images an array are read, and no .npz beyond
            `NPZ_LIMITS`.
        training: whether the arrays for training must be there.

    Raises:
        DataError: the file is missing, unreadable or too large, or an array has not the shape, type, count or range
            of MNIST.
    """
    source = path or EMBEDDED
    if not os.path.exists(source):
        raise DataError(f"{source}: no such data; give an .npz with {', '.join(NAMES)} or a folder of IDX files")
    stored = (folders if source.is_dir() else npz).read(source, training=training)
    arrays: dict[str, UInt8Array] = {
        "x_train": np.empty((0, IMAGE_SIDE, IMAGE_SIDE), np.uint8),
        "y_train": np.empty(0, np.uint8),
    }
    notes: dict[str, list[str]] = {}  # each with the arrays that it is of
    for name in list(stored):
        array = stored.pop(name)  # what is converted need not stay in memory
        if name in IMAGES:
            arrays[name], note = to_pixels(source, name, array)
            if note is not None:
                notes.setdefault(note, []).append(name)
        else:
            arrays[name] = to_labels(source, name, array)
    for images, labels in (TRAINING, TEST):
        if len(arrays[labels]) != len(arrays[images]):
            shape, count = arrays[labels].shape, len(arrays[images])
            raise DataError(f"{source}: {labels} has shape {shape} for {count} images; it must be (N,)")
        if path is not None and len(arrays[labels]):
            for name, note in checks.notes((images, labels), arrays[images], arrays[labels]):
                notes.setdefault(note, []).append(name)
    lines = tuple(f"{', '.join(names)}: {note}" for note, names in notes.items())
    return Dataset(arrays["x_train"], arrays["y_train"], arrays["x_test"], arrays["y_test"], lines)
