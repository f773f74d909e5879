"""What the passes of a measurement came to so far."""

from mnist_deploy.benchmark import schedule
from mnist_deploy.benchmark.pool import PassResult
from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording
from mnist_deploy.benchmark.schedule import Cell
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

    def add(self, result: PassResult) -> None:
        """Add what one pass measured; what an interruption left without a burst was not."""
        self.failed |= result.failed
        for cell, ratios in result.bare.items():
            self.bare.setdefault(cell, []).extend(ratios)
        for cell, record in result.records.items():
            if not record.bursts:
                continue
            # In this order, since an interruption may come between any two lines: what is recorded has its facts.
            self.facts[self.key(cell)] = Facts(cell.artifact, result.loaded[cell])
            self.records[cell].append(record)
