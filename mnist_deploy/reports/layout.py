"""How every table looks: a title and a note as lines of their own, columns that fit a pipe of 100."""

from collections.abc import Callable, Iterable, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

WIDTH = 100
# Two figures nearer than this are both marked as best. It is no verdict: the interval beside a p50 may well be wider.
TIE = 0.03
QUICK = "[quick] "


def console() -> Console:
    """Return a console for results: as wide as the terminal, 100 columns where there is none."""
    made = Console(highlight=False, markup=False)
    return made if made.is_terminal else Console(highlight=False, markup=False, width=WIDTH)


def table(texts: Sequence[str], numbers: Sequence[str] = (), notes: Sequence[str] = ()) -> Table:
    """Return an empty table: columns of text, which may wrap, then of numbers, which may not, then of notes."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in texts:
        made.add_column(name, overflow="fold")
    for name in numbers:
        made.add_column(name, justify="right", no_wrap=True)
    for name in notes:
        made.add_column(name, overflow="fold")
    return made


def titled(title: str, body: Table, notes: Iterable[str] = (), *, quick: bool = False) -> RenderableType:
    """Return `body` below its title, which says so if the run was quick, and above its notes."""
    heading = Text((QUICK if quick else "") + title, style="bold")
    return Group(heading, body, *(Text(note, style="dim") for note in notes), "")


def row(cells: Iterable[str | Text]) -> list[Text]:
    """Return cells as text that is shown to the letter: names may hold what rich takes for markup."""
    return [cell if isinstance(cell, Text) else Text(cell) for cell in cells]


def marker(values: Sequence[float], show: Callable[[float], str], *, highest: bool = False) -> Callable[[float], Text]:
    """Return how to show one of `values`: with a star if it is the best of them, or within 3 % of it."""
    best = max(values) if highest else min(values)

    def mark(value: float) -> Text:
        near = value >= best * (1 - TIE) if highest else value <= best * (1 + TIE)
        return Text(show(value) + "*", style="bold green") if near else Text(show(value) + " ")

    return mark
