"""How every table looks: a title and notes as lines of their own, and as many columns as hold something."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import IO

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.text import Text

from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.errors import printable
from mnist_deploy.kinds import kind
from mnist_deploy.parity import ParityRow, ProcessorRow
from mnist_deploy.reports.fitted import FittedTable
from mnist_deploy.reports.units import percent, seconds
from mnist_deploy.results import Measurement

WIDTH, LEAST_WIDTH = 100, 20
QUICK = "[quick] "
# Beyond this the next run may well show another figure.
TRUSTED_HALF_WIDTH = 0.10
BEST, DOUBTFUL = "*", "~"


class ReportConsole(Console):
    """A console that shows names from files to the letter, without what would steer the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render; in texts every unprintable character but a line's end becomes a '?' or a space."""
        if isinstance(renderable, Text):
            plain = "\n".join(map(one_line, renderable.plain.split("\n")))
            if plain != renderable.plain:
                renderable = renderable.copy()
                renderable.plain = plain
        return super().render(renderable, options)


def console() -> Console:
    """Return a console for results: as wide as COLUMNS says, else as the terminal, else 100 columns."""
    return console_on(sys.stdout, max(LEAST_WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def console_on(stream: IO[str], width: int | None = None) -> Console:
    """Return a console that writes to `stream`, as wide as its terminal if `width` is None.

    Without NO_COLOR (see no-color.org) rich decides on styles: a terminal gets them, and whoever sets FORCE_COLOR.
    """
    plain = os.environ.get("NO_COLOR", "") != ""
    return ReportConsole(
        file=stream, width=width, highlight=False, markup=False, no_color=plain, color_system=None if plain else "auto"
    )


def plain(body: RenderableType) -> str:
    """Return what is printed where there is no terminal, for a file."""
    stream = StringIO()
    ReportConsole(file=stream, highlight=False, markup=False, width=WIDTH).print(body)
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


def titled(
    title: str,
    body: FittedTable,
    notes: Iterable[str] = (),
    *,
    missing: Mapping[str, str] | None = None,
    quick: bool = False,
) -> RenderableType:
    """Return `body` below its title, which says so if the run was quick, and above its notes.

    Args:
        title: what the table shows.
        body: the table; columns that are empty in every row are left out.
        notes: what stands below it, each on lines of its own.
        missing: by the name of a column, what is said below the table if that column is left out.
        quick: whether the run was quick.
    """
    heading = Text((QUICK if quick else "") + one_line(title), style="bold")
    kept, left_out = body.without_empty_columns()
    reasons = dict.fromkeys(missing[name] for name in left_out if missing and missing.get(name))
    return Group(heading, kept, *(Text(one_line(note), style="dim") for note in (*notes, *reasons)), "")


def row(cells: Iterable[str | Text]) -> list[Text]:
    """Return cells as text that is shown to the letter: names may hold what rich takes for markup."""
    return [cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in cells]


def one_line(text: str) -> str:
    """Return foreign text as one line whose width on a terminal is known: unprintable characters are a '?' each."""
    return printable(re.sub(r"\s", " ", text))


def symbols(body: FittedTable) -> Iterator[str]:
    """Yield what each symbol means that `marker` and `trusted` left in a table."""
    cells = [cell.plain.strip() for cells, _ in body.contents() for cell in cells]
    if any(cell.endswith(BEST) for cell in cells):
        yield f"{BEST} best of the column, or within {MARGIN:.0%} of it."
    if any(cell.startswith(DOUBTFUL) for cell in cells):
        far = f"another run may differ by over {TRUSTED_HALF_WIDTH:.0%}"
        yield f"{DOUBTFUL} not to rely on: {far}, or passes or calls are too few."


def marker(values: Sequence[float], show: Callable[[float], str], *, highest: bool = False) -> Callable[[float], Text]:
    """Return how to show one of `values`: with a star if it is the best of them, or within 3 % of it.

    That is no verdict: the interval beside a time may well be wider.
    """
    best = max(values) if highest else min(values)

    def mark(value: float) -> Text:
        near = value >= best * (1 - MARGIN) if highest else value <= best * (1 + MARGIN)
        return Text(show(value) + BEST, style="bold green") if near else Text(show(value) + " ")

    return mark


def who(one: ParityRow | Measurement | ProcessorRow) -> tuple[str, str]:
    """Return the cells that say what ran where; the CPU, being the rule, goes without saying."""
    return kind(one), one.runtime if one.device == "cpu" else f"{one.runtime} {one.device}"


def trusted(value: str, half_width: float | None) -> str:
    """Return a figure as it is shown: with a ~ where its interval reaches further than 10 %, or there is none."""
    sure = value == "-" or (half_width is not None and half_width <= TRUSTED_HALF_WIDTH)
    return value if sure else f"{DOUBTFUL}{value}"


def quiet_reach(row: Measurement) -> float | None:
    """Return how far the interval of a quiet p50 reaches from it; see `reach`."""
    return reach(row.latency_quiet_s, row.latency_quiet_low_s, row.latency_quiet_high_s)


def quiet_p50(row: Measurement) -> str:
    """Return a quiet p50 with how far its 95 % interval reaches, where it has one: '1.76 us ±2.8%'."""
    far = quiet_reach(row)
    return seconds(row.latency_quiet_s) + ("" if far is None else f" ±{percent(far)}")


def reach(centre: float, low: float | None, high: float | None) -> float | None:
    """Return how far an interval reaches from its centre, as a share, on the longer side; None without one."""
    return None if low is None or high is None else max(high / centre - 1, 1 - low / centre)
