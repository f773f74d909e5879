"""The IDX format of the MNIST site: magic number, sizes, then the bytes."""

import io
from math import prod

import numpy as np

from mnist_deploy.data.forms import UInt8Array

# 0x08 is for unsigned bytes; the last byte, the number of axes, follows.
MAGIC = b"\0\0\x08"
# (N, 28, 28, 1) has the most of all that are read.
_MAX_RANK = 4


def to_idx(array: UInt8Array) -> bytes:
    """Return a uint8 array in the IDX format: magic 0x0800 + rank, big-endian sizes, bytes."""
    return np.array([0x0800 + array.ndim, *array.shape], dtype=">u4").tobytes() + array.tobytes()


def from_idx(content: bytes) -> UInt8Array:
    """Read an IDX file of unsigned bytes.

    Raises:
        ValueError: the magic number is not that of unsigned bytes, or the sizes do not match the content.
    """
    stream = io.BytesIO(content)
    return read_array(stream, read_shape(stream))


def read_shape(stream: io.BufferedIOBase) -> tuple[int, ...]:
    """Read the header of an IDX file.

    Raises:
        ValueError: it is cut off, or not that of unsigned bytes with 1 to 4 axes.
    """
    magic = stream.read(4)
    rank = magic[3] if len(magic) == 4 else 0
    if magic[:3] != MAGIC or not 1 <= rank <= _MAX_RANK:
        raise ValueError("not an IDX file of unsigned bytes")
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise ValueError("its header is cut off")
    return tuple(np.frombuffer(sizes, dtype=">u4").tolist())


def read_array(stream: io.BufferedIOBase, shape: tuple[int, ...]) -> UInt8Array:
    """Read what follows the header, and one byte more than it promises: none must be left, however many there are.

    Raises:
        ValueError: there is more or less than the header promises.
    """
    content = stream.read(prod(shape) + 1)
    if len(content) != prod(shape):
        held = "more" if len(content) > prod(shape) else f"{len(content)}"
        raise ValueError(f"its header promises {list(shape)} bytes, it holds {held}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)
