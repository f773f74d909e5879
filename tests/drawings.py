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
