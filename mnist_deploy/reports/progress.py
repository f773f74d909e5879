"""Progress: a bar on a terminal, plain lines elsewhere. Drawn only when told, never by a thread of its own."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

# Elsewhere than on a terminal a line this often is enough: logs are read afterwards.
LINE_EVERY_S = 5.0


class BarProgress:
    """A rich bar with what was done last and the time left.

    A refresh thread would take turns on a core with what is being measured; so the bar moves with the events only.
    """

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def start(self, task: str, total: int) -> None:
        """Show a new bar."""
        self.finish()
        if total == 0:
            return
        columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, TextColumn("{task.fields[detail]}"), console=self._console, auto_refresh=False)
        self._task = self._bar.add_task(task, total=total, detail="")
        self._bar.start()

    def advance(self, detail: str) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(self._task, advance=1, detail=detail, refresh=True)

    def finish(self) -> None:
        """Leave the bar where it is."""
        if self._bar is not None:
            self._bar.update(self._task, detail="", refresh=True)
            self._bar.stop()
            self._bar = None

    def log(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, highlight=False, markup=False)


class LineProgress:
    """One line at the start, then at most one every five seconds, and one at the end."""

    def __init__(self, console: Console) -> None:
        """Print on `console`."""
        self._console = console
        self._task, self._done, self._total, self._last = "", 0, 0, 0.0

    def start(self, task: str, total: int) -> None:
        """Begin to count."""
        self._task, self._done, self._total = task, 0, total
        self._last = self._began = time.monotonic()

    def advance(self, detail: str) -> None:
        """Count, and say so if the last line is a while ago."""
        self._done += 1
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S:
            self._last = now
            left = (now - self._began) / self._done * (self._total - self._done)
            self.log(f"{self._task} {self._done}/{self._total}, about {left:.0f} s left: {detail}")

    def finish(self) -> None:
        """Say how far it came."""
        if self._total:
            took = time.monotonic() - self._began
            self.log(f"{self._task} {self._done}/{self._total} done in {took:.1f} s")
            self._total = 0

    def log(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
