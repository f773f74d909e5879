import gzip
import hashlib
import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mnist_deploy import dataset
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import DataError
from tests import data_files
from tests.data_files import as_folder, as_npz

PUBLISHED_MD5 = {
    "x_train": "6bbc9ace898e44ae57da46a324031adb",
    "y_train": "a25bea736e30d166cdddb491f175f624",
    "x_test": "2646ac647ad5339dbf082846283269ea",
    "y_test": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.fixture
def small() -> dict[str, np.ndarray]:
    return data_files.small()


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
    "standardized floats": (
        {"x_train": np.linspace(-0.42, 2.82, 6 * 784, dtype=np.float32).reshape(6, 28, 28)},
        "x_train holds values from -0.42 to 2.82; undo the scaling",
    ),
    "fractions of pixels": ({"x_test": np.full((3, 28, 28), 127.5)}, "x_test holds fractions between 127.5 and 127.5"),
    "pixels of 16 bits": ({"x_test": np.full((3, 28, 28), 65535, np.uint16)}, "x_test holds values from 6.554e+04"),
    "another size": ({"x_test": np.zeros((3, 27, 28), np.uint8)}, "x_test has shape (3, 27, 28)"),
    "a count that differs": ({"y_train": np.zeros(5, np.uint8)}, "y_train has shape (5,) for 6 images"),
    "a label above 9": ({"y_test": np.array([0, 10, 3], np.uint8)}, "y_test holds the label 10"),
    "no images": ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, "x_test is empty"),
    "pickles": ({"y_test": np.array([{}, {}, {}], dtype=object)}, "y_test is object; save labels as integers"),
    "NaN": ({"x_test": np.full((3, 28, 28), np.nan)}, "x_test holds NaN or infinity"),
    "labels below 0": ({"y_test": np.array([1, -1, 3], np.int8)}, "y_test holds the label -1"),
    "labels that are fractions": ({"y_test": np.array([1, 2.5, 3])}, "y_test holds labels that are not whole numbers"),
    "labels as text": ({"y_test": np.array(["1", "2", "3"])}, "y_test is <U1; save labels as integers, 0 to 9"),
    "another number of classes": (
        {"y_test": np.eye(26)[:3]},
        "y_test has shape (3, 26), one-hot of 26 classes; it must be (N,)",
    ),
    "probabilities": ({"y_test": np.full((3, 10), 0.1)}, "y_test has rows that are not one-hot"),
    "two classes at once": ({"y_test": np.ones((3, 10))}, "y_test has rows that are not one-hot"),
    "the labels of EMNIST letters": (
        {"y_test": np.array([1, 26, 3])},
        "y_test holds labels from 1 to 26, those of EMNIST letters",
    ),
    "the labels of EMNIST byclass": (
        {"y_test": np.array([0, 61, 3])},
        "y_test holds labels from 0 to 61, those of EMNIST byclass",
    ),
    "labels counted from 1": ({"y_test": np.array([1, 10, 3])}, "y_test holds labels from 1 to 10, counted from 1"),
    "half of what is for training": ({"y_train": None}, "lacks y_train (it holds x_train, x_test, y_test); give"),
    "other names": (
        dict.fromkeys(("x_train", "y_train", "x_test", "y_test")) | {"arr_0": np.zeros(3)},
        "(it holds arr_0); give an",
    ),
    "a single number": ({"x_test": np.uint8(3)}, "x_test has shape (); it must be (N, 28, 28), "),
    "records": ({"x_test": np.zeros(3, [("a" * 90, "u1")])}, "x_test is [('aaaaa"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_npz_is_named_and_explained(case: str, tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    change, words = BROKEN[case]
    content = {name: array for name, array in (small | change).items() if array is not None}
    path = as_npz(tmp_path / "bad.npz", content)
    with pytest.raises(DataError) as error:
        dataset.load(path)
    assert str(path) in str(error.value) and words in str(error.value)


def npy(shape: tuple[int, ...], content: bytes = b"", descr: str = "|u1") -> bytes:
    """An .npy whose header promises a shape, followed by what it really holds."""
    stream = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + content


def with_member(path: Path, content: dict[str, np.ndarray], name: str, replaced: bytes) -> Path:
    """An .npz of which one member is replaced by bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in content.items():
            archive.writestr(f"{key}.npy", replaced if key == name else npy(array.shape, array.tobytes()))
    return path


HOSTILE = {
    "10^12 images": (npy((10**12, 28, 28)), "x_train has 1,000,000,000,000 images; the limit is 500,000"),
    "one image too many": (npy((500_001, 28, 28)), "x_train has 500,001 images; the limit is 500,000"),
    "a promise within the limit": (npy((500_000, 28, 28)), "promises 392,000,000 bytes, it holds 0"),
    "more than it promises": (npy((6, 28, 28), bytes(6 * 784 + 1)), "promises 4,704 bytes, it holds 4,705"),
    "pixels of eight bytes": (npy((500_000, 28, 28), descr="<f8"), "promises 3,136,000,000 bytes, it holds 0"),
    "less than nothing": (npy((-1, 28, 28)), "promises -784 bytes, it holds 0"),
    "no array": (b"seven", "not a readable .npz ("),
    "a header of 4 GB": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "version 2.0 of the .npy format; 1.0 is read"),
    "a header without end": (b"\x93NUMPY\x01\x00\x09\x00{'descr':", "not a readable .npz ("),
    "a deep header": (b"\x93NUMPY\x01\x00\x10\x27" + b"[" * 10_000, "not a readable .npz ("),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_npz_is_refused_before_it_is_read(case: str, tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    replaced, words = HOSTILE[case]
    path = with_member(tmp_path / "bad.npz", small, "x_train", replaced)
    tracemalloc.start()
    with pytest.raises(DataError) as error:
        dataset.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(path) in str(error.value) and words in str(error.value) and "\n" not in str(error.value)
    assert peak < 5_000_000, "nothing was allocated for what it promises"


def test_an_npz_that_unpacks_to_too_much(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    path = as_npz(tmp_path / "bomb.npz", small)
    content = bytearray(path.read_bytes())
    first_members_size = content.index(b"PK\x01\x02") + 24
    struct.pack_into("<I", content, first_members_size, 2**31)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"bomb\.npz: not a readable .* bytes; the limit is 1,073,741,824\)"):
        dataset.load(path)


def test_links_and_names_that_lead_out_of_an_npz(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    path = as_npz(tmp_path / "bad.npz", small)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.npy", b"")
    with pytest.raises(DataError, match=r"bad\.npz: not a readable \.npz \(names '../../outside\.npy'; a name may not"):
        dataset.load(path)


def test_other_members_of_an_npz_are_left_alone(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    more = small | {"note": np.array("of 2026"), "weights": np.zeros(9)}
    assert dataset.load(as_npz(tmp_path / "a.npz", more)).sha256 == Dataset(*small.values()).sha256


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path, small: dict[str, np.ndarray]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match=r"not a readable \.npz \(not a regular file\)"):
            dataset.load(path)
    folder = as_folder(tmp_path / "folder", small, packed=False)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    os.mkfifo(folder / "t10k-labels-idx1-ubyte")
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte"):
        dataset.load(folder)


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
    with pytest.raises(DataError, match=r"one\.npy: one array; give an \.npz"):
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
    labels.write_bytes(gzip.compress(gzip.decompress(good) + b"more"))
    with pytest.raises(DataError, match=r"promises \[3\] bytes, it holds more"):
        dataset.load(folder)
    labels.write_bytes(gzip.compress(dataset.to_idx(np.zeros((3, 2), np.uint8))))
    with pytest.raises(DataError, match=r"y_test has shape \(3, 2\), one-hot of 2 classes; it must be \(N,\)"):
        dataset.load(folder)
    labels.unlink()
    with pytest.raises(DataError, match="lacks t10k-labels-idx1-ubyte"):
        dataset.load(folder)


def idx(*shape: int) -> bytes:
    """The header of an IDX file."""
    return np.array([0x0800 + len(shape), *shape], dtype=">u4").tobytes()


PROMISES = {
    "more images than the limit": (idx(2**32 - 1, 28, 28), "x_train has 4,294,967,295 images; the limit is 500,000"),
    "a bomb behind its header": (idx(6, 28, 28) + bytes(200_000_000), "promises [6, 28, 28] bytes, it holds more"),
    "less than it promises": (idx(6, 28, 28) + bytes(784), "promises [6, 28, 28] bytes, it holds 784"),
    "no header": (idx(6, 28), "x_train has shape (6, 28); it must be (N, 28, 28), "),
    "half a header": (idx(6, 28, 28)[:-2], "its header is cut off"),
    "too many axes": (idx(6, 28, 28, 1, 1), "not an IDX file"),
}


@pytest.mark.parametrize("case", PROMISES)
def test_no_more_of_an_idx_file_is_unpacked_than_its_header_says(
    case: str, tmp_path: Path, small: dict[str, np.ndarray]
) -> None:
    content, words = PROMISES[case]
    folder = as_folder(tmp_path / "folder", small, packed=True)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(content, compresslevel=1))
    tracemalloc.start()
    with pytest.raises(DataError) as error:
        dataset.load(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(path) in str(error.value) and words in str(error.value)
    assert peak < 1_000_000
