"""The page's tables of figures: speed, costs, parity, distributions and training."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mnist_deploy.decisions.recommendation import inputs_differ
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.kinds import kind
from mnist_deploy.plural import counted
from mnist_deploy.reports import columns as reasons
from mnist_deploy.reports.columns import P50_NOTE, VERDICTS_NOTE
from mnist_deploy.reports.html.cells import (
    INSTALLED,
    MEMORY,
    P50,
    SIZE,
    UseCells,
    accuracy_cell,
    artifact_cells,
    name_columns,
    p50_cell,
    parity_cell,
    speed_up,
)
from mnist_deploy.reports.html.distributions import QUANTILES, Distribution
from mnist_deploy.reports.html.grid import Cell, Column, Grid, Row, number, text
from mnist_deploy.reports.layout import TRUSTED_HALF_WIDTH, quiet_reach, trusted
from mnist_deploy.reports.roofs import roof_note
from mnist_deploy.reports.setbacks import setbacks
from mnist_deploy.reports.units import number_bytes, percent, rate, seconds
from mnist_deploy.reports.wording import UINT8
from mnist_deploy.results import Measurement, Results

NVML = "the driver (NVML) does not report it"
FEW_CALLS = "fewer than five calls lie beyond it"


def speed(network: str, use: UseCells, results: Results) -> Grid:
    """Return what one use of a network takes, fastest first."""
    absent = reasons.reasons(results)
    columns = (
        *name_columns(),
        replace(P50, order="ascending"),
        Column("accuracy", True, "on the test set", absent=absent["accuracy"]),
        Column("parity", meaning="verdict of the parity gate", absent=absent["parity"]),
        Column("rank", True, "rank by quiet p50", absent=absent["rank"]),
        Column("verdict", meaning="against the fastest row", absent=absent["verdict"]),
        Column(
            "speed-up",
            True,
            f"against {results.baseline}" if results.baseline else "against the baseline",
            absent=absent["speed-up"],
        ),
        Column("p99", True, "99th percentile of the calls"),
        Column("images/s", True, "throughput"),
        Column("roof", True, "share of what the machine allows in float32", absent=absent["roof"]),
    )
    rows = [
        Row(
            (
                *artifact_cells(one),
                p50_cell(one),
                accuracy_cell(one),
                parity_cell(one),
                number(one.measurement.rank, _count),
                text(one.measurement.versus_fastest),
                *_speed(one.measurement),
            ),
            one.passed is False,
            bool(one.warnings),
        )
        for one in use.cells
    ]
    return Grid(f"{network}: {use.title}", columns, rows, _speed_notes(use, results))


def everything(cells: Sequence[Candidate], results: Results) -> Grid:
    """Return all that was measured, as one table to search."""
    absent = reasons.reasons(results)
    columns = (
        *name_columns("network"),
        Column("batch", True, "images a call", folds=True),
        Column("threads", True, folds=True),
        P50,
        Column("accuracy", True, "on the test set", absent=absent["accuracy"]),
        Column("parity", meaning="verdict of the parity gate", absent=absent["parity"]),
        Column("images/s", True, "throughput"),
        SIZE,
        MEMORY,
        Column("calls", True, "timed calls"),
    )
    rows = [
        Row(
            (
                text(one.measurement.architecture),
                *artifact_cells(one),
                number(one.measurement.batch_size, _count),
                number(one.measurement.threads, _count),
                p50_cell(one),
                accuracy_cell(one),
                parity_cell(one),
                _marked(one.measurement.throughput_images_per_s, one.measurement.throughput_half_width, rate),
                number(one.measurement.size_bytes, number_bytes),
                number(one.measurement.memory_bytes, number_bytes),
                number(one.measurement.calls, _count),
            ),
            one.passed is False,
            bool(one.warnings),
        )
        for one in cells
    ]
    return Grid("All measurements", columns, rows, [P50_NOTE, *_marks(one.measurement for one in cells)])


def costs(network: str, use: UseCells) -> Grid:
    """Return what each artifact takes besides time, as measured in one use."""
    gpu = any(one.measurement.device != "cpu" for one in use.cells)
    gpu_memory = Column("GPU memory", True, "growth of the GPU's memory in use, other processes included", absent=NVML)
    columns = (
        *name_columns(),
        SIZE,
        MEMORY,
        *([gpu_memory] if gpu else []),
        Column("load", True, "from the file to a model that is ready"),
        Column("first call", True),
        Column("engine", True, "what the library itself reports of a call", absent="no runtime here reports it"),
        INSTALLED,
    )
    rows = [
        Row(
            (
                *artifact_cells(one),
                number(one.measurement.size_bytes, number_bytes),
                number(one.measurement.memory_bytes, number_bytes),
                *([number(one.measurement.device_memory_bytes, number_bytes)] if gpu else []),
                number(one.measurement.load_s, seconds),
                number(one.measurement.first_call_s, seconds),
                number(one.measurement.engine_s, seconds),
                number(one.installed_bytes, number_bytes),
            )
        )
        for one in use.cells
    ]
    notes = [f"Measured with {use.title}. memory: {MEMORY.meaning}. engine: what the library itself reports of a call."]
    return Grid(f"{network}: size, memory and start-up", columns, rows, notes)


def spread(network: str, use: UseCells, found: Sequence[Distribution | None]) -> Grid:
    """Return the quantiles of each cell's calls, with the p99 of its record."""
    columns = (
        *name_columns(),
        Column("calls", True, "timed calls"),
        *(
            Column(f"p{quantile * 100:.0f}", True, absent="fewer than five calls lie beyond it")
            for quantile in QUANTILES
        ),
        Column("p99", True),
        Column("over 4x", True, "share of calls longer than four times the p50"),
    )
    rows = [
        Row(
            (
                *artifact_cells(one),
                number(spread.calls, _count),
                *(number(spread.quantiles_s.get(quantile), seconds) for quantile in QUANTILES),
                _marked(one.measurement.latency_p99_s, one.measurement.latency_p99_half_width, seconds),
                number(spread.above, lambda share: f"{share:.2%}"),
            )
        )
        for one, spread in zip(use.cells, found, strict=True)
        if spread
    ]
    return Grid(f"{network}: quantiles of all timed calls, {use.title}", columns, rows)


