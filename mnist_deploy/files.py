"""Files that are whole or absent: written under a temporary name, then renamed."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_deploy.errors import UsageError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, what stands there becomes `path`.

    Serves files and folders alike. If the block raises, the temporary is removed and `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=".writing-", dir=path.parent))
    temporary, aside = holder / path.name, holder / "replaced"
    try:
        yield temporary
        if path.is_dir():
            # A folder cannot be renamed over a full one: the old one goes aside, into what is removed below.
            path.rename(aside)
        os.replace(temporary, path)
    finally:
        if aside.exists() and not path.exists():
            aside.rename(path)
        shutil.rmtree(holder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_output(option: str, path: Path, text: str) -> None:
    """Write `text` where a user's option says, in UTF-8 with its line ends as they are, whole or not at all.

    Raises:
        UsageError: a folder is there, which must not be lost, or the place cannot be written to.
    """
    if path.is_dir():
        raise UsageError(f"{option} {path}: is a folder; name a file in it")
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(f"{option} {path}: cannot be written ({error.strerror}); name another place") from error


def members(path: Path) -> list[Path]:
    """Return the files that `path` consists of: itself, or all below it in a fixed order."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    return [path]


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
