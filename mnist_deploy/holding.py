"""One folder, one writer: who writes to artifacts/ holds it, and others wait and are told for whom.

Readers need no hold: every file is replaced whole.
"""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel

from mnist_deploy import documents, files
from mnist_deploy.progress import Progress

LOCK, HOLDER = ".lock", ".holder.json"
# What waits looks this often: rarely enough to disturb no measurement.
LOOK_S = 1.0


class Holder(BaseModel):
    """Who holds a folder: its command, its process on its machine, and since when."""

    command: str
    process: int
    machine: str
    since: datetime

    @property
    def label(self) -> str:
        """The holder in words."""
        where = "" if self.machine == platform.node() else f" on {self.machine}"
        return f"{self.command} (process {self.process}{where}, since {self.since:%Y-%m-%d %H:%M:%S} UTC)"


@contextmanager
def held(folder: Path, command: str, progress: Progress) -> Iterator[None]:
    """Hold `folder`, which is made if it is not there, for a with-block; wait as long as another process holds it.

    The lock is the system's (flock), so it ends with the process that has it, however that ends.

    Raises:
        StorageError: the folder cannot be written to.
    """
    with files.storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.log(f"{folder} is in use by {_holder(folder)}; waiting until that ends (Ctrl-C gives up)")
            lock.acquire(poll_interval=LOOK_S)
    try:
        mine = Holder(command=command, process=os.getpid(), machine=platform.node(), since=datetime.now(UTC))
        files.write_text(folder / HOLDER, mine.model_dump_json() + "\n")
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def _holder(folder: Path) -> str:
    """Say who holds `folder`; it may have written nothing yet, or have just ended."""
    try:
        return Holder.model_validate(documents.read(folder / HOLDER)).label
    except (OSError, ValueError):
        return "another process"
