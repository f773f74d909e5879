"""The MNIST images: the set that the package carries, an .npz with Keras's keys, or a folder of IDX files.

Files may be anybody's: shapes, types and sizes are read from headers and checked before anything is allocated for what
they promise, nothing is unpacked beyond that, and nothing is unpickled.
"""

import gzip
import hashlib
import io
import os
import zlib
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from mnist_deploy import archives
from mnist_deploy.archives import ArchiveError
from mnist_deploy.errors import DataError

EMBEDDED = Path(__file__).parent / "data" / "mnist.npz"
IMAGE_SIDE = 28
CLASSES = 10
WHITE = 255
# Of one array: MNIST has 60,000, and EMNIST's digits, the largest set of its kind, 240,000. Both arrays take 784 MB.
MAX_IMAGES = 500_000
# Four are asked for; other members are left alone, but count.
NPZ_LIMITS = archives.Limits(members=100, total_bytes=1024**3)

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
IMAGES = ("x_train", "x_test")


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
    stream = io.BytesIO(content)
    return _idx_array(stream, _idx_shape(stream))


def _idx_shape(stream: io.BufferedIOBase) -> tuple[int, ...]:
    magic = stream.read(4)
    rank = magic[3] if len(magic) == 4 else 0
    if magic[:3] != b"\0\0\x08" or not 1 <= rank <= 3:
        raise ValueError("not an IDX file of unsigned bytes")
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise ValueError("its header is cut off")
    return tuple(np.frombuffer(sizes, dtype=">u4").tolist())


def _idx_array(stream: io.BufferedIOBase, shape: tuple[int, ...]) -> UInt8Array:
    """Read what follows the header, and one byte more than it promises: none must be left, however many there are."""
    content = stream.read(prod(shape) + 1)
    if len(content) != prod(shape):
        found = "more" if len(content) > prod(shape) else f"{len(content)}"
        raise ValueError(f"its header promises {list(shape)} bytes, it holds {found}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def load(path: Path | None = None) -> Dataset:
    """Load MNIST from `path`, or the whole set that the package carries when `path` is None.

    Args:
        path: an .npz with the keys x_train, y_train, x_test and y_test, or a folder with the four IDX files under
            their canonical names, each plain or gzipped (.gz). No more than `MAX_IMAGES` images an array are read, and
            no .npz beyond `NPZ_LIMITS`.

    Raises:
        DataError: the file is missing, unreadable or too large, or an array has not the shape, dtype, count or range
            of MNIST.
    """
    source = path or EMBEDDED
    if not os.path.exists(source):
        raise DataError(f"{source}: no such data; give an .npz with {', '.join(IDX_FILES)} or a folder of IDX files")
    arrays = _load_folder(source) if source.is_dir() else _load_npz(source)
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        _check_labels(source, len(arrays[images]), labels, arrays[labels])
    return Dataset(*(arrays[name] for name in IDX_FILES))


def _load_npz(source: Path) -> dict[str, UInt8Array]:
    try:
        archives.require_regular(source)
        with source.open("rb") as stream:
            alone = stream.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX
        if alone:
            raise DataError(f"{source}: holds one array; give an .npz with {', '.join(IDX_FILES)}")
        with archives.opened(source, NPZ_LIMITS) as archive:
            missing = [name for name in IDX_FILES if f"{name}.npy" not in archive.namelist()]
            if missing:
                raise DataError(f"{source}: lacks {', '.join(missing)}; give an .npz with Keras's four keys")
            for name in IDX_FILES:
                _check_npy(source, archive, name)
            arrays = {}
            for name in IDX_FILES:
                with archive.open(f"{name}.npy") as member:
                    # Without pickles: an .npz from elsewhere must not be able to run code.
                    arrays[name] = npy.read_array(member, allow_pickle=False)
            return arrays
    except (ArchiveError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{source}: not a readable .npz ({reason}); fetch or copy the file again") from error


def _check_npy(source: Path, archive: ZipFile, name: str) -> None:
    """Hold an array's header to the limits and to its size in the archive: NumPy would allocate what it promises."""
    with archive.open(f"{name}.npy") as member:
        version = npy.read_magic(member)
        # Later ones are for types that no image has, and for headers of up to 4 GB.
        if version != (1, 0):
            raise ArchiveError(f"{name} has version {version[0]}.{version[1]} of the .npy format; 1.0 is read")
        shape, _, dtype = npy.read_array_header_1_0(member)
        _check_header(source, name, shape, dtype)
        promised, held = prod(shape), archive.getinfo(member.name).file_size - member.tell()
    if held != promised:
        raise ArchiveError(f"the header of {name} promises {promised:,} bytes, it holds {held:,}")


def _load_folder(source: Path) -> dict[str, UInt8Array]:
    arrays = {}
    for name, file in IDX_FILES.items():
        plain, packed = source / file, source / f"{file}.gz"
        if not (plain.is_file() or packed.is_file()):
            raise DataError(f"{source}: lacks {file} (or {file}.gz); put the four IDX files there")
        found = plain if plain.is_file() else packed
        try:
            with found.open("rb") if found is plain else gzip.open(packed) as stream:
                shape = _idx_shape(stream)
                _check_header(found, name, shape, np.dtype(np.uint8))
                arrays[name] = _idx_array(stream, shape)
        except (ValueError, OSError, EOFError, zlib.error) as error:
            raise DataError(f"{found}: {error}; fetch or copy the file again") from error
    return arrays


def _check_header(source: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse an array by what its header says, before it is read."""
    if dtype != np.uint8:
        raise DataError(f"{source}: {name} is {str(dtype)[:60]}; MNIST is stored as uint8, 0 to 255 unscaled")
    one = (IMAGE_SIDE, IMAGE_SIDE) if name in IMAGES else ()
    if shape[1:] != one or not shape:
        wanted = ", ".join(["N", *map(str, one)]) if one else "N,"
        raise DataError(f"{source}: {name} has shape {str(shape)[:60]}; it must be ({wanted})")
    if not shape[0]:
        raise DataError(f"{source}: {name} is empty; give at least one image")
    if shape[0] > MAX_IMAGES:
        raise DataError(f"{source}: {name} has {shape[0]:,} images; the limit is {MAX_IMAGES:,}")


def _check_labels(source: Path, images: int, name: str, labels: UInt8Array) -> None:
    if len(labels) != images:
        raise DataError(f"{source}: {name} has shape {labels.shape} for {images} images; it must be (N,)")
    if labels.max() >= CLASSES:
        raise DataError(f"{source}: {name} holds the label {labels.max()}; labels are 0 to {CLASSES - 1}")
