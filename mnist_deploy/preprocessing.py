"""An image file turned into what MNIST's images are: 28x28 pixels, a white digit on black, sized and centred alike.

After the description of MNIST by LeCun, Cortes and Burges (http://yann.lecun.com/exdb/mnist/): a digit is scaled to
fit a box of 20x20 pixels with its aspect ratio kept and with anti-aliasing, and then moved to where its centre of mass
is the centre of the 28x28 field. What is before that, from a file to ink on black, is ours:

- A camera's orientation (EXIF) is followed, colours become luminance, 16 bits become 8.
- Transparent pixels take the colour of the border; where the border is transparent too, white if what is drawn is dark
  and else black.
- The background is the median of the border, an outer frame of 5 % of the shorter side. Ink is what lies farthest from
  it: if that is darker, the image is inverted.
- What is as near to the background as the border's own grain and shade (2 median deviations, at most 40 % of the
  contrast) is paper and removed; the rest is stretched to 0..255.

An image of 28x28 pixels in which the digit has MNIST's size and place already is taken as it is, inverted if it is
black on white: so the images of MNIST itself pass unchanged.

The module needs NumPy and Pillow alone and imports nothing of this package: `mnist-deploy package` puts a copy beside
`predict.py`.
"""

import io
import os
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

# A full-frame camera's 36 megapixels fit: decoded and turned they take some 12 bytes a pixel, some 0.5 GB. What
# is larger is refused by its header, before any pixel is decoded.
MAX_PIXELS = 36_000_000
MAX_BYTES = 64 * 1024 * 1024
FORMATS = ("PNG", "JPEG")
STDIN = "-"

SIDE, BOX = 28, 20
# Larger ones are reduced by whole factors first: a digit is drawn well in far fewer pixels.
WORKING_SIDE = 1024
BORDER_SHARE = 0.05
# Of 255. A pencil on paper has 40 and more; what an even sheet and a camera's noise have is less.
MIN_CONTRAST = 20
# Paper is within so many median deviations from the border's median, which half a border of ink does not move: 2 are
# all of an even shade from one side to the other. With 3, photos lost 0.3 to 3 % of the accuracy.
PAPER_DEVIATIONS, MAX_PAPER_SHARE = 2, 0.4
# The box around the digit takes what has this share of the ink's darkness. Of 0.1, 0.2, 0.3 and 0.5 it brought enlarged
# images of MNIST nearest to what they were, as did the box filter among Pillow's.
EDGE = 0.3
# How far an image may be from MNIST's size and place to be taken as it is, in pixels.
SIZES, OFF_CENTRE = (18, 20), 1.0
# MNIST's centres of mass, over its 60,000 training images, are here on the mean, counted from 0.
CENTRE = 14.0

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


class ImageError(ValueError):
    """An image that cannot be read or holds nothing to classify; says why in one line."""


def load(source: str, stdin: BinaryIO | None = None) -> UInt8Array:
    """Return the image at the path `source`, or on standard input for '-', as MNIST's are: see `preprocess`.

    Raises:
        ImageError: it is missing, unreadable, too large, no PNG or JPEG, damaged or blank; the line names it.
    """
    name = "standard input" if source == STDIN else source
    try:
        return preprocess(_content(source, stdin))
    except OSError as error:
        raise ImageError(f"{name or repr(name)}: {error.strerror or error}; give a PNG or JPEG file") from error
    except ValueError as error:  # an ImageError, or a path that cannot be one
        raise ImageError(f"{name!a}: {error}; give another" if "\0" in name else f"{name}: {error}") from error


def _content(source: str, stdin: BinaryIO | None) -> bytes:
    """Read no more than what is allowed: a stream need not end."""
    if source == STDIN:
        if stdin is None and sys.stdin is None:
            raise ImageError("closed; give a file, or send an image there")
        content = (stdin or sys.stdin.buffer).read(MAX_BYTES + 1)
    else:
        if os.path.isdir(source):
            raise ImageError("a folder; give its images, as FOLDER/*.png")
        if os.path.exists(source) and not os.path.isfile(source):  # reading it need not end
            raise ImageError("no file but a pipe or a device; give a file, or - for standard input")
        with Path(source).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ImageError(f"larger than {MAX_BYTES // 1024**2} MiB; make it smaller")
    return content


def preprocess(content: bytes) -> UInt8Array:
    """Return the digit in an image file as MNIST's are, uint8 (28, 28), white on black.

    Args:
        content: the bytes of a PNG or JPEG.

    Raises:
        ImageError: they are no PNG or JPEG, damaged, of more than `MAX_PIXELS` pixels, or blank.
    """
    return normalise(decode(content))


def decode(content: bytes) -> FloatArray:
    """Return the luminance of a PNG or JPEG, float32 (height, width) in 0..255, upright, without transparency.

    Raises:
        ImageError: as `preprocess`, but for blank images.
    """
    if not content:
        raise ImageError("empty; give a PNG or JPEG image")
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow warns of sizes that are refused below
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError("not a PNG or JPEG image; convert it to one") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller") from error
    except Exception as error:  # as below
        raise _damaged(error) from error
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height}"
        raise ImageError(f"{size} pixels, more than {MAX_PIXELS / 1e6:.0f} million; make it smaller")
    try:
        return _luminance(_reduced(ImageOps.exif_transpose(image)))
    except Exception as error:  # Pillow's decoders raise half a dozen kinds for a damaged file
        raise _damaged(error) from error


