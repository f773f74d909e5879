"""Zip archives from elsewhere, whose directory is held to stated limits before anything in them is read.

A zip says of itself how many members it has and how large each is once unpacked. Python's zipfile reads no more of a
member than that, so what the directory says bounds what a reader can be made to hold.
"""

import io
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mnist_deploy.errors import MnistDeployError

# Of the directory alone: it is read whole, and its bytes become objects ten times as large. The largest comment of an
# archive, which is read as well, fits.
MAX_DIRECTORY_BYTES = 128 * 1024
# Others are not written by NumPy or Keras, and a member packed by LZMA may ask for gigabytes to unpack a few bytes.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Limits:
    """What an archive may hold: how many members, of how many bytes in all, unpacked; and of which names, or of any."""

    members: int
    total_bytes: int
    names: frozenset[str] | None = None


class ArchiveError(ValueError):
    """An archive that is refused, damaged or none; says why in one line, without its path."""


@contextmanager
def opened(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open the zip at `path` once its directory is within `limits`; what goes wrong in reading it becomes one line.

    Raises:
        ArchiveError: it is no regular file, no zip, damaged, encrypted, packed by another method than deflate, or has
            too many members, too large ones, two of one name, links, or names that lead out of the archive.
    """
    try:
        require_regular(path)
        with _Bounded(path) as stream, zipfile.ZipFile(stream) as archive:
            _check(archive.infolist(), limits)
            stream.limit = None
            yield archive
    except (ArchiveError, MnistDeployError):
        raise
    except OSError as error:
        raise ArchiveError(error.strerror or str(error)) from error
    except Exception as error:  # zipfile, and who reads what it unpacks, raise a dozen kinds for damaged bytes
        raise ArchiveError(str(error).splitlines()[0][:200] if str(error) else type(error).__name__) from error


def require_regular(path: Path) -> None:
    """Refuse what is no regular file, or link to one: a FIFO or a device may have no end, or nothing to say for ever.

    Raises:
        ArchiveError: it is none.
        OSError: nothing is there.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise ArchiveError("not a regular file")


class _Bounded(io.FileIO):
    """A file of which no read may ask for more than the limit: zipfile asks for the whole directory at once."""

    limit: int | None = MAX_DIRECTORY_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as files do, all that is left too, but refuse to read too much at once."""
        if self.limit is not None and (size is None or not 0 <= size <= self.limit):
            size = self.limit + 1
        content = super().read(size) or b""
        if self.limit is not None and len(content) > self.limit:
            raise ArchiveError(f"its directory is larger than {self.limit // 1024} KiB, which is the limit")
        return content


def _check(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(members) > limits.members:
        raise ArchiveError(f"holds {len(members)} members; the limit is {limits.members}")
    total = sum(one.file_size for one in members)
    if total > limits.total_bytes:
        raise ArchiveError(f"unpacks to {total:,} bytes; the limit is {limits.total_bytes:,}")
    for one in members:
        _check_name(one.orig_filename, limits)
        kind = stat.S_IFMT(one.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ArchiveError(f"{one.orig_filename!a} is a link or a special file; only files are read")
        if one.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"{one.orig_filename!a} is encrypted; give it without a password")
        if one.compress_type not in METHODS:
            raise ArchiveError(f"{one.orig_filename!a} is packed by method {one.compress_type}; only deflate is read")
    name, times = Counter(one.filename for one in members).most_common(1)[0] if members else ("", 0)
    if times > 1:
        raise ArchiveError(f"holds {name!a} {times} times; which is meant cannot be told")


def _check_name(name: str, limits: Limits) -> None:
    outside = name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/")
    if outside or "\\" in name or "\0" in name:
        raise ArchiveError(f"names {name[:100]!a}; a name may not be absolute, hold '..' or a backslash")
    if limits.names is not None and name not in limits.names:
        raise ArchiveError(f"holds {name[:100]!a}; only {', '.join(sorted(limits.names))} belong in it")
