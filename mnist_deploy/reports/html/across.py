"""What the page says across networks: one chart of all single calls, and the table of those that nothing beats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnist_deploy.decisions.records import Candidate
from mnist_deploy.plural import counted
from mnist_deploy.reports.columns import NOT_VERIFIED
from mnist_deploy.reports.front import Front, front
from mnist_deploy.reports.html import charts
from mnist_deploy.reports.html.cells import (
    INSTALLED,
    MEMORY,
    P50,
    SIZE,
    accuracy_cell,
    artifact_cells,
    name_columns,
    p50_cell,
)
from mnist_deploy.reports.html.figures import Figure
from mnist_deploy.reports.html.grid import Cell, Column, Grid, Row, number
from mnist_deploy.reports.html.scatter import scatter
from mnist_deploy.reports.units import number_bytes
from mnist_deploy.results import Results

HEIGHT = 340


@dataclass(frozen=True)
class Across:
    """The chart, None where no accuracy is known, and the table."""

    figure: Figure | None
    table: Grid


def across(results: Results) -> Across | None:
    """Return the chart and the table across networks; None where nothing was measured."""
    shown = front(results)
    return None if shown is None else Across(_figure(shown), _table(shown))


def _figure(shown: Front) -> Figure | None:
    palette = charts.colours([row.measurement.architecture for row in shown.compared])
    spec = scatter(shown.compared, palette, lambda row: row.measurement.architecture, HEIGHT)
    if spec is None:
        return None
    return Figure(
        spec,
        "Accuracy against quiet p50 of one call, all networks",
        palette,
        bubble_notes(shown.compared, shown.rows),
        shapes=True,
    )


def bubble_notes(rows: Sequence[Candidate], on_front: Sequence[Candidate]) -> list[str]:
    """Return how to read a chart of bubbles, and what it does not show."""
    known = [row for row in rows if row.accuracy is not None]
    sizes = [row.measurement.size_bytes for row in known]
    notes = [f"Area: file size, {number_bytes(min(sizes))} to {number_bytes(max(sizes))}."]
    if any(row.accuracy is not None for row in on_front):
        notes.append("Numbered: on the Pareto front, with the 95 % interval of the accuracy.")
    if any(row.passed is False for row in known):
        notes.append("✕: failed its parity gate.")
    if len(known) < len(rows):
        notes.append(f"{counted(len(rows) - len(known), 'measurement')} not verified, so not shown.")
    return [" ".join(notes)]


def _table(shown: Front) -> Grid:
    columns = (
        *name_columns("network"),
        replace(P50, order="ascending"),
        Column("accuracy", True, "on the test set", absent=NOT_VERIFIED),
        SIZE,
        MEMORY,
        INSTALLED,
    )
    rows = [
        Row(
            (
                Cell(f"{place}. {row.measurement.architecture}", row.measurement.architecture),
                *artifact_cells(row),
                p50_cell(row),
                accuracy_cell(row),
                number(row.measurement.size_bytes, number_bytes),
                number(row.measurement.memory_bytes, number_bytes),
                number(row.installed_bytes, number_bytes),
            )
        )
        for place, row in enumerate(shown.rows, start=1)
    ]
    return Grid(shown.title, columns, rows, shown.notes)
