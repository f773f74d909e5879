"""An image file turned into what MNIST's images are: 28x28 pixels, a white digit on black, sized and centered alike.

`reading` decodes it, `paper` tells ink from paper, `lines` removes printed lines, and `placing` sizes and centers what
is left as MNIST's digits are. `cautions` says in what a picture is unlike MNIST's.

An image of 28x28 pixels in which the digit has MNIST's size and place already is taken as it is, inverted if it is
black on white: so the images of MNIST itself pass unchanged.

The modules need NumPy, Pillow and OpenCV alone and import nothing of this package: `mnist-deploy package` puts a copy
beside `predict.py`.
"""

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from . import cautions, lines, paper, placing, reading
from .placing import UInt8Array
from .reading import FORMATS, MAX_BYTES, MAX_PIXELS, STDIN, FloatArray, ImageError

__all__ = ["FORMATS", "MAX_BYTES", "MAX_PIXELS", "ImageError", "Picture", "load", "normalize", "preprocess"]


@dataclass(frozen=True)
class Picture:
    """A digit as MNIST's are, uint8 (28, 28), white on black, and in what its picture is unlike them, a line each."""

    pixels: UInt8Array
    cautions: tuple[str, ...]

    def all_cautions(self, probability: float) -> list[str]:
        """Return the cautions, and what is to be said of the best digit's probability."""
        return [*self.cautions, *cautions.of_score(probability)]


def load(source: str, stdin: BinaryIO | None = None) -> Picture:
    """Return the image at the path `source`, or on standard input for '-', as MNIST's are: see `preprocess`.

    Raises:
        ImageError: it is missing, unreadable, too large, no image, damaged or blank; the line names it.
    """
    name = "standard input" if source == STDIN else source
    try:
        return preprocess(reading.content(source, stdin))
    except OSError as error:
        raise ImageError(f"{name or repr(name)}: {error.strerror or error}; give an image file") from error
    except ValueError as error:  # an ImageError, or a path that cannot be one
        raise ImageError(f"{name!a}: {error}; give another" if "\0" in name else f"{name}: {error}") from error


def preprocess(content: bytes) -> Picture:
    """Return the digit in an image file as MNIST's are.

    Args:
        content: the bytes of a file of one of `FORMATS`, or of HEIC where pillow-heif is installed.

    Raises:
        ImageError: they are of another format, damaged, of more than `MAX_PIXELS` pixels, or blank.
    """
    return normalize(reading.decode(content))


def normalize(pixels: FloatArray) -> Picture:
    """Return the digit in a picture as MNIST's are.

    Args:
        pixels: gray, (height, width), or RGB, (height, width, 3), in 0..255: ink on paper of another color.

    Raises:
        ImageError: it is blank.
    """
    gray = paper.project(pixels)
    plain = placing.as_it_is(gray)
    if plain is not None:
        return Picture(plain, tuple(cautions.of_pixels(plain)))
    blank = ImageError("blank: no digit stands out in it; give an image of one digit")
    if float(np.ptp(gray)) < paper.MIN_CONTRAST:
        raise blank
    ink = lines.remove(paper.separate(gray))
    blobs, where = paper.blobs(ink)
    if not blobs:
        raise blank
    digit = placing.place(np.where(where, ink.values, np.float32(0)), ink.noise)
    return Picture(digit, (*cautions.of_blobs(blobs, gray.shape), *cautions.of_pixels(digit)))