def _speed_notes(use: UseCells, results: Results) -> list[str]:
    rows = [one.measurement for one in use.cells]
    passes = max(row.passes for row in rows)
    notes = [f"One call with {counted(use.batch_size, 'image')}; {counted(passes, 'pass', 'passes')}. {P50_NOTE}"]
    if any(row.rank is not None for row in rows):
        notes.append(f"rank: rows that no verdict tells from the first of a rank share it. {VERDICTS_NOTE}")
    notes += _marks(rows)
    winner = next((row for row in rows if row.sole_winner), None)
    if winner is not None:
        notes.append(f"{kind(winner)} in {winner.runtime} is faster than every other row, all comparisons together.")
    if any(row.roof_share is not None for row in rows):
        notes.append(roof_note(rows, results.roofs))
    if inputs_differ(rows):
        notes.append(f"uint8: {UINT8}.")
    return notes + setbacks(rows)


def _marks(rows: Iterable[Measurement]) -> list[str]:
    """Return what the marks in a table mean, of those that it has."""
    shown = list(rows)
    notes = []
    if any(quiet_reach(row) is None for row in shown):
        notes.append("No interval (±) where there are fewer than three passes.")
    halves = [half for row in shown for half in (row.latency_p99_half_width, row.throughput_half_width)]
    if any(half is None or half > TRUSTED_HALF_WIDTH for half in halves):
        notes.append(
            f"~: unreliable; in another run it may differ by over {TRUSTED_HALF_WIDTH:.0%}, or there are too few calls "
            "or passes to tell."
        )
    return notes


def _marked(value: float, half_width: float | None, show: Callable[[float], str]) -> Cell:
    """Return a figure with a ~ where it is not to rely on."""
    return Cell(trusted(show(value), half_width), repr(value))


def _speed(row: Measurement) -> tuple[Cell, ...]:
    gain = Cell("-", "") if row.speed_up is None else Cell(speed_up(row.speed_up), repr(row.speed_up.ratio))
    return (
        gain,
        _marked(row.latency_p99_s, row.latency_p99_half_width, seconds),
        _marked(row.throughput_images_per_s, row.throughput_half_width, rate),
        number(row.roof_share, percent),
    )


def _count(value: float) -> str:
    return f"{value:,.0f}"
