"""What the passes of a measurement came to so far."""

import numpy as np

from mnist_deploy.benchmark import process, schedule
from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording, SliceRecord
from mnist_deploy.benchmark.schedule import Cell, Session
from mnist_deploy.pipeline.figures import Facts


class Recorder:
    """What the passes measured so far, cell by cell."""

    def __init__(self, cells: list[Cell]) -> None:
        """Measure `cells`, and the lightest of them twice."""
        self.twin = schedule.lightest(cells).twin()
        self.cells = [*cells, self.twin]
        self.records: dict[Cell, list[PassRecord]] = {cell: [] for cell in self.cells}
        self.facts: dict[CellKey, Facts] = {}
        self.failed: dict[Cell, str] = {}
        self.bare: dict[Cell, list[tuple[float, float]]] = {}

    def alive(self) -> list[Cell]:
        """Return the cells that have not failed."""
        return [cell for cell in self.cells if cell not in self.failed]

    def key(self, cell: Cell) -> CellKey:
        """Return what identifies `cell` in files."""
        use, twin = cell.use, cell is self.twin
        return CellKey(**cell.names, batch_size=use.batch_size, threads=use.threads, twin=twin, side=cell.side)

    def passes(self) -> int:
        """Return how many passes are whole: how many all cells have that have not failed."""
        return min((len(self.records[cell]) for cell in self.alive()), default=0)

    def recording(self) -> Recording:
        """Return what was measured of the cells that have not failed, in whole passes.

        While the first pass is not yet whole, the cells that it has reached are in it alone.
        """
        passes = max(1, self.passes())
        measured = [cell for cell in self.alive() if self.records[cell]]
        return Recording({self.key(cell): self.records[cell][:passes] for cell in measured})

    def so_far(self) -> dict[CellKey, list[PassRecord]]:
        """Return all that was measured, whole passes or not, of the cells that have not failed."""
        return {self.key(cell): self.records[cell] for cell in self.alive()}

    def take(self, session: Session, outcome: process.Outcome) -> None:
        """Add what one process measured."""
        for number, cell in enumerate(session.cells):
            if number in outcome.failed:
                self.failed[cell] = outcome.failed[number]
                continue
            loaded = outcome.loaded[number]
            slices = []
            for place, event in enumerate(outcome.sliced[number]):
                times = outcome.arrays[f"{number}.{place}"]
                slices.append(SliceRecord(times, event.turn, event.attempt, event.noise, event.engine_s))
                bare = outcome.arrays.get(f"{number}.{place}.bare")
                if bare is not None:
                    self.bare.setdefault(cell, []).append((float(np.median(times)), float(np.median(bare))))
            # In this order, since an interruption may come between any two lines: what is recorded has its facts.
            self.facts[self.key(cell)] = Facts(cell.artifact, loaded)
            self.records[cell].append(PassRecord(slices, loaded.load_s, loaded.first_call_s, loaded.memory_bytes))
