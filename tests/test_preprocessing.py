import ast
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnist_deploy import dataset, preprocessing
from mnist_deploy.dataset import Dataset, UInt8Array
from mnist_deploy.preprocessing import ImageError, load, normalize
from tests.drawings import encoded, enlarged, sent

TEST_IMAGES: UInt8Array = dataset.load().test_images
SEVEN = TEST_IMAGES[0]


def preprocess(content: bytes) -> UInt8Array:
    return preprocessing.preprocess(content).pixels


def apart(one: UInt8Array, other: UInt8Array) -> float:
    """The mean difference of two images, of 255."""
    return float(np.abs(one.astype(float) - other).mean())


def test_images_of_mnist_pass_unchanged(mnist: Dataset) -> None:
    for image in mnist.test_images[:300]:
        assert np.array_equal(preprocess(encoded(image)), image)
        assert np.array_equal(preprocess(encoded(255 - image)), image), "black on white"


def test_an_image_of_28x28_that_is_not_as_mnist_is_made_so() -> None:
    moved = np.roll(SEVEN, (-4, 3), axis=(0, 1))
    assert apart(preprocess(encoded(moved)), SEVEN) < 1 < apart(moved, SEVEN)
    grey = (200 - SEVEN // 2).astype(np.uint8)
    assert apart(preprocess(encoded(grey)), SEVEN) < 1, "grey paper"


def test_what_is_enlarged_moved_and_inverted_comes_back(mnist: Dataset) -> None:
    far = [apart(preprocess(sent(image, number)), image) for number, image in enumerate(mnist.test_images[:100])]
    assert np.mean(far) < 8 and max(far) < 25, "enlarging smooths, which is most of it"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 299), st.integers(2, 9), st.tuples(*[st.integers(1, 90)] * 4), st.booleans())
def test_place_and_whole_scale_do_not_matter(number: int, scale: int, margins: tuple[int, ...], dark: bool) -> None:
    image = TEST_IMAGES[number]
    top, bottom, left, right = margins
    large = np.pad(np.kron(image, np.ones((scale, scale), np.uint8)), ((top, bottom), (left, right)))
    found = preprocess(encoded(255 - large if dark else large))
    # A centre of mass that lies between two pixels is as near to either.
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert min(apart(np.roll(found, move, axis=(0, 1)), image) for move in moves) < 8
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20, "it fits the box"
    assert found.max() == 255
    centre = [float((found.sum(axis=axis) * np.arange(28)).sum() / found.sum()) for axis in (1, 0)]
    assert np.abs(np.array(centre) - 14).max() <= 0.75, "its centre of mass is the field's, to the pixel"


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_any_image_gives_a_digit_or_is_blank(height: int, width: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    try:
        found = preprocess(encoded(noise))
    except ImageError as error:
        assert "blank" in str(error)
    else:
        assert found.shape == (28, 28) and found.dtype == np.uint8 and found.max() == 255


def transparent(ink: int, paper: tuple[int, int]) -> Image.Image:
    """The seven in a shade of grey, on paper of a shade and an opacity."""
    large = enlarged(SEVEN, 0)
    grey = np.where(large > 127, ink, paper[0]).astype(np.uint8)
    alpha = np.where(large > 127, 255, paper[1]).astype(np.uint8)
    return Image.merge("LA", (Image.fromarray(grey), Image.fromarray(alpha)))


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(transparent(0, (0, 0)), id="black on nothing"),
        pytest.param(transparent(255, (255, 0)), id="white on nothing"),
        pytest.param(transparent(255, (0, 0)), id="white on nothing that is black"),
        pytest.param(transparent(0, (255, 255)), id="opaque"),
        pytest.param(transparent(0, (255, 0)).convert("RGBA"), id="RGBA"),
        pytest.param(transparent(0, (255, 255)).convert("P"), id="palette"),
        pytest.param(transparent(0, (255, 255)).convert("1"), id="two colours"),
        pytest.param(Image.fromarray(np.where(enlarged(SEVEN, 0) > 127, 65535, 0).astype(np.uint16)), id="16 bits"),
        pytest.param(Image.fromarray(np.where(enlarged(SEVEN, 0) > 127, 140, 100).astype(np.uint8)), id="faint"),
    ],
)
def test_every_kind_of_pixel(image: Image.Image) -> None:
    expected = preprocess(encoded(np.where(enlarged(SEVEN, 0) > 127, 255, 0).astype(np.uint8)))
    assert apart(preprocess(encoded(image)), expected) < 10


