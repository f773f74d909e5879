"""How long work tells of itself, without knowing whether a terminal listens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What the pipeline reports to; `reports.progress` draws it, `Silent` drops it."""

    def start(self, task: str, total: int) -> None:
        """Begin `task`, which takes `total` steps; it replaces the task before it."""

    def advance(self, detail: str) -> None:
        """Say that one more step is done, and what it was."""

    def finish(self) -> None:
        """End the task."""

    def log(self, line: str) -> None:
        """Say one line beside the bar."""


class Silent:
    """A `Progress` that says nothing."""

    def start(self, task: str, total: int) -> None:
        """Do nothing."""

    def advance(self, detail: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def log(self, line: str) -> None:
        """Do nothing."""


@contextmanager
def task(progress: Progress, name: str, total: int) -> Iterator[None]:
    """Hold `name` open on `progress` for the length of a with-block, ended also by an error."""
    progress.start(name, total)
    try:
        yield
    finally:
        progress.finish()
