"""Progress: a bar on a terminal, plain lines elsewhere. Drawn only when told, never by a thread of its own."""

import time

from rich.console import Console
from rich.control import Control
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.segment import ControlType

from mnist_deploy.progress import Board
from mnist_deploy.reports.board import standings

# Elsewhere than on a terminal a line this often is enough: logs are read afterwards.
LINE_EVERY_S = 5.0
# Beside it the figures have room on a terminal of 40 columns.
BAR_WIDTH = 12


class Remaining:
    """How long a task still takes: as was said, else as long a step as the steps before took."""

    def __init__(self, total: int) -> None:
        """Begin now."""
        self.done, self.total = 0, total
        self._began = time.monotonic()
        self._end: float | None = None

    def told(self, left_s: float | None) -> None:
        """Take it that `left_s` is left; None tells nothing."""
        self._end = None if left_s is None else time.monotonic() + left_s

    def __str__(self) -> str:
        """Return it in words; nothing where nothing is known."""
        now = time.monotonic()
        if self._end is not None:
            return _clock(max(0.0, self._end - now))
        if not self.done:
            return ""
        return _clock((now - self._began) / self.done * (self.total - self.done))


class BarProgress:
    """A rich bar with what was done last and the time left, below a table of how a measurement stands.

    A refresh thread would take turns on a core with what is being measured; so the bar moves with the events only, and
    the table changes only when it is shown.
    """

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._remaining = Remaining(0)
        self._height, self._drawn_on = 0, console.size

    def start(self, task: str, total: int) -> None:
        """Show a new bar."""
        self.finish()
        if total == 0:
            return
        self._remaining = Remaining(total)
        texts = (TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("left", "detail"))
        columns = (TextColumn("{task.description}"), BarColumn(BAR_WIDTH), MofNCompleteColumn(), *texts)
        self._bar = Progress(*columns, console=self._console, auto_refresh=False)
        self._task = self._bar.add_task(task, total=total, left="", detail="")
        self._bar.start()

    def advance(self, detail: str) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._remaining.done += 1
            left = str(self._remaining)
            self._bar.update(self._task, advance=1, left=left, detail=self._fitting(detail, left), refresh=True)

    def expect(self, left_s: float | None) -> None:
        """Learn how long it takes."""
        self._remaining.told(left_s)

    def show(self, board: Board) -> None:
        """Put the table above the bar, in the place of the one before."""
        if self._bar is not None:
            self._replace(board)

    def finish(self) -> None:
        """Leave the bar where it is, without a table: what was so far is not what came of it."""
        if self._bar is not None:
            self._bar.update(self._task, left="", detail="")
            self._replace(None)
            self._bar.refresh()
            self._bar.stop()
            self._bar = None

    def log(self, line: str) -> None:
        """Print a line above the bar."""
        self._height = 0  # a table that is there stays above it
        self._console.print(line, highlight=False, markup=False)

    def _fitting(self, detail: str, left: str) -> str:
        """Return as many of the detail's parts as the line has room for, so that rich cuts nothing off."""
        name = self._bar.tasks[self._task].description if self._bar is not None else ""
        counts = 2 * len(str(self._remaining.total)) + 1
        room = self._console.width - len(name) - BAR_WIDTH - counts - len(left) - 4
        parts = detail.split(", ")
        while parts and len(", ".join(parts)) > room:
            parts.pop()
        return ", ".join(parts)

    def _replace(self, board: Board | None) -> None:
        """Erase the table that stands above the bar and draw `board` there."""
        size = self._console.size
        if size != self._drawn_on:  # the terminal has wrapped its lines anew, and nobody knows where they are
            self._height, self._drawn_on = 0, size
        erase = Control(*((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * self._height)
        # One line is the bar's, and one is where a terminal puts its cursor at the end.
        lines = [] if board is None else standings(board, size.width, size.height - 2)
        self._height = len(lines)
        if lines:
            self._console.print(erase, *lines, sep="\n")
        else:
            self._console.print(erase, end="")


class LineProgress:
    """One line at the start, then at most one every five seconds and one a pass, and one at the end."""

    def __init__(self, console: Console) -> None:
        """Print on `console`."""
        self._console = console
        self._task, self._last, self._began, self._passes = "", 0.0, 0.0, 0
        self._remaining = Remaining(0)

    def start(self, task: str, total: int) -> None:
        """Begin to count."""
        self._task, self._remaining, self._passes = task, Remaining(total), 0
        self._last = self._began = time.monotonic()

    def advance(self, detail: str) -> None:
        """Count, and say so if the last line is a while ago."""
        self._remaining.done += 1
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            self.log(f"{self._counted()}, about {self._remaining} left: {detail}")

    def expect(self, left_s: float | None) -> None:
        """Learn how long it takes."""
        self._remaining.told(left_s)

    def show(self, board: Board) -> None:
        """Say so of each pass that is whole."""
        if board.passes_done > self._passes:
            self._passes = board.passes_done
            done = f"{self._task} pass {board.passes_done} of {board.passes} done"
            self.log(f"{done}: {board.disturbed} of {board.bursts} bursts disturbed so far")

    def finish(self) -> None:
        """Say how far it came."""
        if self._remaining.total:
            self.log(f"{self._counted()} done in {time.monotonic() - self._began:.1f} s")
            self._remaining = Remaining(0)

    def log(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _counted(self) -> str:
        return f"{self._task} {self._remaining.done}/{self._remaining.total}"


def _clock(seconds: float) -> str:
    """Return a time to wait as people say it: '8 s', '4:05 min', '1:02 h'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02} h"
