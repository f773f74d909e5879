"""A table of the page: what is shown, and the raw values that it sorts by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """What one cell shows, and the value that it sorts by; an empty one sorts last, whatever the direction."""

    text: str
    sort: str


@dataclass(frozen=True)
class Column:
    """A column's name, whether it holds numbers, a longer word for what it holds, and whether rows come ordered by it.

    `order` is 'ascending' or 'descending' where the rows are in that order to begin with.
    """

    name: str
    number: bool = False
    meaning: str = ""
    order: str = ""


@dataclass(frozen=True)
class Row:
    """The cells of a row; a bad one is marked, and one with a warning in another color unless it is bad too."""

    cells: Sequence[Cell]
    bad: bool = False
    warning: bool = False


@dataclass(frozen=True)
class Grid:
    """A table with its caption, and notes below it."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default=())


def text(value: str | None) -> Cell:
    """Return a cell of text; '-' for none."""
    return Cell(value or "-", value or "")


def number(value: float | None, show: Callable[[float], str] = str) -> Cell:
    """Return a cell with a number, which sorts by its own value and not by what is shown; '-' for none."""
    return Cell("-", "") if value is None else Cell(show(value), repr(float(value)))
