"""The forms that data may have, what is said of them, and what is named where it is something else."""

import gzip
import io
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy import cli, dataset
from mnist_deploy.data import checks
from mnist_deploy.dataset import IDX_FILES, Dataset
from mnist_deploy.errors import DataError
from tests.conftest import TinyRun, mnist_deploy
from tests.data_files import as_folder, as_npz, small

SMALL = small()
SUM = Dataset(*SMALL.values()).sha256


def changed(**arrays: np.ndarray) -> dict[str, np.ndarray]:
    return SMALL | arrays


def images(form: "object") -> dict[str, np.ndarray]:
    assert callable(form)
    return changed(x_train=form(SMALL["x_train"]), x_test=form(SMALL["x_test"]))


def labels(form: "object") -> dict[str, np.ndarray]:
    assert callable(form)
    return changed(y_train=form(SMALL["y_train"]), y_test=form(SMALL["y_test"]))


# What an .npz holds, and what is said of it.
ARRAYS = {
    "labels as int64": (labels(lambda y: y.astype(np.int64)), ""),
    "labels as whole floats": (labels(lambda y: y.astype(np.float64)), ""),
    "labels in a column": (labels(lambda y: y[:, np.newaxis]), ""),
    "labels one-hot": (labels(lambda y: np.eye(10)[y]), ""),
    "labels one-hot as booleans": (labels(lambda y: np.eye(10, dtype=bool)[y]), ""),
    "images with a channel": (images(lambda x: x[..., np.newaxis]), ""),
    "images with the channel first": (images(lambda x: x[:, np.newaxis]), ""),
    "images in rows": (images(lambda x: x.reshape(-1, 784)), ""),
    "pixels as int64": (images(lambda x: x.astype(np.int64)), ""),
    "pixels as whole floats, in rows": (images(lambda x: x.reshape(-1, 784).astype(np.float64)), ""),
    "columns first in memory": (images(np.asfortranarray), ""),
    "float32 from 0 to 1": (images(lambda x: (x / 255).astype(np.float32)), "x_train, x_test: float32 from 0 to 1, "),
    "float16 from 0 to 1": (images(lambda x: (x / 255).astype(np.float16)), "to 255, by up to 0."),
    "the networks' own input": (images(dataset.scaled), "rounded to whole pixels from 0 to 255"),
}


@pytest.mark.parametrize("form", ARRAYS)
def test_arrays_in_other_forms_are_the_same_data(form: str, tmp_path: Path) -> None:
    content, said = ARRAYS[form]
    loaded = dataset.load(as_npz(tmp_path / "data.npz", content))
    assert loaded.sha256 == SUM
    assert loaded.notes == () if not said else said in loaded.notes[0] and len(loaded.notes) == 1


def test_booleans_are_black_and_white(tmp_path: Path) -> None:
    loaded = dataset.load(as_npz(tmp_path / "data.npz", images(lambda x: x > 127)))
    np.testing.assert_array_equal(loaded.train_images, (SMALL["x_train"] > 127) * np.uint8(255))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dotted", [False, True])
def test_an_idx_files_content_says_whether_it_is_gzipped(
    packed: bool, ending: str, dotted: bool, tmp_path: Path
) -> None:
    folder = as_folder(tmp_path / "data", SMALL, packed=packed, ending=ending, dotted=dotted)
    # As Kaggle's download has them: folders under the names with a dash.
    for name in IDX_FILES.values():
        if not (folder / name).exists():
            (folder / name).mkdir()
    assert dataset.load(folder).sha256 == SUM


def test_rows_of_pixels_in_an_idx_file(tmp_path: Path) -> None:
    rows = images(lambda x: x.reshape(-1, 784))
    assert dataset.load(as_folder(tmp_path / "rows", rows, packed=False)).sha256 == SUM


TEST_ONLY = ("x_test", "y_test")


def test_data_for_testing_only(tmp_path: Path) -> None:
    npz = as_npz(tmp_path / "test.npz", {name: SMALL[name] for name in TEST_ONLY})
    folder = as_folder(tmp_path / "test", SMALL, packed=False, names=TEST_ONLY)
    one, other = (dataset.load(form, training=False) for form in (npz, folder))
    assert one.sha256 == other.sha256 != SUM and not one.for_training
    np.testing.assert_array_equal(one.test_images, SMALL["x_test"])
    for form in (npz, folder):
        with pytest.raises(DataError, match=r"lacks .*; it holds x_test and y_test only, and this command trains"):
            dataset.load(form)


