"""What `mnist-deploy predict` loses on the way from a picture to 28x28 pixels.

    python -m benchmarks.preprocessing [ARTIFACTS]

The first 1,000 test images of MNIST are drawn eight times as large with other margins on each side, on paper of several
kinds, written as files and read again, and the networks' accuracy on them is set beside that on the images themselves.
The last column is the share with a caution, but for that of a low score. LiteRT, float32.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mnist_deploy import dataset, preprocessing
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.dataset import UInt8Array
from mnist_deploy.pipeline import choosing, predicting
from mnist_deploy.pipeline.choosing import Wanted
from mnist_deploy.preprocessing import cautions
from tests.drawings import encoded, enlarged, pair, photo, ruled, sent, shaded, squared

IMAGES = 1000


def pairs(image: UInt8Array, number: int) -> bytes:
    """Two digits side by side: no answer is right, and a caution must say so."""
    others = dataset.load().test_images
    return pair(image, number, others[number + IMAGES])


KINDS: dict[str, Callable[[UInt8Array, int], bytes]] = {
    "28x28 PNG, as they are": lambda image, number: encoded(image),
    "enlarged, PNG": lambda image, number: encoded(enlarged(image, number)),
    "enlarged, black on white, JPEG of quality 90": sent,
    "like photos: gray paper, uneven light, grain, JPEG": photo,
    "ruled paper, in color, turned by up to 2 degrees": ruled,
    "squared paper, in color, turned by up to 2 degrees": squared,
    "half in a steep soft shadow": shaded,
    "two digits": pairs,
}


def main(root: Path) -> None:
    """Print a line for each kind of picture."""
    mnist, store = dataset.load(), ArtifactStore(root)
    images, labels = mnist.test_images[:IMAGES], mnist.test_labels[:IMAGES]
    names = store.trained()
    cells = [choosing.first(store, Wanted(name, "tflite", "float32", "litert")).cell for name in names]

    def line(kind: str, pixels: UInt8Array, cautioned: float) -> str:
        answers = [predicting.scores(cell, pixels).argmax(axis=1) for cell in cells]
        return (
            f"{kind:<52}" + "".join(f"{np.mean(answer == labels):>19.3f}" for answer in answers) + f"{cautioned:>11.3f}"
        )

    print(" " * 52 + "".join(f"{name:>19}" for name in names) + "  cautioned")
    print(line("the images themselves", images, _share(map(cautions.of_pixels, images))))
    for kind, draw in KINDS.items():
        seen = [preprocessing.preprocess(draw(image, number)) for number, image in enumerate(images)]
        pixels = np.stack([picture.pixels for picture in seen])
        print(line(kind, pixels, _share(picture.cautions for picture in seen)))


def _share(said: Iterable[Sequence[str]]) -> float:
    return float(np.mean([bool(lines) for lines in said]))


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else Path("artifacts"))
