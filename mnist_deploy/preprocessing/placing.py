"""Size and center a digit as MNIST's are.

After the description of MNIST by LeCun, Cortes and Burges (http://yann.lecun.com/exdb/mnist/): a digit is scaled to
fit a box of 20x20 pixels with its aspect ratio kept and with anti-aliasing, and then moved to where its center of mass
is the center of the 28x28 field.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from .reading import border

SIDE, BOX = 28, 20
# Paper is within so many median deviations of its mean: with 3, photos lost 0.3 to 3 % of the accuracy. At most so much
# of the darkest ink is taken for paper.
PAPER_DEVIATIONS, MAX_PAPER_SHARE = 2, 0.4
# The box around the digit takes what has this share of the ink's darkness. Of 0.1, 0.2, 0.3 and 0.5 it brought enlarged
# images of MNIST nearest to what they were, as did the box filter among Pillow's.
EDGE = 0.3
# How far an image may be from MNIST's size and place to be taken as it is, in pixels.
SIZES, OFF_CENTER = (18, 20), 1.0
# MNIST's centers of mass, over its 60,000 training images, are here on the mean, counted from 0.
CENTER = 14.0

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


def as_it_is(gray: FloatArray) -> UInt8Array | None:
    """Return an image that is MNIST's in all, inverted if it is black on white; None for another.

    It is of 28x28 pixels with a black background, and its digit has MNIST's size and place.
    """
    if gray.shape != (SIDE, SIDE):
        return None
    plain = gray if float(np.median(border(gray))) < 128 else 255 - gray
    if float(np.median(border(plain))) > 0 or not plain.any():
        return None
    top, bottom, left, right = _box(plain)
    centered = all(abs(at - CENTER) <= OFF_CENTER for at in _center(plain))
    if not centered or not SIZES[0] <= max(bottom - top, right - left) <= SIZES[1]:
        return None
    return np.rint(plain).astype(np.uint8)


def place(ink: FloatArray, noise: float) -> UInt8Array:
    """Return the digit, uint8 (28, 28), white on black.

    Args:
        ink: (height, width), 0 on paper, with some ink.
        noise: the standard deviation of the paper's grain.
    """
    return _centered(_fitted(_cleaned(ink, noise)))


def _cleaned(ink: FloatArray, noise: float) -> FloatArray:
    """Return ink without the paper, stretched to 0..255."""
    peak = float(ink.max())
    paper = min(PAPER_DEVIATIONS * noise / 1.4826, MAX_PAPER_SHARE * peak)
    return np.asarray(np.clip(ink - paper, 0, None) * (255 / (peak - paper)), np.float32)


def _box(ink: FloatArray) -> tuple[int, int, int, int]:
    """Return the first and the last + 1 row, and column, of the digit."""
    drawn = ink >= EDGE * float(ink.max())
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _fitted(ink: FloatArray) -> FloatArray:
    """Cut the digit out and scale it to fit the box of 20x20, with anti-aliasing."""
    top, bottom, left, right = _box(ink)
    height, width = bottom - top, right - left
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # Each new pixel is the mean of what it covers, which is what gray levels of a black and white digit are.
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = Image.fromarray(ink).resize(size, method, box=(left, top, right, bottom))
    fitted = np.clip(np.asarray(small, np.float32), 0, None)
    # A thin line grows pale when it is made smaller; MNIST's digits reach white.
    return np.asarray(np.clip(fitted * (255 / float(fitted.max())), 0, 255), np.float32)


def _centered(fitted: FloatArray) -> UInt8Array:
    """Put the digit into 28x28 so that its center of mass is the center, as far as it stays inside."""
    field = np.zeros((SIDE, SIDE), np.uint8)
    starts = []
    for at, length in zip(_center(fitted), fitted.shape, strict=True):
        starts.append(min(max(round(CENTER - at), 0), SIDE - length))
    (top, left), (height, width) = starts, fitted.shape
    field[top : top + height, left : left + width] = np.rint(fitted)
    return field


def _center(ink: FloatArray) -> tuple[float, float]:
    """Return the center of mass, row and column, counted from 0."""
    rows, columns = (np.arange(length) for length in ink.shape)
    total = float(ink.sum())
    return float((ink.sum(axis=1) * rows).sum()) / total, float((ink.sum(axis=0) * columns).sum()) / total
