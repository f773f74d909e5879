"""Files that are whole or absent: written under a temporary name, then renamed."""

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_deploy.errors import StorageError, UsageError

# Of the folder beside a file that holds it until it is whole.
WRITING = ".writing-"
# A disk with less is full.
ROOM_BYTES = 64 * 1024
_ASIDE = ".replaced"
# What the system answers where a place cannot be written to. Other errors are of what is read.
_STORAGE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
    errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP,
}  # fmt: skip


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, what stands there becomes `path`.

    Serves files and folders alike. If the block raises, the temporary is removed and `path` is as it was. What a
    process leaves that is killed meanwhile, `recover` puts right.

    Raises:
        StorageError: the place cannot be written to, or is full.
    """
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = Path(tempfile.mkdtemp(prefix=WRITING, dir=path.parent))
        temporary, aside = holder / path.name, holder / _ASIDE / path.name
        try:
            yield temporary
            if path.is_dir():
                # A folder cannot be renamed over a full one: the old one goes aside, into what is removed below.
                aside.parent.mkdir()
                path.rename(aside)
            os.replace(temporary, path)
        finally:
            _put_back(holder)
            shutil.rmtree(holder, ignore_errors=True)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Say of whatever the system answers to writing in a with-block that it is `path` that cannot be written.

    Raises:
        StorageError: as the system says.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _STORAGE:
            raise
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        remedy = "make room, then run the same command again" if full else "name a place that can be written to"
        raise StorageError(f"{path}: cannot be written ({error.strerror}); {remedy}") from error


@contextmanager
def roomy(*folders: Path) -> Iterator[None]:
    """Hold that a with-block, in which a library writes, did not fill the disk of any of `folders`.

    Libraries of C++ may say anything of a full disk, or nothing: then what they wrote is cut off.

    Raises:
        StorageError: one of them has no room left, whatever the block raised.
    """
    try:
        yield
    except StorageError:
        raise
    except Exception:
        require_room(*folders)
        raise
    require_room(*folders)


def require_room(*folders: Path) -> None:
    """Require that files can be written to each of `folders`, which are made if they are not there.

    Raises:
        StorageError: one cannot be written to, or has no room left.
    """
    for folder in folders:
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(bytes(ROOM_BYTES))


def recover(folder: Path) -> None:
    """Undo what writers that were killed left unfinished in `folder`. Nobody may be writing there now."""
    for holder in folder.glob(f"{WRITING}*"):
        if holder.is_dir() and not holder.is_symlink():
            _put_back(holder)
            shutil.rmtree(holder, ignore_errors=True)


def _put_back(holder: Path) -> None:
    """Move the folder that went aside back to its place, if nothing has taken that."""
    if (holder / _ASIDE).is_symlink():  # no writer of ours made that, and what lies there is not ours
        return
    for aside in (holder / _ASIDE).glob("*"):
        place = holder.parent / aside.name
        if not place.exists():
            aside.rename(place)


def is_inside(path: Path, folder: Path) -> bool:
    """Tell whether what `path` leads to, by links too, lies below `folder`."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_output(option: str, path: Path, text: str) -> None:
    """Write `text` where a user's option says, in UTF-8 with its line ends as they are, whole or not at all.

    A link stays, and what it leads to is replaced.

    Raises:
        UsageError: a folder is there, which must not be lost, or the place cannot be written to.
    """
    if path.is_dir():
        raise UsageError(f"{option} {path}: is a folder; name a file in it")
    if path.is_symlink() and not path.exists():
        raise UsageError(f"{option} {path}: a link that leads nowhere; remove it, or name another file")
    try:
        with replacing(path.resolve() if path.is_symlink() else path) as temporary:
            temporary.write_bytes(text.encode())
    except StorageError as error:
        raise UsageError(f"{option} {error}") from error


def members(path: Path) -> list[Path]:
    """Return the files that `path` consists of: itself, or all below it in a fixed order."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path]


def is_plain(path: Path) -> bool:
    """Tell whether `path` is a regular file, or a folder of nothing but those and folders.

    A link leads elsewhere; a pipe, a socket or a device may never end, or not even open.
    """
    kind = path.lstat().st_mode
    return stat.S_ISREG(kind) or (stat.S_ISDIR(kind) and all(is_plain(below) for below in path.iterdir()))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, or of a folder's relative names and their files' SHA-256."""
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in members(path):
        digest.update(f"{file.relative_to(path).as_posix()}\0{sha256(file)}\n".encode())
    return digest.hexdigest()


def size_bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    return sum(file.stat().st_size for file in members(path))
