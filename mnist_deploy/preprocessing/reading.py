"""Read a picture: a file or standard input becomes pixels, upright and without transparency.

- A camera's orientation (EXIF) is followed; of several frames or pages the first is taken; 16 bits become 8.
- Transparent pixels take the color of the border; where the border is transparent too, white if what is drawn is dark
  and else black.
"""

import io
import os
import re
import sys
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

# A full-frame camera's 36 megapixels fit: decoded and turned they take at most some 16 bytes a pixel, 0.6 GB. What
# is larger is refused by its header, before any pixel is decoded.
MAX_PIXELS = 36_000_000
MAX_BYTES = 64 * 1024 * 1024
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
FORMAT_NAMES = "PNG, JPEG, WebP, BMP, TIFF or GIF"
# Of ISO 23008-12: a file begins with its length, 'ftyp' and one of these brands.
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
STDIN = "-"
# Larger ones are reduced by whole factors first: a digit is drawn well in far fewer pixels.
WORKING_SIDE = 512
BORDER_SHARE = 0.05

FloatArray = npt.NDArray[np.float32]


class ImageError(ValueError):
    """An image that cannot be read or holds nothing to classify; says why in one line."""


def content(source: str, stdin: BinaryIO | None = None) -> bytes:
    """Return the bytes of the file at `source`, or of standard input for '-': no more than what is allowed.

    Raises:
        ImageError: it is a folder, a URL or no regular file, or too large.
        OSError: it cannot be read.
    """
    if source == STDIN:
        if stdin is None and sys.stdin is None:
            raise ImageError("closed; give a file, or send an image there")
        read = (stdin or sys.stdin.buffer).read(MAX_BYTES + 1)
    else:
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
            raise ImageError("a URL; download it and give the file")
        if os.path.isdir(source):
            raise ImageError("a folder; give its images, as FOLDER/*.png")
        if os.path.exists(source) and not os.path.isfile(source):  # reading it need not end
            raise ImageError("no file but a pipe or a device; give a file, or - for standard input")
        with Path(source).open("rb") as stream:
            read = stream.read(MAX_BYTES + 1)
    if len(read) > MAX_BYTES:
        raise ImageError(f"larger than {MAX_BYTES // 1024**2} MiB; make it smaller")
    return read


def decode(content: bytes) -> FloatArray:
    """Return the pixels of an image file, float32 (height, width) if gray, else (height, width, 3), in 0..255.

    Raises:
        ImageError: it is of no format that is read, damaged, or of more than `MAX_PIXELS` pixels.
    """
    if not content:
        raise ImageError("empty; give an image file")
    with warnings.catch_warnings(action="ignore"):  # Pillow warns of sizes that are refused below, and of odd tags
        image = _opened(content)
        if image.width * image.height > MAX_PIXELS:
            size = f"{image.width} x {image.height}"
            raise ImageError(f"{size} pixels, more than {MAX_PIXELS / 1e6:.0f} million; make it smaller")
        try:
            return _opaque(_reduced(ImageOps.exif_transpose(image)))
        except Exception as error:  # Pillow's decoders raise half a dozen kinds for a damaged file
            raise _damaged(error) from error


def _opened(content: bytes) -> Image.Image:
    formats: tuple[str, ...] = FORMATS
    if content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS:
        try:
            import pillow_heif
        except ImportError as error:
            raise ImageError("a HEIC image; run: pip install pillow-heif, or convert it to PNG or JPEG") from error
        pillow_heif.register_heif_opener()
        formats = ("HEIF",)
    try:
        return Image.open(io.BytesIO(content), formats=formats)
    except UnidentifiedImageError as error:
        raise ImageError(f"not a {FORMAT_NAMES} image; convert it to one") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"more than {MAX_PIXELS / 1e6:.0f} million pixels; make it smaller") from error
    except Exception as error:  # as above
        raise _damaged(error) from error


def _damaged(error: Exception) -> ImageError:
    reason = " ".join(str(error).split())[:100] or type(error).__name__
    return ImageError(f"damaged or cut off ({reason}); make or copy it again")


def _reduced(image: Image.Image) -> Image.Image:
    """Return the image as gray, RGB or RGBA of 8 bits, and so small that working on it is quick."""
    factor = max(1, max(image.size) // WORKING_SIDE)
    if image.mode in {"F", "I", "I;16", "I;16B", "I;16L"}:
        # Pillow would cut off what is above 255 rather than scale it.
        values = np.nan_to_num(np.array(image.convert("F").reduce(factor)))
        limits = (1, 255, 65535) if image.mode == "F" else (65535,)
        white = next((limit for limit in limits if float(values.max()) <= limit), float(values.max()))
        values *= np.float32(255 / white)
        return Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
    elif image.mode not in {"L", "RGB"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image.reduce(factor)


def _opaque(image: Image.Image) -> FloatArray:
    if image.mode != "RGBA":
        return np.asarray(image, np.float32)
    pixels = np.asarray(image, np.float32)
    colors, opacity = pixels[..., :3], pixels[..., 3:] / np.float32(255)
    edge = border(opacity[..., 0]) >= 0.5
    if edge.mean() >= 0.5:
        behind = np.array([np.median(border(colors[..., channel])[edge]) for channel in range(3)], np.float32)
    else:
        drawn = float((colors * opacity).sum() / max(3 * float(opacity.sum()), 1e-6))
        behind = np.full(3, 255 if drawn < 128 else 0, np.float32)
    return np.asarray(colors * opacity + behind * (1 - opacity), np.float32)


def border(image: FloatArray) -> FloatArray:
    """Return the pixels of the outer frame, (count,): 5 % of the shorter side wide, at least one pixel."""
    width = max(1, round(min(image.shape) * BORDER_SHARE))
    inside = np.zeros(image.shape, bool)
    inside[width:-width, width:-width] = True
    return image[~inside]
