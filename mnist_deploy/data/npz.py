"""Arrays from an .npz, whose headers are held to the limits before anything is read."""

from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy.typing as npt
from numpy.lib import format as npy

from mnist_deploy import archives
from mnist_deploy.archives import ArchiveError
from mnist_deploy.data import recognition
from mnist_deploy.data.forms import NAMES, TEST_ONLY, TRAINING, check_header, missing
from mnist_deploy.errors import DataError, printable

# Four are asked for; other members are left alone, but count.
NPZ_LIMITS = archives.Limits(members=100, total_bytes=1024**3)
# Of the names that an archive or a folder has instead, so many are named.
_NAMED = 5


def read(source: Path, *, training: bool) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays under Keras's names as they are stored, those for training only if they are there.

    Raises:
        DataError: the file is unreadable, is no .npz, lacks an array, or has one of another shape or type.
    """
    try:
        archives.require_regular(source)
        _require_zip(source)
        with archives.opened(source, NPZ_LIMITS) as archive:
            there = [name for name in NAMES if f"{name}.npy" in archive.namelist()]
            lacking = missing(there, training=training)
            if lacking:
                raise DataError(f"{source}: lacks {', '.join(lacking)}{_instead(archive, lacking)}")
            for name in there:
                _check_npy(source, archive, name)
            arrays = {}
            for name in there:
                with archive.open(f"{name}.npy") as member:
                    # Without pickles: an .npz from elsewhere must not be able to run code.
                    arrays[name] = npy.read_array(member, allow_pickle=False)
            return arrays
    except (ArchiveError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{source}: not a readable .npz ({reason}); fetch or copy the file again") from error


def _require_zip(source: Path) -> None:
    with source.open("rb") as stream:
        head = stream.read(recognition.HEAD_BYTES)
        stream.seek(0)
        if head.startswith(recognition.GZIP):
            raise DataError(f"{source}: {recognition.describe_gzip(stream)}")
    what = None if head.startswith(recognition.ZIP) else recognition.describe(head)
    if what is not None:
        raise DataError(f"{source}: {what}")


def _instead(archive: ZipFile, lacking: list[str]) -> str:
    """Return what an archive holds instead of the arrays that it lacks, and what to do."""
    names, give = archive.namelist(), f"give an .npz with {', '.join(NAMES)}"
    if tuple(lacking) == TRAINING:
        return f"; {TEST_ONLY}: {give}"
    listed = ", ".join(printable(name.removesuffix(".npy"))[:40] for name in names[:_NAMED])
    more = ", ..." if len(names) > _NAMED else ""
    if names and not any(name.endswith(".npy") for name in names):
        return f"; it is a zip of {listed}{more}: unpack it, and give the folder"
    return f" (it holds {listed}{more}); {give}" if names else f"; {give}"


def _check_npy(source: Path, archive: ZipFile, name: str) -> None:
    """Hold an array's header to the limits and to its size in the archive: NumPy would allocate what it promises."""
    with archive.open(f"{name}.npy") as member:
        version = npy.read_magic(member)
        # Later ones are for types that no image has, and for headers of up to 4 GB.
        if version != (1, 0):
            raise ArchiveError(f"{name} has version {version[0]}.{version[1]} of the .npy format; 1.0 is read")
        shape, _, dtype = npy.read_array_header_1_0(member)
        check_header(source, name, shape, dtype)
        promised, held = prod(shape) * dtype.itemsize, archive.getinfo(member.name).file_size - member.tell()
    if held != promised:
        raise ArchiveError(f"the header of {name} promises {promised:,} bytes, it holds {held:,}")
