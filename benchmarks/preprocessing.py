"""What `mnist-deploy predict` loses on the way from a picture to 28x28 pixels.

    python -m benchmarks.preprocessing [ARTIFACTS]

The first 1,000 test images of MNIST are drawn eight times as large with other margins on each side, written as files
and read again, and the networks' accuracy on them is set beside that on the images themselves. LiteRT, float32.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_deploy import dataset, preprocessing
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.dataset import UInt8Array
from mnist_deploy.pipeline import choosing, predicting
from mnist_deploy.pipeline.choosing import Wanted
from tests.drawings import encoded, enlarged, sent

IMAGES = 1000


def photo(image: UInt8Array, number: int) -> bytes:
    """Dark grey ink on grey paper in uneven light, with a camera's grain, as JPEG."""
    ink, order = enlarged(image, number).astype(float) / 255, np.random.default_rng(number)
    light = np.linspace(-25, 25, ink.shape[1])[None, :] + np.linspace(-15, 15, ink.shape[0])[:, None]
    grain = order.normal(0, 4, ink.shape)
    return encoded((190 + light + grain - 130 * ink).clip(0, 255).astype(np.uint8), "JPEG", quality=90)


KINDS: dict[str, Callable[[UInt8Array, int], bytes]] = {
    "28x28 PNG, as they are": lambda image, number: encoded(image),
    "enlarged, PNG": lambda image, number: encoded(enlarged(image, number)),
    "enlarged, black on white, JPEG of quality 90": sent,
    "like photos: grey paper, uneven light, grain, JPEG": photo,
}


def main(root: Path) -> None:
    """Print a line for each kind of picture."""
    mnist, store = dataset.load(), ArtifactStore(root)
    images, labels = mnist.test_images[:IMAGES], mnist.test_labels[:IMAGES]
    names = store.trained()
    cells = [choosing.first(store, Wanted(name, "tflite", "float32", "litert")).cell for name in names]

    def line(kind: str, pixels: UInt8Array) -> str:
        answers = [predicting.scores(cell, pixels).argmax(axis=1) for cell in cells]
        return f"{kind:<52}" + "".join(f"{np.mean(answer == labels):>19.3f}" for answer in answers)

    print(" " * 52 + "".join(f"{name:>19}" for name in names))
    print(line("the images themselves", images))
    for kind, draw in KINDS.items():
        seen = [preprocessing.preprocess(draw(image, number)) for number, image in enumerate(images)]
        print(line(kind, np.stack(seen)))


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else Path("artifacts"))
