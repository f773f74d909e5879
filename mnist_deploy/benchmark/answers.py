"""What a worker computed, on its way to the parent in an .npz, of which the parent believes nothing."""

import os
import stat
import zipfile
from pathlib import Path

import numpy as np

from mnist_deploy.errors import ArtifactError

Arrays = dict[str, np.ndarray]


def load(path: Path) -> Arrays:
    """Read arrays that were saved uncompressed; that takes no more memory than the file has bytes.

    Raises:
        ArtifactError: there is nothing, or something else.
    """
    try:
        # Without waiting for whoever would write into a pipe in its place.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise ValueError("no regular file")
            with zipfile.ZipFile(stream) as archive:
                if any(one.compress_type != zipfile.ZIP_STORED for one in archive.infolist()):
                    raise ValueError("compressed")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # numpy and zipfile raise half a dozen kinds for a damaged archive
        raise ArtifactError(f"its answers cannot be read ({type(error).__name__}: {str(error)[:100]})") from error


def taken(arrays: Arrays, job: int, slices: int, *, bare: bool) -> Arrays:
    """Return the call times of a job's slices, with the bare loops beside them if there were to be any.

    Raises:
        ArtifactError: they are not what so many slices make.
    """
    if not slices:
        raise ArtifactError("its worker told nothing of it")
    wanted = [f"{job}.{number}{of}" for number in range(slices) for of in ("", ".bare")[: 1 + bare]]
    for name in wanted:
        times = arrays.get(name, np.empty(0))
        if times.dtype != np.int64 or times.ndim != 1 or not times.size or times.min() < 0:
            raise ArtifactError(f"its worker's answer {name} is {times.dtype} {times.shape}, not nanoseconds")
    return {name: arrays[name] for name in wanted}