def _damaged(error: Exception) -> ImageError:
    reason = " ".join(str(error).split())[:100] or type(error).__name__
    return ImageError(f"damaged or cut off ({reason}); make or copy it again")


def _reduced(image: Image.Image) -> Image.Image:
    """Return the image with its own kind of pixels made simpler, and so small that working on it is quick."""
    if image.mode in {"I", "I;16", "I;16B", "I;16L"}:
        # Of 16 bits: Pillow would cut off what is above 255 rather than scale it.
        image = Image.fromarray((np.asarray(image, np.float32) / 257).clip(0, 255).astype(np.uint8))
    image = image.convert("RGBA" if image.has_transparency_data else "L")
    return image.reduce(max(1, max(image.size) // WORKING_SIDE))


def _luminance(image: Image.Image) -> FloatArray:
    if image.mode == "L":
        return np.asarray(image, np.float32)
    opaque = np.asarray(image.getchannel("A"), np.float32) / np.float32(255)
    grey = np.asarray(image.convert("RGB").convert("L"), np.float32)
    edge = border(opaque) >= 0.5
    if edge.mean() >= 0.5:
        behind = float(np.median(border(grey)[edge]))
    else:
        drawn = float((grey * opaque).sum() / max(float(opaque.sum()), 1e-6))
        behind = 255.0 if drawn < 128 else 0.0
    return np.asarray(grey * opaque + behind * (1 - opaque), np.float32)


def normalise(grey: FloatArray) -> UInt8Array:
    """Return the digit on an image as MNIST's are, uint8 (28, 28), white on black.

    Args:
        grey: luminance, (height, width) in 0..255, a digit on a background that is lighter or darker throughout.

    Raises:
        ImageError: it is blank.
    """
    edge = border(grey)
    background = float(np.median(edge))
    darker, lighter = background - float(grey.min()), float(grey.max()) - background
    if max(darker, lighter) < MIN_CONTRAST:
        raise ImageError("blank: no digit stands out in it; give an image of one digit")
    dark = darker > lighter
    if grey.shape == (SIDE, SIDE):
        plain = 255 - grey if dark else grey
        if _is_normal(plain):
            return np.rint(plain).astype(np.uint8)
    ink = np.clip(background - grey if dark else grey - background, 0, None)
    return _placed(_fitted(_cleaned(ink, float(np.median(np.abs(edge - background))))))


def border(image: npt.NDArray[np.float32]) -> FloatArray:
    """Return the pixels of the outer frame, (count,): 5 % of the shorter side wide, at least one pixel."""
    width = max(1, round(min(image.shape) * BORDER_SHARE))
    inside = np.zeros(image.shape, bool)
    inside[width:-width, width:-width] = True
    return image[~inside]


def _is_normal(plain: FloatArray) -> bool:
    """Tell whether a 28x28 image has a black background, and its digit MNIST's size and place."""
    if float(np.median(border(plain))) > 0:
        return False
    top, bottom, left, right = _box(plain)
    longest = max(bottom - top, right - left)
    return SIZES[0] <= longest <= SIZES[1] and all(abs(at - CENTRE) <= OFF_CENTRE for at in _centre(plain))


def _cleaned(ink: FloatArray, grain: float) -> FloatArray:
    """Return ink without the paper, whose median deviation is `grain`, stretched to 0..255."""
    peak = float(ink.max())
    paper = min(PAPER_DEVIATIONS * grain, MAX_PAPER_SHARE * peak)
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
    # Each new pixel is the mean of what it covers, which is what grey levels of a black and white digit are.
    method = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    small = Image.fromarray(ink).resize(size, method, box=(left, top, right, bottom))
    fitted = np.clip(np.asarray(small, np.float32), 0, None)
    # A thin line grows pale when it is made smaller; MNIST's digits reach white.
    return np.asarray(np.clip(fitted * (255 / float(fitted.max())), 0, 255), np.float32)


def _placed(fitted: FloatArray) -> UInt8Array:
    """Put the digit into 28x28 so that its centre of mass is the centre, as far as it stays inside."""
    field = np.zeros((SIDE, SIDE), np.uint8)
    starts = []
    for at, length in zip(_centre(fitted), fitted.shape, strict=True):
        starts.append(min(max(round(CENTRE - at), 0), SIDE - length))
    (top, left), (height, width) = starts, fitted.shape
    field[top : top + height, left : left + width] = np.rint(fitted)
    return field


def _centre(ink: FloatArray) -> tuple[float, float]:
    """Return the centre of mass, row and column, counted from 0."""
    rows, columns = (np.arange(length) for length in ink.shape)
    total = float(ink.sum())
    return float((ink.sum(axis=1) * rows).sum()) / total, float((ink.sum(axis=0) * columns).sum()) / total
