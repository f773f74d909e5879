"""How a measurement stands after each pass, and how far it is: the figures so far, by the rules of the final ones."""

import time

from mnist_deploy.benchmark.recording import CellKey, Recording
from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.kinds import kind
from mnist_deploy.pipeline.outlook import Outlook
from mnist_deploy.plural import counted
from mnist_deploy.progress import Board, Progress, Standing


class Watch:
    """Tells `progress` how a measurement stands. It is told, and tells, only while no worker runs."""

    def __init__(self, plan: Plan, progress: Progress, steps: int) -> None:
        """Watch a measurement of passes that have so many steps each, which begins now."""
        self._progress, self._steps = progress, steps
        self._outlook = Outlook(plan, time.monotonic())
        self._done = self._passes_after = self._total = 0

    def begin_pass(self, number: int, passes: int) -> None:
        """Pass `number`, counted from 0, of `passes` begins."""
        self._outlook.begin_pass(time.monotonic())
        self._done, self._passes_after = 0, passes - number - 1
        if passes != self._total:
            self._progress.start("bench" if not self._total else "bench, more passes", (passes - number) * self._steps)
            self._total = passes

    def step(self, detail: str, steps: int) -> None:
        """So many steps of the pass that runs are done, the last of them being `detail`."""
        self._done += steps
        for _ in range(steps):
            self._progress.advance(detail)
        left_s = self._outlook.left_s(self._done / self._steps, self._passes_after, time.monotonic())
        self._progress.expect(left_s)

    def end_pass(self, recording: Recording, done: int, passes: int) -> None:
        """A pass has ended, which makes `done` of `passes`."""
        self._outlook.end_pass(time.monotonic())
        self._progress.show(board(recording, done, passes))


def board(recording: Recording, done: int, passes: int) -> Board:
    """Return the board of what was measured so far; the cell that is measured twice counts once."""
    standings = [
        Standing(_group(key), _label(key), recording.quiet(key).value) for key in recording.passes if not key.twin
    ]
    groups = list(dict.fromkeys(_group(key) for key in recording.passes))
    standings.sort(key=lambda one: (groups.index(one.group), one.quiet_s))
    bursts, disturbed = recording.disturbances()
    return Board(
        cells=len(standings),
        passes=passes,
        passes_done=done,
        bursts=bursts,
        disturbed=disturbed,
        standings=tuple(standings),
    )


def _group(key: CellKey) -> str:
    return f"{key.architecture}, batch {key.batch_size}, {counted(key.threads, 'thread')}"


def _label(key: CellKey) -> str:
    where = key.runtime if key.device == "cpu" else f"{key.runtime} {key.device}"
    return f"{f'{key.side}: ' if key.side else ''}{kind(key)} in {where}"
