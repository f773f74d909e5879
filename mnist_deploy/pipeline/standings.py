"""How a measurement stands between its processes: the figures so far, by the rules of the final ones."""

import time
from collections.abc import Sequence

import numpy as np

from mnist_deploy.benchmark import statistics
from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording
from mnist_deploy.benchmark.schedule import Plan, Session
from mnist_deploy.kinds import kind
from mnist_deploy.pipeline.outlook import Outlook
from mnist_deploy.plural import counted
from mnist_deploy.progress import Board, Progress, Standing


class Watch:
    """Tells `progress` how a measurement stands. It is told, and tells, only while no process measures."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        """Watch a measurement that begins now."""
        self._plan, self._progress = plan, progress
        self._outlook = Outlook(plan, time.monotonic())
        self._since = 0.0

    def begin_pass(self, sessions: Sequence[Session]) -> None:
        """A pass begins."""
        steps = {_name(one): len(one.cells) * self._plan.rounds for one in sessions}
        self._outlook.begin_pass(steps, time.monotonic())
        self._since = time.monotonic()

    def measured(self, session: Session, records: dict[CellKey, list[PassRecord]], passes: int, done: int) -> None:
        """A process has ended; show what `records` hold now, in pass `done` + 1 of `passes`."""
        now = time.monotonic()
        self._outlook.took(_name(session), now - self._since)
        self._progress.show(board(records, passes, done, self._outlook.left_s(passes - done - 1, now)))
        self._since = time.monotonic()

    def end_pass(self, records: dict[CellKey, list[PassRecord]], passes: int, done: int) -> None:
        """A pass has ended, which makes `done` of `passes`."""
        now = time.monotonic()
        self._outlook.end_pass(now)
        self._progress.show(board(records, passes, done, self._outlook.left_s(passes - done, now)))


def board(records: dict[CellKey, list[PassRecord]], passes: int, done: int, left_s: float | None) -> Board:
    """Return the board of what was measured so far; the cell that is measured twice counts once.

    Which slices count is judged anew each time, since the quiet moments of a run become known as it goes.
    """
    recording = Recording(records)
    reasons = recording.reasons()
    standings: list[Standing] = []
    planned = disturbed = 0
    for key, passed in records.items():
        p50s, trusted, spoiled = [], [], recording.spoiled_beside(key)
        for number, record in enumerate(passed):
            clean = [one for one in record.slices if not reasons(key, one)]
            turns = {one.turn for one in record.slices}
            planned += len(turns)
            disturbed += len(turns - {one.turn for one in clean})
            counting = [one for one in clean if (number, one.turn) not in spoiled]
            p50s.append(float(np.median([one.p50_ns for one in counting or record.slices])) / 1e9)
            trusted.append(bool(counting))
        if p50s and not key.twin:
            p50_s = float(np.median([p50s[number] for number in statistics.counted(trusted)]))
            standings.append(Standing(_group(key), _label(key), p50_s))
    groups = list(dict.fromkeys(_group(key) for key in records))
    standings.sort(key=lambda one: (groups.index(one.group), one.p50_s))
    return Board(
        cells=sum(not key.twin for key in records),
        measured=len(standings),
        passes=passes,
        passes_done=done,
        slices=planned,
        disturbed=disturbed,
        left_s=left_s,
        standings=tuple(standings),
    )


def _name(session: Session) -> tuple[str, str, int]:
    return session.runtime, session.device, session.threads


def _group(key: CellKey) -> str:
    return f"{key.architecture}, batch {key.batch_size}, {counted(key.threads, 'thread')}"


def _label(key: CellKey) -> str:
    where = key.runtime if key.device == "cpu" else f"{key.runtime} {key.device}"
    return f"{f'{key.side}: ' if key.side else ''}{kind(key)} in {where}"
