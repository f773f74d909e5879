"""How a measurement stands, as a few lines that fit a terminal: the fastest so far in each network and use."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text

from mnist_deploy.plural import counted
from mnist_deploy.progress import Board, Standing
from mnist_deploy.reports.units import seconds

MAX_ROWS = 12


def standings(board: Board, width: int, height: int) -> list[Text]:
    """Return at most `height` lines of at most `width` columns: a summary, and the fastest of each group.

    Where there is room, all groups have as many of the next ones. Nothing is cut: what is too wide is left out.
    """
    summary = next((text for text in _summaries(board) if len(text) <= width), None)
    lines = [Text(summary, style="bold")] if summary else []
    room = min(MAX_ROWS, height - len(lines))
    groups = [list(members) for _, members in groupby(board.standings, key=lambda one: one.group)]
    for layout in (_beside, _below):
        each = layout.room(len(groups), room)
        rows = layout.rows([group[:each] for group in groups]) if each else []
        if rows and max(map(len, rows)) <= width:
            return [*lines, *map(Text, rows)]
    return lines[: max(0, height)]


def _summaries(board: Board) -> tuple[str, str, str]:
    """Return what there is to say of the whole, in ever fewer words."""
    passes = f"after pass {board.passes_done} of {board.passes}"
    cells = counted(board.cells, "cell")
    disturbed = f"{board.disturbed} of {counted(board.bursts, 'burst')} disturbed"
    return f"Fastest so far, {passes}: {cells}, {disturbed}", f"{passes}: {cells}, {disturbed}", passes


@dataclass(frozen=True)
class _Layout:
    """How groups become lines, and how many lines a group takes besides those of its members."""

    rows: Callable[[list[list[Standing]]], list[str]]
    extra: int

    def room(self, groups: int, lines: int) -> int:
        """Return how many members of each group there is room for."""
        return max(0, lines // groups - self.extra) if groups else 0


def _in_one_line(groups: list[list[Standing]]) -> list[str]:
    wide = max(len(group[0].group) for group in groups)
    return [
        f"{one.group if place == 0 else '':{wide}}  {line}"
        for group, lines in zip(groups, _members(groups), strict=True)
        for place, (one, line) in enumerate(zip(group, lines, strict=True))
    ]


def _under_a_title(groups: list[list[Standing]]) -> list[str]:
    return [
        line
        for group, lines in zip(groups, _members(groups), strict=True)
        for line in (group[0].group, *(f"  {one}" for one in lines))
    ]


def _members(groups: list[list[Standing]]) -> list[list[str]]:
    """Return each member's name and figure, aligned over all groups."""
    wide = max(len(one.label) for group in groups for one in group)
    return [[f"{one.label:{wide}}  {seconds(one.quiet_s):>7}" for one in group] for group in groups]


_beside, _below = _Layout(_in_one_line, 0), _Layout(_under_a_title, 1)
