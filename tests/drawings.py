"""MNIST's images as people send them: enlarged, moved, inverted, as files."""

import io

import numpy as np
from PIL import Image

from mnist_deploy.dataset import UInt8Array


def encoded(pixels: np.ndarray | Image.Image, format: str = "PNG", **options: object) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def enlarged(image: UInt8Array, number: int, scale: int = 8) -> UInt8Array:
    """An image `scale` times as large, smoothly, with other margins on each side: by `number`, the same each time."""
    side = image.shape[0] * scale
    large = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))
    top, bottom, left, right = np.random.default_rng(number).integers(0, side // 2, 4)
    return np.pad(large, ((top, bottom), (left, right)))


def sent(image: UInt8Array, number: int) -> bytes:
    """An image as a JPEG of black ink on white, enlarged and moved."""
    return encoded(255 - enlarged(image, number), "JPEG", quality=90)


# ---- photos of paper


def photo(image: UInt8Array, number: int) -> bytes:
    """Dark grey ink on grey paper in uneven light, with a camera's grain, as JPEG."""
    ink, random = enlarged(image, number).astype(float) / 255, np.random.default_rng(number)
    light = np.linspace(-25, 25, ink.shape[1])[None, :] + np.linspace(-15, 15, ink.shape[0])[:, None]
    grain = random.normal(0, 4, ink.shape)
    return jpeg(190 + light + grain - 130 * ink)


def jpeg(pixels: np.ndarray) -> bytes:
    """Pixels of any type as a JPEG of quality 90; what is beyond 0..255 is clipped."""
    return encoded(pixels.clip(0, 255).astype(np.uint8), "JPEG", quality=90)


def paper(shape: tuple[int, int], number: int, *, squared: bool) -> np.ndarray:
    """A sheet with printed lines, float (height, width, 3): their color, width, distance and tilt vary by `number`."""
    import cv2

    random = np.random.default_rng(number)
    gap, width = int(random.integers(30, 90)), int(random.integers(1, 4))
    color = np.array([(150, 180, 220), (170, 170, 170), (110, 140, 200), (215, 150, 160)][random.integers(4)])
    # Drawn larger than the sheet, so that no corner stays empty when it is turned by up to 2 degrees.
    side = 2 * max(shape)
    sheet = np.zeros((side, side))
    for start in range(int(random.integers(gap)), side, gap):
        sheet[start : start + width] = 1
        if squared:
            sheet[:, start : start + width] = 1
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(random.uniform(-2, 2)), 1)
    lines = cv2.warpAffine(sheet, turn, (side, side), flags=cv2.INTER_LINEAR)
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    lines = lines[top : top + shape[0], left : left + shape[1], None]
    return np.array([244, 243, 238]) * (1 - lines) + color * lines


def written(image: UInt8Array, number: int, *, squared: bool) -> bytes:
    """A digit in dark blue ink on ruled or squared paper, as a JPEG in color with a camera's grain."""
    ink = enlarged(image, number).astype(float)[..., None] / 255
    sheet = paper(ink.shape[:2], number, squared=squared)
    grain = np.random.default_rng(number).normal(0, 3, sheet.shape)
    return jpeg(sheet * (1 - ink) + np.array([35, 40, 95]) * ink + grain)


def ruled(image: UInt8Array, number: int) -> bytes:
    """A digit on ruled paper."""
    return written(image, number, squared=False)


def squared(image: UInt8Array, number: int) -> bytes:
    """A digit on squared paper."""
    return written(image, number, squared=True)


def shadow(shape: tuple[int, int], number: int) -> np.ndarray:
    """The share of light that a soft shadow leaves, float (height, width): from 1 to 0.4 over a tenth of the picture.

    Its edge runs at any angle, through the middle fifth of the picture.
    """
    random = np.random.default_rng(number)
    angle = float(random.uniform(0, 2 * np.pi))
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    along = (rows - shape[0] / 2) * np.sin(angle) + (columns - shape[1] / 2) * np.cos(angle)
    along = along / min(shape) - random.uniform(-0.1, 0.1)
    return np.asarray(0.4 + 0.6 / (1 + np.exp(-along * 4 / 0.1)))


def shaded(image: UInt8Array, number: int) -> bytes:
    """Dark ink on white paper, half of it in a steep soft shadow, with a camera's grain, as JPEG."""
    ink = enlarged(image, number).astype(float) / 255
    grain = np.random.default_rng(number).normal(0, 3, ink.shape)
    return jpeg((235 - 195 * ink) * shadow(ink.shape, number) + grain)


def pair(image: UInt8Array, number: int, other: UInt8Array) -> bytes:
    """Two digits side by side, as in a number, black on white."""
    gap = int(np.random.default_rng(number).integers(-6, 7))
    both = np.zeros((28, 56 + max(gap, 0)), np.uint8)
    both[:, :28] = image
    right = 28 + gap
    both[:, right : right + 28] = np.maximum(both[:, right : right + 28], other)
    side = np.pad(both, ((14, 14), (0, 0)))
    large = Image.fromarray(255 - side).resize((side.shape[1] * 8, side.shape[0] * 8), Image.Resampling.BICUBIC)
    return encoded(large)
