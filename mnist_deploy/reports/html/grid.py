"""A table of the page: what is shown, and the raw values that it sorts by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mnist_deploy.reports.columns import not_shown


@dataclass(frozen=True)
class Cell:
    """What one cell shows, and the value that it sorts by; an empty one sorts last, whatever the direction."""

    text: str
    sort: str


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        number: whether it holds numbers.
        meaning: a longer word for what it holds.
        order: 'ascending' or 'descending' where the rows are in that order to begin with.
        absent: why a table has no value in this column at all; see `Grid.without_empty_columns`.
        folds: whether it is part of a row's name, so that a narrow screen shows it below the first cell.
    """

    name: str
    number: bool = False
    meaning: str = ""
    order: str = ""
    absent: str = ""
    folds: bool = False


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

    def without_empty_columns(self) -> "Grid":
        """Return the table without columns that have no value in any row; its notes name them, and why."""
        places = range(len(self.columns))
        kept = [place for place in places if not self.rows or any(row.cells[place].sort for row in self.rows)]
        empty = [self.columns[place] for place in places if place not in kept]
        return replace(
            self,
            columns=[self.columns[place] for place in kept],
            rows=[replace(row, cells=[row.cells[place] for place in kept]) for row in self.rows],
            notes=[*self.notes, *not_shown((column.name, column.absent) for column in empty)],
        )

    def name_details(self, row: Row) -> str:
        """Return what a narrow screen shows below the first cell of a row: the rest of its name."""
        pairs = list(zip(self.columns, row.cells, strict=True))[1:]
        return " · ".join(f"{column.name} {cell.text}" if column.number else cell.text
                          for column, cell in pairs if column.folds)  # fmt: skip


def text(value: str | None) -> Cell:
    """Return a cell of text; '-' for none."""
    return Cell(value or "-", value or "")


def number(value: float | None, show: Callable[[float], str] = str) -> Cell:
    """Return a cell with a number, which sorts by its own value and not by what is shown; '-' for none."""
    return Cell("-", "") if value is None else Cell(show(value), repr(float(value)))
