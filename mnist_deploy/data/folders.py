"""Arrays from a folder of IDX files, each plain or gzipped, whatever its name says."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnist_deploy.data import idx, recognition
from mnist_deploy.data.forms import TEST_ONLY, UInt8Array, check_header, missing
from mnist_deploy.errors import DataError, printable

# Array -> the file's name on the MNIST site. It is found with a dot before 'idx' too, and with .gz behind.
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
# How deep, and among how many entries, the folder with the files is looked for: torchvision puts them in MNIST/raw.
_DEPTH = 2
MAX_ENTRIES = 1000


def read(source: Path, *, training: bool) -> dict[str, UInt8Array]:
    """Return the arrays as they are stored, those for training only if they are there.

    Raises:
        DataError: a file is missing, unreadable, or has another shape.
    """
    there = _files(source)
    lacking = missing(there, training=training)
    if lacking:
        file = IDX_FILES[lacking[0]]
        raise DataError(f"{source}: lacks {file} (or {file}.gz); {_instead(source, training=training)}")
    return {name: _read_file(name, path) for name, path in there.items()}


def _files(folder: Path) -> dict[str, Path]:
    files = {}
    for name, file in IDX_FILES.items():
        path = next((path for path in map(folder.joinpath, _spellings(file)) if path.is_file()), None)
        if path is not None:
            files[name] = path
    return files


def _spellings(file: str) -> list[str]:
    return [f"{stem}{ending}" for stem in (file, file.replace("-idx", ".idx")) for ending in ("", ".gz")]


def _read_file(name: str, path: Path) -> UInt8Array:
    try:
        with path.open("rb") as stored:
            # Browsers unpack without renaming, and other programs pack: the content counts, not the name.
            packed = stored.read(2) == recognition.GZIP
            stored.seek(0)
            with gzip.GzipFile(fileobj=stored) if packed else stored as stream:
                _require_idx(path, stream)
                shape = idx.read_shape(stream)
                check_header(path, name, shape, np.dtype(np.uint8))
                return idx.read_array(stream, shape)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: {error}; fetch or copy the file again") from error


def _require_idx(path: Path, stream: io.BufferedIOBase) -> None:
    head = stream.read(recognition.HEAD_BYTES)
    stream.seek(0)
    what = None if head.startswith(idx.MAGIC) else recognition.describe(head)
    if what is not None:
        raise DataError(f"{path}: not an IDX file but {what}")


def _instead(source: Path, *, training: bool) -> str:
    """Return what to do about a folder that lacks files: often it lies one level too high."""
    entries = list(_entries(source, _DEPTH))
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and not missing(_files(Path(entry.path)), training=training):
            return f"{printable(entry.path)} has it: give that folder"
    files = [entry for entry in entries if Path(entry.path).parent == source and entry.is_file()]
    archive = next((entry for entry in files if entry.name.endswith(".npz")), None)
    if archive is not None:
        return f"{printable(archive.path)} is there: give that file"
    known = {spelling for file in IDX_FILES.values() for spelling in _spellings(file)}
    other = next((entry for entry in files if "idx" in entry.name and entry.name not in known), None)
    if other is not None:
        return f"{printable(other.name)} is there: give the four files of one set the names of MNIST's"
    if training and not missing(_files(source), training=False):
        return f"{TEST_ONLY}; put the others there too"
    return "put the four IDX files there"


def _entries(folder: Path, depth: int) -> Iterator[os.DirEntry[str]]:
    """Yield what lies in a folder, and in the folders in it; links are not followed, unreadable ones passed over."""
    level = [str(folder)]
    left = MAX_ENTRIES
    for _ in range(depth):
        below = []
        for path in level:
            try:
                with os.scandir(path) as entries:
                    for entry in entries:
                        if not left:
                            return
                        left -= 1
                        yield entry
                        if entry.is_dir(follow_symlinks=False):
                            below.append(entry.path)
            except OSError:
                continue
        level = below