def test_jpeg_in_inks() -> None:
    # Pillow writes and reads the inverted inks that Adobe's programs write.
    assert apart(preprocess(encoded(Image.fromarray(enlarged(SEVEN, 0)).convert("CMYK"), "JPEG")), SEVEN) < 10


def test_a_cameras_orientation_is_followed() -> None:
    turned = Image.fromarray(enlarged(SEVEN, 0)).rotate(90, expand=True)
    told = Image.Exif()
    told[0x0112] = 6  # turn it by 90 degrees clockwise to see it upright
    straight, followed = (preprocess(encoded(turned, "JPEG", **options)) for options in ({}, {"exif": told}))
    assert apart(followed, SEVEN) < 10 < apart(straight, SEVEN)


def test_shadow_and_grain_of_paper_are_removed() -> None:
    ink = enlarged(SEVEN, 0).astype(float) / 255
    shade = np.linspace(-20, 20, ink.shape[1])[None, :] + np.random.default_rng(0).normal(0, 3, ink.shape)
    photo = (190 + shade - 130 * ink).clip(0, 255).astype(np.uint8)
    found = preprocess(encoded(photo, "JPEG"))
    assert apart(found, SEVEN) < 15 and (found[:3] == 0).all()


# ---- what is no image of a digit


def header(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels, and holds none."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100))
    parts = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in (chunk, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BAD = {
    "empty": (b"", "empty; give an image file"),
    "text": (b"seven\n" * 99, "not a PNG, JPEG, WebP, BMP, TIFF or GIF image; convert it to one"),
    "page": (b"%PDF-1.7", "not a PNG, JPEG, WebP, BMP, TIFF or GIF image; convert it to one"),
    "cut off": (encoded(enlarged(SEVEN, 0))[:600], "damaged or cut off ("),
    "cut-off JPEG": (sent(SEVEN, 0)[:1500], "damaged or cut off ("),
    "damaged": (encoded(SEVEN)[:60] + b"\0" * 200, "damaged or cut off ("),
    "bomb": (header(9000, 8000), "9000 x 8000 pixels, more than 36 million; make it smaller"),
    "large bomb": (header(100_000, 100_000), "more than 36 million pixels; make it smaller"),
    "blank": (encoded(np.full((300, 200), 255, np.uint8)), "blank: no digit stands out"),
    "black": (encoded(np.zeros((28, 28), np.uint8)), "blank: no digit stands out"),
    "grain": (encoded(np.random.default_rng(0).normal(200, 2, (200, 200)).astype(np.uint8)), "blank"),
    "one pixel": (encoded(np.zeros((1, 1), np.uint8)), "blank"),
    "transparent": (encoded(Image.new("RGBA", (99, 99), (0, 0, 0, 0))), "blank"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_image_of_a_digit(kind: str, tmp_path: Path) -> None:
    content, says = BAD[kind]
    path = tmp_path / "it.png"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        load(str(path))
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and says in line and "\n" not in line
    with pytest.raises(ImageError, match=r"^standard input: "):
        load("-", io.BytesIO(content))


def test_no_file_a_folder_and_a_file_without_end(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.png: No such file or directory; give an image file"):
        load(str(tmp_path / "none.png"))
    with pytest.raises(ImageError, match="a folder; give its images"):
        load(str(tmp_path))
    with pytest.raises(ImageError, match="larger than 64 MiB"):
        load("-", io.BytesIO(bytes(preprocessing.MAX_BYTES + 1)))
    if sys.platform == "linux":
        with pytest.raises(ImageError, match="no file but a pipe or a device; give a file, or - for standard input"):
            load("/dev/zero")
    with pytest.raises(ImageError, match=r"^'a.x00b': embedded null byte"):
        load("a\0b")


def test_it_stands_alone() -> None:
    # A copy of it is put beside predict.py on devices that have NumPy, Pillow and OpenCV and nothing else.
    modules: set[str | None] = set()
    for path in Path(preprocessing.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
        modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    beyond = {str(name).partition(".")[0] for name in modules} - sys.stdlib_module_names
    assert beyond == {"numpy", "PIL", "cv2", "pillow_heif"}, "pillow_heif may be absent"


def test_a_drawing_that_fills_its_image_keeps_its_ink() -> None:
    rows, columns = np.flatnonzero(SEVEN.any(axis=1)), np.flatnonzero(SEVEN.any(axis=0))
    tight = SEVEN[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert apart(normalize(tight.astype(np.float32)).pixels, SEVEN) < 3
