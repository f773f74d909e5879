"""Pictures of paper: what is on it is found in any light, and what is no digit is refused or told."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_deploy import dataset, preprocessing
from mnist_deploy.artifacts import Precision
from mnist_deploy.dataset import Dataset, UInt8Array
from mnist_deploy.pipeline import predicting
from mnist_deploy.preprocessing import ImageError, cautions, training_images
from tests.conftest import NETWORKS, TinyRun
from tests.drawings import encoded, enlarged, jpeg, pair, paper, photo, ruled, shaded, shadow, squared
from tests.test_predict import cell

SHAPE = (330, 360)
IMAGES = 60


def colored(image: UInt8Array, number: int) -> bytes:
    """Green on a red of nearly the same luminance."""
    ink = enlarged(image, number).astype(float)[..., None] / 255
    return encoded((np.array([255, 30, 0]) * (1 - ink) + np.array([0, 150, 0]) * ink).astype(np.uint8))


def dotted(image: UInt8Array, number: int) -> bytes:
    """Black on white with 25 specks."""
    sheet, random = 255 - enlarged(image, number), np.random.default_rng(number)
    for _ in range(25):
        top, left = random.integers(0, np.array(sheet.shape) - 4)
        sheet[top : top + 4, left : left + 4] = 0
    return encoded(sheet)


@pytest.mark.parametrize("draw", [photo, ruled, squared, shaded, colored, dotted])
def test_digits_on_paper_are_read(draw: Callable[[UInt8Array, int], bytes], tiny_run: TinyRun, mnist: Dataset) -> None:
    images, labels = mnist.test_images[:IMAGES], mnist.test_labels[:IMAGES]
    pictures = [preprocessing.preprocess(draw(image, number)) for number, image in enumerate(images)]
    chosen = cell(tiny_run.store, NETWORKS[1], "tflite", Precision.FLOAT32, "litert")
    answers = predicting.scores(chosen, np.stack([*images, *(picture.pixels for picture in pictures)])).argmax(axis=1)
    direct, read = (answers[:IMAGES] == labels).mean(), (answers[IMAGES:] == labels).mean()
    assert direct > 0.9 and read > 0.9 * direct
    assert np.mean([bool(picture.cautions) for picture in pictures]) < 0.1


def sheet(kind: str, number: int) -> np.ndarray:
    """An empty sheet, float (height, width) or (height, width, 3)."""
    random, flat = np.random.default_rng(number), np.full(SHAPE, 235.0)
    rows, columns = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    match kind:
        case "gradient":
            return flat - (columns * np.sin(number) + rows * np.cos(number) + 1.5) * random.uniform(5, 70)
        case "vignette":
            return flat * (1 - random.uniform(0.1, 0.8) * (rows**2 + columns**2) / 2)
        case "noise":
            return flat + random.normal(0, 1 + 3 * number, SHAPE)
        case "color noise":
            return flat[..., None] + random.normal(0, 1 + 3 * number, (*SHAPE, 3))
        case "black":
            return random.normal(0, 2 * number, SHAPE)
        case "shadow":
            return flat * shadow(SHAPE, number) + random.normal(0, 3, SHAPE)
        case "specks":
            flat[random.integers(0, SHAPE[0], 30), random.integers(0, SHAPE[1], 30)] = 0
            return flat
    return paper(SHAPE, number, squared=kind == "squared") + random.normal(0, 3, (*SHAPE, 3))


@pytest.mark.parametrize(
    "kind", ["gradient", "vignette", "noise", "color noise", "black", "shadow", "specks", "ruled", "squared"]
)
@pytest.mark.parametrize("encode", [jpeg, lambda pixels: encoded(pixels.clip(0, 255).astype(np.uint8))])
def test_an_empty_sheet_is_blank(kind: str, encode: Callable[[np.ndarray], bytes]) -> None:
    answered = 0
    for number in range(12):
        try:
            answered += not preprocessing.preprocess(encode(sheet(kind, number))).cautions
        except ImageError as error:
            assert "blank: no digit stands out" in str(error)
    assert answered == 0


def test_two_digits_are_told(mnist: Dataset) -> None:
    for number in range(60):
        content = pair(mnist.test_images[number], number, mnist.test_images[number + 100])
        said = preprocessing.preprocess(content).cautions
        assert any("side by side" in line or "wider than a digit" in line for line in said), number


def test_what_is_unlike_mnist_is_told() -> None:
    white = np.full((300, 300), 255, np.uint8)
    disc, cross, cut = white.copy(), white.copy(), white.copy()
    rows, columns = np.mgrid[:300, :300]
    disc[(rows - 150) ** 2 + (columns - 150) ** 2 < 70**2] = 0
    cross[(np.abs(rows - columns) < 9) | (np.abs(rows + columns - 300) < 9)] = 0
    cross[:60], cross[240:], cross[:, :60], cross[:, 240:] = 255, 255, 255, 255
    cut[:, 140:160] = 0
    said = {name: preprocessing.preprocess(encoded(picture)).cautions
            for name, picture in {"disc": disc, "cross": cross, "cut": cut}.items()}  # fmt: skip
    assert "more ink than in MNIST's digits" in said["disc"][0]
    assert "unlike MNIST's training images" in said["cross"][-1]
    assert "ink at 2 borders of the picture" in said["cut"][0]
    assert cautions.of_score(0.31) == ["no digit is likely (the best has 31%)"] and cautions.of_score(0.9) == []


def test_mnist_itself_is_hardly_cautioned(mnist: Dataset) -> None:
    assert np.mean([bool(cautions.of_pixels(image)) for image in mnist.test_images[:2000]]) < 0.01


def test_the_table_is_the_training_images() -> None:
    images = dataset.load().train_images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)
    mean, components = cautions._components()
    assert np.abs(mean - images.mean(axis=0)).max() <= 1
    exact = np.linalg.eigh(np.cov(images.T))[1][:, :-13:-1].T
    assert np.abs((exact * components).sum(axis=1)) == pytest.approx(np.ones(12), abs=1e-3)
    assert len(training_images.TABLE) < 4000


@pytest.mark.parametrize("format", ["WEBP", "BMP", "TIFF", "GIF", "HEIF"])
def test_other_formats(format: str, mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    picture = Image.fromarray(255 - enlarged(mnist.test_images[0], 0)).convert("RGB")
    other = Image.fromarray(255 - enlarged(mnist.test_images[1], 0)).convert("RGB")
    stream = io.BytesIO()
    more = {"save_all": True, "append_images": [other]} if format in {"GIF", "TIFF", "WEBP"} else {}
    picture.save(stream, format, **more)
    expected, seen = (preprocessing.preprocess(content).pixels for content in (encoded(picture), stream.getvalue()))
    assert np.abs(seen.astype(float) - expected).mean() < 3, "the first frame"
    if format == "HEIF":
        monkeypatch.setitem(sys.modules, "pillow_heif", None)
        with pytest.raises(ImageError, match="a HEIC image; run: pip install pillow-heif"):
            preprocessing.preprocess(stream.getvalue())


def test_a_url_is_named_as_one(tmp_path: Path) -> None:
    for url in ("https://example.org/7.png", "file:///tmp/7.png", "s3://bucket/7.png"):
        with pytest.raises(ImageError, match=f"^{url}: a URL; download it and give the file"):
            preprocessing.load(url)
