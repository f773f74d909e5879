"""The MNIST images: the set that the package carries, an .npz with Keras's keys, or a folder of IDX files."""

import gzip
import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_deploy.errors import DataError

EMBEDDED = Path(__file__).parent / "data" / "mnist.npz"
IMAGE_SIDE = 28
CLASSES = 10
WHITE = 255

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
# Either of them: pixels as stored, uint8 (N, 28, 28), or the networks' input, float32 (N, 28, 28, 1) in [0, 1].
Images = npt.NDArray[Any]

# Array name in Keras's .npz -> canonical IDX file, in the order of the fields of Dataset.
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def scaled(images: UInt8Array) -> FloatArray:
    """Turn uint8 images (N, 28, 28) into the networks' input: float32 (N, 28, 28, 1) in [0, 1]."""
    return (images.astype(np.float32) / np.float32(WHITE))[..., np.newaxis]


def unscaled(images: FloatArray) -> UInt8Array:
    """Turn float32 images (N, 28, 28, 1) in [0, 1] into the nearest pixels, uint8: exactly those that were scaled."""
    pixels: UInt8Array = np.clip(np.rint(images * np.float32(WHITE)), 0, WHITE).astype(np.uint8)
    return pixels


@dataclass(frozen=True)
class Dataset:
    """Images uint8 (N, 28, 28) and labels uint8 (N,) in 0..9, as stored, for training and for testing."""

    train_images: UInt8Array
    train_labels: UInt8Array
    test_images: UInt8Array
    test_labels: UInt8Array

    def arrays(self) -> dict[str, UInt8Array]:
        """Return the four arrays under Keras's names."""
        fields = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        return dict(zip(IDX_FILES, fields, strict=True))

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


def to_idx(array: UInt8Array) -> bytes:
    """Return a uint8 array in the IDX format of the MNIST site: magic 0x0800 + rank, big-endian sizes, bytes."""
    return np.array([0x0800 + array.ndim, *array.shape], dtype=">u4").tobytes() + array.tobytes()


def from_idx(content: bytes) -> UInt8Array:
    """Read an IDX file of unsigned bytes.

    Raises:
        ValueError: the magic number is not that of unsigned bytes, or the sizes do not match the content.
    """
    rank = content[3] if len(content) >= 4 else 0
    if content[:3] != b"\0\0\x08" or not 1 <= rank <= 3:
        raise ValueError("not an IDX file of unsigned bytes")
    header = 4 + 4 * rank
    shape = [int(size) for size in np.frombuffer(content[4:header], dtype=">u4")]
    if len(shape) != rank or len(content) - header != prod(shape):
        raise ValueError(f"its header promises {shape} bytes, it holds {max(0, len(content) - header)}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def load(path: Path | None = None) -> Dataset:
    """Load MNIST from `path`, or the whole set that the package carries when `path` is None.

    Args:
        path: an .npz with the keys x_train, y_train, x_test and y_test, or a folder with the four IDX files under
            their canonical names, each plain or gzipped (.gz).

    Raises:
        DataError: the file is missing or unreadable, or an array has not the shape, dtype, count or range of MNIST.
    """
    source = path or EMBEDDED
    if not source.exists():
        raise DataError(f"{source}: no such data; give an .npz with {', '.join(IDX_FILES)} or a folder of IDX files")
    arrays = _load_folder(source) if source.is_dir() else _load_npz(source)
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        _check(source, images, arrays[images], labels, arrays[labels])
    return Dataset(*(arrays[name] for name in IDX_FILES))


def _load_npz(source: Path) -> dict[str, UInt8Array]:
    try:
        # Without pickles: an .npz from elsewhere must not be able to run code.
        loaded = np.load(source, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise DataError(f"{source}: holds one array; give an .npz with {', '.join(IDX_FILES)}")
        with loaded as archive:
            missing = [name for name in IDX_FILES if name not in archive]
            if missing:
                raise DataError(f"{source}: lacks {', '.join(missing)}; give an .npz with Keras's four keys")
            return {name: archive[name] for name in IDX_FILES}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{source}: not a readable .npz ({reason}); fetch or copy the file again") from error


def _load_folder(source: Path) -> dict[str, UInt8Array]:
    arrays = {}
    for name, file in IDX_FILES.items():
        plain, packed = source / file, source / f"{file}.gz"
        if not (plain.is_file() or packed.is_file()):
            raise DataError(f"{source}: lacks {file} (or {file}.gz); put the four IDX files there")
        found = plain if plain.is_file() else packed
        try:
            arrays[name] = from_idx(plain.read_bytes() if found is plain else gzip.decompress(packed.read_bytes()))
        except (ValueError, OSError, EOFError, zlib.error) as error:
            raise DataError(f"{found}: {error}; fetch or copy the file again") from error
    return arrays


def _check(source: Path, images_name: str, images: UInt8Array, labels_name: str, labels: UInt8Array) -> None:
    for name, array in ((images_name, images), (labels_name, labels)):
        if array.dtype != np.uint8:
            raise DataError(f"{source}: {name} is {array.dtype}; MNIST is stored as uint8, 0 to 255 unscaled")
    if images.ndim != 3 or images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        raise DataError(f"{source}: {images_name} has shape {images.shape}; it must be (N, 28, 28)")
    if labels.shape != (len(images),):
        raise DataError(f"{source}: {labels_name} has shape {labels.shape} for {len(images)} images; it must be (N,)")
    if not len(images):
        raise DataError(f"{source}: {images_name} is empty; give at least one image")
    if labels.max() >= CLASSES:
        raise DataError(f"{source}: {labels_name} holds the label {labels.max()}; labels are 0 to {CLASSES - 1}")
