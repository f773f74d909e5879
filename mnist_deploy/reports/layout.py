"""How every table looks: a title and a note as lines of their own, columns that fit a pipe of 100."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from typing import IO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.text import Text

from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.kinds import kind
from mnist_deploy.parity import ParityRow, ProcessorRow
from mnist_deploy.reports.fitted import FittedTable
from mnist_deploy.results import Measurement

WIDTH = 100
QUICK = "[quick] "
# Beyond this the next run may well show another figure.
TRUSTED_HALF_WIDTH = 0.10


def console() -> Console:
    """Return a console for results: as wide as the terminal, 100 columns where there is none."""
    return console_on(sys.stdout, None if sys.stdout.isatty() else WIDTH)


def console_on(stream: IO[str], width: int | None = None) -> Console:
    """Return a console that writes to `stream`, as wide as its terminal if `width` is None.

    Without NO_COLOR (see no-color.org) rich decides on styles: a terminal gets them, and whoever sets FORCE_COLOR.
    """
    plain = os.environ.get("NO_COLOR", "") != ""
    return Console(
        file=stream, width=width, highlight=False, markup=False, no_color=plain, color_system=None if plain else "auto"
    )


def plain(body: RenderableType) -> str:
    """Return what is printed where there is no terminal, for a file."""
    stream = StringIO()
    Console(file=stream, highlight=False, markup=False, width=WIDTH).print(body)
    return stream.getvalue()


def table(
    texts: Sequence[str], numbers: Sequence[str] = (), notes: Sequence[str] = (), *, header: bool = True
) -> FittedTable:
    """Return an empty table: columns of text, which may wrap, then of numbers, which may not, then of notes."""
    made = FittedTable(show_header=header, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in texts:
        made.add_column(name, overflow="fold")
    for name in numbers:
        made.add_column(name, justify="right", no_wrap=True)
    for name in notes:
        made.add_column(name, overflow="fold")
    return made


def titled(title: str, body: FittedTable, notes: Iterable[str] = (), *, quick: bool = False) -> RenderableType:
    """Return `body` below its title, which says so if the run was quick, and above its notes."""
    heading = Text((QUICK if quick else "") + title, style="bold")
    return Group(heading, body, *(Text(note, style="dim") for note in notes), "")


def row(cells: Iterable[str | Text]) -> list[Text]:
    """Return cells as text that is shown to the letter: names may hold what rich takes for markup."""
    return [cell if isinstance(cell, Text) else Text(cell) for cell in cells]


def marker(values: Sequence[float], show: Callable[[float], str], *, highest: bool = False) -> Callable[[float], Text]:
    """Return how to show one of `values`: with a star if it is the best of them, or within 3 % of it.

    That is no verdict: the interval beside a time may well be wider.
    """
    best = max(values) if highest else min(values)

    def mark(value: float) -> Text:
        near = value >= best * (1 - MARGIN) if highest else value <= best * (1 + MARGIN)
        return Text(show(value) + "*", style="bold green") if near else Text(show(value) + " ")

    return mark


def who(one: ParityRow | Measurement | ProcessorRow) -> tuple[str, str]:
    """Return the cells that say what ran where; the CPU, being the rule, goes without saying."""
    return kind(one), one.runtime if one.device == "cpu" else f"{one.runtime} {one.device}"


def trusted(value: str, half_width: float | None) -> str:
    """Return a figure as it is shown: with a ~ where its interval reaches further than 10 %, or there is none."""
    return value if half_width is not None and half_width <= TRUSTED_HALF_WIDTH else f"~{value}"


def quiet_reach(row: Measurement) -> float | None:
    """Return how far the interval of a quiet p50 reaches from it; see `reach`."""
    return reach(row.latency_quiet_s, row.latency_quiet_low_s, row.latency_quiet_high_s)


def reach(centre: float, low: float | None, high: float | None) -> float | None:
    """Return how far an interval reaches from its centre, as a share, on the longer side; None without one."""
    return None if low is None or high is None else max(high / centre - 1, 1 - low / centre)
