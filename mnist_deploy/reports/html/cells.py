"""What was measured, joined with what is known of its accuracy, by network and use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnist_deploy.decisions.recommendation import candidates
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.kinds import CELL, identity
from mnist_deploy.plural import counted
from mnist_deploy.reports.columns import INSTALLED_UNKNOWN
from mnist_deploy.reports.html.grid import Cell, Column, number, text
from mnist_deploy.reports.layout import quiet_p50, reach, who
from mnist_deploy.reports.units import percent, times
from mnist_deploy.results import Comparison, Measurement, Results

P50 = Column("quiet p50", True, "median call time while the machine is quiet, with its 95 % interval")
SIZE = Column("size", True, "of the file")
MEMORY = Column("memory", True, "growth of the process by library and model, at its peak")
INSTALLED = Column(
    "installed", True, "the runtime's package and all that it requires, on disk", absent=INSTALLED_UNKNOWN
)


@dataclass(frozen=True)
class UseCells:
    """The cells of one network in one use, fastest first."""

    batch_size: int
    threads: int
    cells: Sequence[Candidate]

    @property
    def title(self) -> str:
        """The use in words."""
        end_to_end = ", from pixels to label" if self.cells[0].measurement.timed == "end-to-end" else ""
        return f"batch {self.batch_size}, {counted(self.threads, 'thread')}{end_to_end}"


def measured(results: Results) -> list[Candidate]:
    """Return every measured cell with what is known of it; runtimes that run no model too."""
    known = {key(one.measurement): one for one in candidates(results)}
    return [known.get(key(row)) or _unknown(row) for row in results.measurements]


def by_use(cells: Iterable[Candidate]) -> list[UseCells]:
    """Return one network's cells by use, in the order of their first ones."""
    groups: dict[tuple[int, int], list[Candidate]] = {}
    for one in cells:
        groups.setdefault((one.measurement.batch_size, one.measurement.threads), []).append(one)
    return [UseCells(*use, sorted(group, key=lambda one: one.latency_s)) for use, group in groups.items()]


def runtime_of(row: Measurement) -> str:
    """Return the runtime, with its device where that is not the CPU."""
    return who(row)[1]


def label(row: Measurement) -> str:
    """Return artifact and runtime in a few words."""
    return " · ".join(who(row))


def speed_up(found: Comparison) -> str:
    """Return a factor with its interval, where it has one."""
    far = reach(found.ratio, found.low, found.high)
    return times(found.ratio) if far is None else f"{times(found.ratio)} ±{percent(far)}"


def name_columns(first: str = "") -> tuple[Column, ...]:
    """Return the columns that name a row: `first` if there is one, then artifact and runtime."""
    if first:
        return Column(first), Column("artifact", folds=True), Column("runtime", folds=True)
    return Column("artifact"), Column("runtime", folds=True)


def artifact_cells(one: Candidate) -> tuple[Cell, Cell]:
    """Return the cells of the columns artifact and runtime."""
    artifact, runtime = who(one.measurement)
    return text(artifact), text(runtime)


def p50_cell(one: Candidate) -> Cell:
    """Return the quiet p50 with its interval; it sorts by the former."""
    return Cell(quiet_p50(one.measurement), repr(one.latency_s))


def accuracy_cell(one: Candidate) -> Cell:
    """Return the accuracy with four decimals, so that one image of 10,000 shows."""
    return number(one.accuracy, "{:.4f}".format)


def parity_cell(one: Candidate) -> Cell:
    """Return the verdict of the parity gate; what was not verified has no value."""
    return Cell(one.verdict, "" if one.passed is None else one.verdict)


def key(row: Measurement) -> tuple[str | int, ...]:
    """Return what identifies a measured cell."""
    return identity(row, "batch_size", "threads", of=CELL)


def _unknown(row: Measurement) -> Candidate:
    return Candidate(
        measurement=row,
        accuracy=None,
        accuracy_low=None,
        accuracy_high=None,
        passed=None,
        failures=[],
        installed_bytes=None,
    )
