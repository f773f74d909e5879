"""How long work tells of itself, without knowing whether a terminal listens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Standing:
    """One measured thing among others of the same `group`, and its time in quiet moments so far."""

    group: str
    label: str
    quiet_s: float


@dataclass(frozen=True)
class Board:
    """How a measurement stands.

    Attributes:
        cells: how many things are measured.
        passes: how many passes there will be.
        passes_done: how many of them are whole.
        bursts: how many are measured so far.
        disturbed: how many of those were disturbed.
        standings: the figures so far, group by group, the fastest first in each.
    """

    cells: int
    passes: int
    passes_done: int
    bursts: int
    disturbed: int
    standings: tuple[Standing, ...]


class Progress(Protocol):
    """What the pipeline reports to; `reports.progress` draws it, `Silent` drops it."""

    def start(self, task: str, total: int) -> None:
        """Begin `task`, which takes `total` steps; it replaces the task before it."""

    def advance(self, detail: str) -> None:
        """Say that one more step is done, and what it was."""

    def expect(self, left_s: float | None) -> None:
        """Say how long the task will still take, in seconds; None says that nobody knows."""

    def show(self, board: Board) -> None:
        """Say how the measurement stands; told only while nothing is being measured."""

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

    def expect(self, left_s: float | None) -> None:
        """Do nothing."""

    def show(self, board: Board) -> None:
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
