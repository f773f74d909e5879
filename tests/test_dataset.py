import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnist_deploy import dataset
from mnist_deploy.dataset import IDX_FILES, Dataset
from mnist_deploy.errors import DataError

PUBLISHED_MD5 = {
    "x_train": "6bbc9ace898e44ae57da46a324031adb",
    "y_train": "a25bea736e30d166cdddb491f175f624",
    "x_test": "2646ac647ad5339dbf082846283269ea",
    "y_test": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.fixture
def small() -> dict[str, np.ndarray]:
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


def as_folder(path: Path, content: dict[str, np.ndarray], *, packed: bool) -> Path:
    path.mkdir()
    for name, file in IDX_FILES.items():
        raw = dataset.to_idx(content[name])
        (path / (file + ".gz" * packed)).write_bytes(gzip.compress(raw) if packed else raw)
    return path


@pytest.mark.parametrize("name", PUBLISHED_MD5)
def test_embedded_arrays_rebuild_the_published_idx_files(mnist: Dataset, name: str) -> None:
    assert hashlib.md5(dataset.to_idx(mnist.arrays()[name])).hexdigest() == PUBLISHED_MD5[name]


def test_embedded_file_has_its_licence_beside_it() -> None:
    notice = (dataset.EMBEDDED.parent / "LICENSE.md").read_text()
    assert "LeCun" in notice and "CC BY-SA 3.0" in notice


def test_same_data_has_one_sum_in_every_form(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    forms = [
        as_npz(tmp_path / "a.npz", small),
        as_folder(tmp_path / "plain", small, packed=False),
        as_folder(tmp_path / "packed", small, packed=True),
    ]
    loaded = [dataset.load(form) for form in forms]
    for one in loaded:
        for name, array in one.arrays().items():
            np.testing.assert_array_equal(array, small[name])
    assert len({one.sha256 for one in loaded}) == 1
    changed = small | {"y_test": np.array([9, 0, 5], dtype=np.uint8)}
    assert dataset.load(as_npz(tmp_path / "b.npz", changed)).sha256 != loaded[0].sha256


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=3, max_side=5)))
def test_idx_round_trip(array: np.ndarray) -> None:
    np.testing.assert_array_equal(dataset.from_idx(dataset.to_idx(array)), array)


@given(st.binary(max_size=40))
def test_idx_reader_refuses_or_reads_but_never_crashes(content: bytes) -> None:
    try:
        array = dataset.from_idx(content)
    except ValueError:
        return
    assert dataset.to_idx(array) == content


def test_scaled_images_are_nhwc_between_0_and_1(small: dict[str, np.ndarray]) -> None:
    train, test = Dataset(*small.values()).scaled()
    assert train.shape == (6, 28, 28, 1) and test.shape == (3, 28, 28, 1)
    assert train.dtype == np.float32
    np.testing.assert_array_equal(np.rint(train[..., 0] * 255).astype(np.uint8), small["x_train"])
    assert dataset.scaled(np.full((1, 28, 28), 255, np.uint8)).max() == 1.0


BROKEN = {
    "a missing key": ({"y_test": None}, "lacks y_test"),
    "floats": ({"x_train": np.zeros((6, 28, 28), np.float32)}, "x_train is float32"),
    "another size": ({"x_test": np.zeros((3, 27, 28), np.uint8)}, "x_test has shape (3, 27, 28)"),
    "a count that differs": ({"y_train": np.zeros(5, np.uint8)}, "y_train has shape (5,) for 6 images"),
    "a label above 9": ({"y_test": np.array([1, 10, 3], np.uint8)}, "y_test holds the label 10"),
    "no images": ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, "x_test is empty"),
    "pickles": ({"y_test": np.array([{}, {}, {}], dtype=object)}, "not a readable .npz"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_npz_is_named_and_explained(case: str, tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    change, words = BROKEN[case]
    content = {name: array for name, array in (small | change).items() if array is not None}
    path = as_npz(tmp_path / "bad.npz", content)
    with pytest.raises(DataError) as error:
        dataset.load(path)
    assert str(path) in str(error.value) and words in str(error.value)


def test_missing_truncated_and_foreign_files(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    with pytest.raises(DataError, match="no such data"):
        dataset.load(tmp_path / "none.npz")
    whole = as_npz(tmp_path / "whole.npz", small).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a readable"):
        dataset.load(tmp_path / "cut.npz")
    damaged = bytearray(whole)
    damaged[400] ^= 0xFF  # inside the first array: zip's checksum must see it
    (tmp_path / "damaged.npz").write_bytes(damaged)
    with pytest.raises(DataError, match="not a readable"):
        dataset.load(tmp_path / "damaged.npz")
    np.save(tmp_path / "one.npy", small["x_test"])
    with pytest.raises(DataError, match="holds one array"):
        dataset.load(tmp_path / "one.npy")


def test_broken_idx_folder(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    folder = as_folder(tmp_path / "folder", small, packed=True)
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    good = labels.read_bytes()
    labels.write_bytes(good[:-6])
    with pytest.raises(DataError, match="t10k-labels"):
        dataset.load(folder)
    labels.write_bytes(gzip.compress(gzip.decompress(good)[:-1]))
    with pytest.raises(DataError, match="promises"):
        dataset.load(folder)
    labels.unlink()
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte"):
        dataset.load(folder)
