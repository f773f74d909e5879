"""Workers that are alive together: started, loaded, asked for bursts, and replaced where one dies."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mnist_deploy.benchmark import schedule
from mnist_deploy.benchmark.messages import Action, Burst, Failed, Loaded
from mnist_deploy.benchmark.process import Host
from mnist_deploy.benchmark.recording import BurstRecord, PassRecord
from mnist_deploy.benchmark.schedule import Cell, Plan, Session
from mnist_deploy.benchmark.workers import OUT_OF_MEMORY, Worker, WorkerDiedError


@dataclass
class PassResult:
    """What one pass measured: records and first loads of the cells that have not failed, and why the others have.

    `sweeps` is the fewest that any table had. `bare` holds, of each burst that has a bare loop beside it, the median
    call and the bare loop's, in nanoseconds.
    """

    records: dict[Cell, PassRecord] = field(default_factory=dict)
    loaded: dict[Cell, Loaded] = field(default_factory=dict)
    failed: dict[Cell, str] = field(default_factory=dict)
    bare: dict[Cell, list[tuple[float, float]]] = field(default_factory=dict)
    sweeps: int = 0

    def fail(self, cells: Sequence[Cell], reason: str) -> None:
        """Enter why cells failed, in the place of what was measured of them."""
        self.failed |= dict.fromkeys(cells, reason)
        self.forget(cells)

    def forget(self, cells: Sequence[Cell]) -> None:
        """Drop what was measured of cells."""
        for cell in cells:
            self.records.pop(cell, None)

    def measured(self) -> int:
        """Return how many cells have a burst."""
        return sum(bool(record.bursts) for record in self.records.values())


class CrowdedError(Exception):
    """The kernel ended a worker that was not alone for want of memory."""


@dataclass
class LiveWorker:
    """A session whose worker is alive.

    Attributes:
        strides: the cells that it has loaded; each takes part in every n-th sweep, n being its value here.
    """

    session: Session
    worker: Worker
    strides: dict[Cell, int] = field(default_factory=dict)


class WorkerPool:
    """The hosts of a measurement, which have imported their libraries and stay between passes, and their workers.

    Where a worker dies the cell that it had in hand fails, and a fresh one loads the others of its session.

    Attributes:
        live: the workers that are alive.
    """

    def __init__(self, plan: Plan, images: Path, on_load: Callable[[Cell], None]) -> None:
        """Start nothing yet.

        Args:
            plan: how much is measured.
            images: an .npy file of uint8 images (N, 28, 28), in a folder for workers' files.
            on_load: is told each cell that is loaded for the first time in a pass.
        """
        self.live: list[LiveWorker] = []
        self._plan, self._images, self._on_load = plan, images, on_load
        self._hosts: dict[tuple[str, str, str], Host] = {}
        self._stack = ExitStack()

    def close(self) -> None:
        """End all workers and hosts; what is started next has hosts of its own."""
        self.end_workers()
        self._hosts.clear()
        self._stack.close()

    def end_workers(self) -> None:
        """End all workers; the hosts stay."""
        for one in self.live:
            one.worker.kill()
        self.live.clear()

    def start(self, session: Session, result: PassResult) -> None:
        """Start a worker and load its cells; what fails is entered in `result`.

        Raises:
            CrowdedError: it needs more memory than there is beside the others.
        """
        try:
            self.live.append(LiveWorker(session, self._start(session)))
        except WorkerDiedError as death:
            result.fail(session.cells, death.reason)
        else:
            self._load(self.live[-1], session.cells, result)

    def burst(self, one: LiveWorker, cell: Cell, result: PassResult, sweep: int, probe_s: float) -> None:
        """Take one burst of a cell and enter it in `result`, or that the cell failed.

        Raises:
            CrowdedError: as `start`.
        """
        event = self._ask(one, Action.BURST, cell, result)
        if event is None:
            return
        assert isinstance(event, Burst)
        record = BurstRecord(np.array(event.times, dtype=np.int64), sweep, probe_s, event.engine_s)
        result.records[cell].bursts.append(record)
        one.strides[cell] = schedule.stride(record.p50_ns / 1e9, self._plan.effort)
        if event.bare:
            result.bare.setdefault(cell, []).append((record.p50_ns, float(np.median(event.bare))))

    def remove(self, one: LiveWorker, result: PassResult) -> Session:
        """End a worker, and return its session with the cells that have not failed, of which nothing is kept."""
        self.live.remove(one)
        one.worker.kill()
        one.strides.clear()
        cells = tuple(cell for cell in one.session.cells if cell not in result.failed)
        result.forget(cells)
        return replace(one.session, cells=cells)

    def _load(self, one: LiveWorker, cells: Sequence[Cell], result: PassResult) -> None:
        """Load cells; where one ends the process, a fresh one loads the others."""
        todo = list(cells)
        while todo:
            cell = todo.pop(0)
            event = self._ask(one, Action.LOAD, cell, result)
            if event is None:
                continue
            assert isinstance(event, Loaded)
            one.strides[cell] = 1
            if cell not in result.records:
                result.loaded[cell] = event
                result.records[cell] = PassRecord([], event.load_s, event.first_call_s, event.memory_bytes)
                self._on_load(cell)

    def _ask(self, one: LiveWorker, action: Action, cell: Cell, result: PassResult) -> Loaded | Burst | None:
        """Return what a worker answers; None if the cell fails, or costs the process, which is replaced then."""
        expected = Loaded if action is Action.LOAD else Burst
        try:
            event = one.worker.ask(action, one.session.cells.index(cell))
        except WorkerDiedError as death:
            if len(self.live) > 1 and death.reason.startswith(OUT_OF_MEMORY):
                raise CrowdedError from death
            result.fail([cell], death.reason)
            self._replace(one, result)
            return None
        if isinstance(event, expected):
            return event
        result.fail([cell], event.reason if isinstance(event, Failed) else f"its worker answered {event.event}")
        one.strides.pop(cell, None)
        return None

    def _replace(self, one: LiveWorker, result: PassResult) -> None:
        """Give a session whose worker died another, with the cells that had been loaded and have not failed."""
        left = [cell for cell in one.strides if cell not in result.failed]
        one.strides.clear()
        try:
            one.worker = self._start(one.session)
        except WorkerDiedError as death:
            result.fail([cell for cell in one.session.cells if cell not in result.failed], death.reason)
        else:
            self._load(one, left, result)

    def _start(self, session: Session) -> Worker:
        key = schedule.library(session)
        if key not in self._hosts:
            self._hosts[key] = self._stack.enter_context(Host(session.runtime))
        plan = self._plan
        return self._hosts[key].start(
            session.request(self._images).model_copy(
                update={
                    "effort": plan.effort,
                    "end_to_end": plan.end_to_end,
                    "bare": plan.bare,
                    "limit_s": plan.effort.limit_s,
                }
            )
        )
