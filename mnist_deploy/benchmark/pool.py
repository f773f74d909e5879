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
class Seat:
    """A session whose worker is alive: the cells that it has loaded, and in every how manieth sweep each takes part."""

    session: Session
    worker: Worker
    strides: dict[Cell, int] = field(default_factory=dict)


class WorkerPool:
    """The hosts of a measurement, which have imported their libraries and stay between passes, and their workers.

    Where a worker dies the cell that it had in hand fails, and a fresh one loads the others of its session.
    """

    def __init__(self, plan: Plan, images: Path, on_load: Callable[[Cell], None]) -> None:
        """Start nothing yet.

        Args:
            plan: how much is measured.
            images: an .npy file of uint8 images (N, 28, 28), in a folder for workers' files.
            on_load: is told each cell that is loaded for the first time in a pass.
        """
        self._plan, self._images, self._on_load = plan, images, on_load
        self._hosts: dict[tuple[str, str, str], Host] = {}
        self._stack = ExitStack()

    def close(self) -> None:
        """End all hosts and workers; what is started next has hosts of its own."""
        self._hosts.clear()
        self._stack.close()

    def seat(self, session: Session, seats: list[Seat], result: PassResult) -> None:
        """Start a worker, add it to `seats`, and load its cells; what fails is entered in `result`.

        Raises:
            CrowdedError: it needs more memory than there is beside the others.
        """
        try:
            seat = Seat(session, self._start(session))
        except WorkerDiedError as death:
            result.fail(session.cells, death.reason)
            return
        seats.append(seat)
        self._load(seat, session.cells, result, crowded=len(seats) > 1)

    def burst(self, seat: Seat, cell: Cell, result: PassResult, sweep: int, probe_s: float, *, crowded: bool) -> None:
        """Take one burst of a cell and enter it in `result`, or that the cell failed.

        Raises:
            CrowdedError: as `seat`.
        """
        event = self._ask(seat, Action.BURST, cell, result, crowded=crowded)
        if event is None:
            return
        assert isinstance(event, Burst)
        record = BurstRecord(np.array(event.times, dtype=np.int64), sweep, probe_s, event.engine_s)
        result.records[cell].bursts.append(record)
        seat.strides[cell] = schedule.stride(record.p50_ns / 1e9, self._plan.effort)
        if event.bare:
            result.bare.setdefault(cell, []).append((record.p50_ns, float(np.median(event.bare))))

    def _load(self, seat: Seat, cells: Sequence[Cell], result: PassResult, *, crowded: bool) -> None:
        """Load cells; where one ends the process, a fresh one loads the others."""
        todo = list(cells)
        while todo:
            cell = todo.pop(0)
            event = self._ask(seat, Action.LOAD, cell, result, crowded=crowded)
            if event is None:
                continue
            assert isinstance(event, Loaded)
            seat.strides[cell] = 1
            if cell not in result.records:
                result.loaded[cell] = event
                result.records[cell] = PassRecord([], event.load_s, event.first_call_s, event.memory_bytes)
                self._on_load(cell)

    def _ask(
        self, seat: Seat, action: Action, cell: Cell, result: PassResult, *, crowded: bool
    ) -> Loaded | Burst | None:
        """Return what a worker answers; None if the cell fails, or costs the process, which is replaced then."""
        expected = Loaded if action is Action.LOAD else Burst
        try:
            event = seat.worker.ask(action, seat.session.cells.index(cell))
            if isinstance(event, expected):
                return event
            reason = event.reason if isinstance(event, Failed) else f"the worker process answered {event.event}"
            result.fail([cell], reason)
            seat.strides.pop(cell, None)
        except WorkerDiedError as death:
            if crowded and death.reason.startswith(OUT_OF_MEMORY):
                raise CrowdedError from death
            result.fail([cell], death.reason)
            left = [one for one in seat.strides if one is not cell]
            seat.strides.clear()
            try:
                seat.worker = self._start(seat.session)
            except WorkerDiedError as again:
                result.fail([one for one in seat.session.cells if one not in result.failed], again.reason)
            else:
                self._load(seat, left, result, crowded=crowded)
        return None

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


def leave(seats: list[Seat], seat: Seat, result: PassResult) -> Session:
    """Take a worker from among the others, and return its session with the cells that have not failed."""
    seats.remove(seat)
    seat.worker.kill()
    seat.strides.clear()
    cells = tuple(cell for cell in seat.session.cells if cell not in result.failed)
    result.forget(cells)
    return replace(seat.session, cells=cells)
