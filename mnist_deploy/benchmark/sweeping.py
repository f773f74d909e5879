"""One pass: fresh workers of all runtimes are alive, all but one stopped, and bursts of their cells go round in sweeps.

What slows a shared machine down comes and goes within milliseconds to minutes. Many short bursts in many moments meet
quiet moments too, and cells whose bursts lie side by side meet the same ones. Figures: docs/explanation/measurement.md.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from mnist_deploy.benchmark import bounds, noise, schedule
from mnist_deploy.benchmark.pool import CrowdedError, LiveWorker, PassResult, WorkerPool
from mnist_deploy.benchmark.schedule import Cell, Plan, Session

# Another worker is started only where this much memory would be left: TensorFlow with XLA, the largest of all, takes
# 0.9 GB with its host.
ROOM_BYTES = 1024**3


class Sweeper:
    """Measures passes; a context manager that keeps hosts, which have imported their libraries, between passes.

    Attributes:
        most_alive: how many workers memory let be alive at once; None while it held all that there were.
        shortest_s: how long the last pass would have taken with the fewest sweeps, in seconds.
    """

    def __init__(self, plan: Plan, images: Path, on_step: Callable[[str, int], None]) -> None:
        """Start nothing yet.

        Args:
            plan: how much is measured.
            images: an .npy file of uint8 images (N, 28, 28), in a folder for workers' files.
            on_step: is told what was done last, and how many of a pass's steps that makes: each cell has one for its
                load and one for its bursts. It is told only while no worker runs.
        """
        self.most_alive: int | None = None
        self.shortest_s = 0.0
        self._plan, self._on_step = plan, on_step
        self._pool = WorkerPool(plan, images, lambda cell: on_step(cell.label, 1))

    def __enter__(self) -> Self:
        """Return the sweeper."""
        return self

    def __exit__(self, *error: object) -> None:
        """End all hosts and workers."""
        self._pool.close()

    def measure(self, cells: Sequence[Cell], order: random.Random, end_s: float | None, result: PassResult) -> None:
        """Measure one pass.

        Cells of one number of threads are alive together; where memory does not hold all of their workers, as many as
        it does.

        Args:
            cells: what is measured.
            order: decides the order of everything.
            end_s: when it is to end, on the monotonic clock; None lets it have all its sweeps.
            result: where what is measured is entered, also what was measured when an interruption comes.
        """
        began, saved_s, result.sweeps = time.monotonic(), 0.0, self._plan.sweeps
        threads = list(dict.fromkeys(cell.use.threads for cell in cells))
        for count in order.sample(threads, len(threads)):
            waiting = schedule.sessions([cell for cell in cells if cell.use.threads == count], order, timed=True)
            while waiting:
                try:
                    waiting = self._fill(waiting, result)
                    alive = sum(len(one.strides) for one in self._pool.live)
                    now, left = time.monotonic(), len(cells) - len(result.failed) - result.measured()
                    until = None if end_s is None else now + (end_s - now) * alive / max(alive, left, 1)
                    crowded, sweeps = self._sweep(result, order, until)
                    saved_s += (time.monotonic() - now) * (1 - min(1.0, self._plan.min_sweeps / max(1, sweeps)))
                    waiting += crowded
                    result.sweeps = min(result.sweeps, sweeps) if alive else result.sweeps
                except BaseException:  # an interruption: what has some of its sweeps is not measured
                    for one in self._pool.live:
                        result.forget(one.session.cells)
                    raise
                finally:
                    self._pool.end_workers()
                if waiting:  # hosts that stay would hold the memory that is wanted
                    self._pool.close()
        self.shortest_s = time.monotonic() - began - saved_s

    def _fill(self, waiting: list[Session], result: PassResult) -> list[Session]:
        """Start workers and load their cells, as many as memory holds; return the sessions that wait."""
        while waiting:
            alive = len(self._pool.live)
            if alive and (alive == self.most_alive or bounds.free_bytes() < ROOM_BYTES):
                self.most_alive = min(alive, self.most_alive or alive)
                break
            session, *waiting = waiting
            try:
                self._pool.start(session, result)
            except CrowdedError:
                waiting.append(self._alone(self._pool.live[-1], result))
        return waiting

    def _sweep(self, result: PassResult, order: random.Random, until: float | None) -> tuple[list[Session], int]:
        """Let bursts go round; return sessions that need more memory than there is beside others, and the sweeps."""
        plan, live, crowded, sweep, done = self._plan, self._pool.live, list[Session](), 0, 0
        total, start, others = sum(len(one.strides) for one in live), time.monotonic(), noise.OtherPrograms()
        # Sweeps of a pass are numbered on: what was not alive together has none in common.
        first = 1 + max((one.sweep for record in result.records.values() for one in record.bursts), default=-1)
        while sweep < plan.sweeps and any(one.strides for one in live):
            if sweep >= plan.min_sweeps and until is not None and time.monotonic() > until:
                break
            where = {cell: one for one in live for cell in one.strides}
            tables = schedule.tables(where)
            for table in order.sample(tables, len(tables)):
                due = [cell for cell in schedule.sweep(table, order) if sweep % where[cell].strides.get(cell, 1) == 0]
                crowded += self._bursts(due, where, result, first + sweep)
            sweep += 1
            share = sweep / plan.sweeps
            if until is not None and sweep > plan.min_sweeps:
                share = max(share, (time.monotonic() - start) / max(1e-9, until - start))
            steps = int(min(1.0, share) * total) - done
            self._on_step(table[0].artifact.architecture, steps)
            done += steps
        self._on_step("", total - done)
        others_cpus = others.cpus()
        for cell in (cell for one in live for cell in one.strides):
            result.records[cell] = replace(result.records[cell], others_cpus=others_cpus)
        return crowded, sweep

    def _bursts(
        self, due: Sequence[Cell], where: Mapping[Cell, LiveWorker], result: PassResult, sweep: int
    ) -> list[Session]:
        """Take a burst of each cell of one table; return sessions that need more memory than there is beside others."""
        probe_s, crowded = noise.probe(due[0].use.threads) if due else 0.0, []
        for cell in due:
            if cell in where[cell].strides:  # neither failed nor crowded out meanwhile
                try:
                    self._pool.burst(where[cell], cell, result, sweep, probe_s)
                except CrowdedError:
                    crowded.append(self._alone(where[cell], result))
        return crowded

    def _alone(self, one: LiveWorker, result: PassResult) -> Session:
        """Return a session that is to be measured with nothing beside it, as all are from now on."""
        self.most_alive = 1
        return self._pool.remove(one, result)