def test_what_needs_no_training_takes_data_for_testing_only(
    tiny_run: TinyRun, root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with np.load(tiny_run.data) as whole:
        npz = as_npz(tmp_path / "test.npz", {"x_test": whole["x_test"][:300] / 255, "y_test": whole["y_test"][:300]})
    where = ("--runtime", "litert", "--data", npz, "--artifacts", root)
    verified = mnist_deploy("verify", "mlp-tanh-128", "--precision", "float32", *where)
    assert verified.code == 0 and "scores over 300 test images" in verified.out, verified.err
    assert "test.npz: x_test: float64 from 0 to 1, rounded to whole pixels from 0 to 255\n" in verified.err
    assert cli.run(["export", "--data", str(npz), "--artifacts", str(root)]) == 2
    assert "lacks x_train, y_train" in capfd.readouterr().err


def packed_npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **SMALL)
    return gzip.compress(stream.getvalue())


def tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("train-images-idx3-ubyte"))
    return stream.getvalue()


WEB_PAGE = b"\n<!DOCTYPE html>\n<html><head><title>mnist.npz - a drive</title></head></html>"
FOREIGN = {
    "a web page": (WEB_PAGE, "a web page, not the file that it links to; download the file itself"),
    "a web page that the server packed": (gzip.compress(WEB_PAGE), "a gzip of a web page"),
    "a CSV": (b"label,1x1,1x2\n7,0,0\n", "a CSV file; save its arrays with numpy.savez as x_train, y_train"),
    "a CSV without names": (b"7,0,0,0,0\n", "a CSV file"),
    "a text": (b"seven\n", "a text file"),
    "a gzipped .npz": (packed_npz(), "a gzip of an .npz or a zip; unpack it with gunzip"),
    "a gzipped pickle": (gzip.compress(b"\x80\x03cnumpy\n"), "a gzip of a pickle, which is never loaded"),
    "a pickle": (b"\x80\x04\x95\x00", "a pickle, which is never loaded since it may run code"),
    "an IDX file": (dataset.to_idx(SMALL["x_test"]), "one IDX file; give the folder of all four"),
    "a gzipped tar": (gzip.compress(tar()), "a gzip of a tar archive; unpack it"),
    "a MATLAB file": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file; save its arrays"),
    "a Parquet file": (b"PAR1\x15\x04", "a Parquet file; save its arrays"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "run: git lfs pull"),
    "an image": (b"\x89PNG\r\n\x1a\n", "an image; to classify it, run: mnist-deploy predict"),
    "nothing": (b"", "an empty file"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_data_is_named_for_what_it_is(kind: str, tmp_path: Path) -> None:
    content, words = FOREIGN[kind]
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError) as error:
        dataset.load(tmp_path / "mnist.npz")
    assert str(error.value).startswith(f"{tmp_path / 'mnist.npz'}: {words}") or words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("packed", [False, True])
def test_a_web_page_among_idx_files(packed: bool, tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "data", SMALL, packed=False)
    (folder / IDX_FILES["y_test"]).write_bytes(gzip.compress(WEB_PAGE) if packed else WEB_PAGE)
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte: not an IDX file but a web page, not the file"):
        dataset.load(folder)


def test_no_more_of_a_foreign_file_is_unpacked_than_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "bomb.npz").write_bytes(gzip.compress(bytes(200_000_000), 1))
    tracemalloc.start()
    with pytest.raises(DataError, match="a gzip file; unpack it"):
        dataset.load(tmp_path / "bomb.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("t10k-images.idx3-ubyte", b"")
    with pytest.raises(DataError, match=r"it is a zip of t10k-images\.idx3-ubyte: unpack it, and give the folder"):
        dataset.load(tmp_path / "archive.zip")


def test_a_folder_one_or_two_levels_too_high(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "MNIST" / "raw", SMALL, packed=True)
    for high in (tmp_path, tmp_path / "MNIST"):
        with pytest.raises(DataError) as error:
            dataset.load(high)
        assert str(error.value).startswith(f"{high}: lacks train-images-idx3-ubyte (or train-images-idx3-ubyte.gz); ")
        assert str(error.value).endswith(f"; {folder} has it: give that folder")


def test_a_folder_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "emnist-letters-train-images-idx3-ubyte.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"emnist-letters-train-images-idx3-ubyte\.gz is there: give the four files"):
        dataset.load(tmp_path)
    as_npz(tmp_path / "mnist.npz", SMALL)
    with pytest.raises(DataError, match=r"mnist\.npz is there: give that file"):
        dataset.load(tmp_path)


def test_looking_for_the_right_folder_follows_no_link_and_ends(tmp_path: Path) -> None:
    elsewhere = as_folder(tmp_path / "elsewhere", SMALL, packed=False)
    given = tmp_path / "given"
    given.mkdir()
    (given / "link").symlink_to(elsewhere)
    (given / "loop").symlink_to(given)
    for number in range(1000):
        (given / f"{number:04}").touch()
    tracemalloc.start()
    with pytest.raises(DataError, match="put the four IDX files there"):
        dataset.load(given)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000 and os.readlink(given / "loop") == str(given)


TURNS = {
    "transposed, as EMNIST's files are; give x.transpose(0, 2, 1)": lambda x: x.transpose(0, 2, 1),
    "turned by 90 degrees; give np.rot90(x, -1, (1, 2))": lambda x: np.rot90(x, 1, (1, 2)),
    "turned by 90 degrees; give np.rot90(x, 1, (1, 2))": lambda x: np.rot90(x, -1, (1, 2)),
    "upside down; give np.rot90(x, 2, (1, 2))": lambda x: np.rot90(x, 2, (1, 2)),
    "mirrored; give x[:, :, ::-1]": lambda x: x[:, :, ::-1],
    "mirrored; give x[:, ::-1]": lambda x: x[:, ::-1],
    "inverted (black on white); give 255 - x": lambda x: 255 - x,
}


@pytest.mark.parametrize("count", [100, 6000])
@pytest.mark.parametrize("words", TURNS)
def test_images_that_are_not_upright_are_said_to_be_and_the_remedy_is_right(
    words: str, count: int, mnist: Dataset
) -> None:
    # Not those that the mean images are made of.
    upright, classes = mnist.train_images[:count], mnist.train_labels[:count]
    turned = TURNS[words](upright)
    assert checks.orientation(turned, classes) == words
    mended = eval(words.partition("; give ")[2], {"np": np, "x": turned})  # what a user would type
    np.testing.assert_array_equal(mended, upright)


def test_nothing_is_said_of_orientation_where_it_cannot_be_told(mnist: Dataset) -> None:
    images, classes = mnist.train_images[:6000], mnist.train_labels[:6000]
    random = np.random.default_rng(0)
    transposed = images.transpose(0, 2, 1)
    unclear = {
        "upright": (images, classes),
        "two by two upright": (np.roll(images, 2, (1, 2)), classes),
        "few": (transposed[:19], classes[:19]),
        "noise": (random.integers(0, 256, images.shape, np.uint8), classes),
        "blank": (np.zeros_like(images), classes),
    }
    assert {name: checks.orientation(*data) for name, data in unclear.items()} == dict.fromkeys(unclear)
    for digit in range(10):
        alone = classes == digit
        assert checks.orientation(images[alone], classes[alone]) is None, digit


def test_what_looks_wrong_is_said_in_one_line_for_both_sets(mnist: Dataset, tmp_path: Path) -> None:
    content = {name: array[:500] for name, array in mnist.arrays().items()}
    wrong = content | {name: content[name].transpose(0, 2, 1) for name in ("x_train", "x_test")}
    loaded = dataset.load(as_npz(tmp_path / "a.npz", wrong))
    assert loaded.notes == ("x_train, x_test: looks transposed, as EMNIST's files are; give x.transpose(0, 2, 1)",)
    threes = content["y_test"] == 3
    one_class = content | {name: content[name][threes] for name in TEST_ONLY}
    loaded = dataset.load(as_npz(tmp_path / "b.npz", one_class))
    assert loaded.notes == ("y_test: only the label 3; an accuracy over one class says little",)
    dark = content | {"x_test": content["x_test"] // 255}
    (note,) = dataset.load(as_npz(tmp_path / "c.npz", dark)).notes
    assert note.startswith("x_test: no pixel above 1 of 255, so all look black")
    assert dataset.load(as_npz(tmp_path / "d.npz", content)).notes == ()
