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
