"""Files of images and labels, as users have them."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mnist_deploy import dataset
from mnist_deploy.dataset import IDX_FILES


def small() -> dict[str, np.ndarray]:
    """Six images to train and three to test, of random pixels."""
    random = np.random.default_rng(0)
    return {
        "x_train": random.integers(0, 256, (6, 28, 28), dtype=np.uint8),
        "y_train": np.arange(6, dtype=np.uint8),
        "x_test": random.integers(0, 256, (3, 28, 28), dtype=np.uint8),
        "y_test": np.array([9, 0, 4], dtype=np.uint8),
    }


def as_npz(path: Path, content: dict[str, np.ndarray]) -> Path:
    np.savez(path, **content)
    return path


def as_folder(
    path: Path, content: dict[str, np.ndarray], *, packed: bool, ending: str | None = None, dotted: bool = False,
    names: Iterable[str] = tuple(IDX_FILES),
) -> Path:  # fmt: skip
    """A folder of IDX files; `ending` is what their names end in where that is not what they are."""
    path.mkdir(parents=True)
    for name in names:
        raw = dataset.to_idx(content[name])
        file = IDX_FILES[name].replace("-idx", ".idx") if dotted else IDX_FILES[name]
        (path / (file + (".gz" * packed if ending is None else ending))).write_bytes(
            gzip.compress(raw, 1) if packed else raw
        )
    return path
