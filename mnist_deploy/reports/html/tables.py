"""The page's tables of figures: speed, costs, parity, distributions and training."""

from collections.abc import Callable, Iterable, Sequence

from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.decisions.recommendation import inputs_differ
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.kinds import kind
from mnist_deploy.parity import ParityRow
from mnist_deploy.plural import counted
from mnist_deploy.reports import trainings
from mnist_deploy.reports.html.cells import UseCells, runtime_of, speed_up
from mnist_deploy.reports.html.distributions import QUANTILES, Distribution
from mnist_deploy.reports.html.grid import Cell, Column, Grid, Row, number, text
from mnist_deploy.reports.layout import quiet_reach, trusted, who
from mnist_deploy.reports.measurements import rank
from mnist_deploy.reports.setbacks import setbacks
from mnist_deploy.reports.tables import parity_notes
from mnist_deploy.reports.units import number_bytes, percent, rate, seconds
from mnist_deploy.reports.wording import UINT8
from mnist_deploy.results import Results, TrainingRow

ARTIFACT = (Column("artifact"), Column("runtime"))


def speed(network: str, use: UseCells, results: Results) -> Grid:
    """Return what one use of a network takes, fastest first."""
    columns = (
        Column("rank", True, "joint rank by verdict"),
        *ARTIFACT,
        Column("quiet p50", True, "median call in quiet moments", "ascending"),
        Column("±", True, "how far the 95 % interval of the quiet p50 reaches"),
        Column("speed-up", True, f"against {results.baseline}" if results.baseline else "against the baseline"),
        Column("p99", True, "99th percentile of the calls"),
        Column("images/s", True, "throughput"),
        Column("roof", True, "share of what the machine allows in float32"),
        Column("accuracy", True, "on the test set"),
        Column("parity"),
    )
    rows = [
        Row((_rank(one, use.cells), *_who(one), *_speed(one), *_accuracy(one)), one.passed is False, bool(one.warnings))
        for one in use.cells
    ]
    return Grid(f"{network}: {use.title}", columns, rows, _speed_notes(use, results))


def everything(cells: Sequence[Candidate]) -> Grid:
    """Return all that was measured, as one table to search."""
    columns = (
        Column("network"),
        *ARTIFACT,
        Column("batch", True),
        Column("threads", True),
        Column("quiet p50", True, "median call in quiet moments"),
        Column("±", True, "how far the 95 % interval of the quiet p50 reaches"),
        Column("images/s", True, "throughput"),
        Column("accuracy", True, "on the test set"),
        Column("parity"),
        Column("size", True, "of the artifact"),
        Column("memory", True, "what the process grew by, library and model, at its peak"),
        Column("installed", True, "the runtime's package and all that it requires, on disk"),
        Column("calls", True, "that count"),
    )
    rows = [
        Row(
            (
                text(one.measurement.architecture),
                *_who(one),
                number(one.measurement.batch_size, _count),
                number(one.measurement.threads, _count),
                number(one.latency_s, seconds),
                number(quiet_reach(one.measurement), percent),
                _marked(one.measurement.throughput_images_per_s, one.measurement.throughput_half_width, rate),
                *_accuracy(one),
                number(one.measurement.size_bytes, number_bytes),
                number(one.measurement.memory_bytes, number_bytes),
                number(one.installed_bytes, number_bytes),
                number(one.measurement.calls, _count),
            ),
            one.passed is False,
            bool(one.warnings),
        )
        for one in cells
    ]
    return Grid("Every measured cell", columns, rows)


def costs(network: str, use: UseCells) -> Grid:
    """Return what each artifact takes besides time, as measured in one use."""
    engine = any(one.measurement.engine_s is not None for one in use.cells)
    on_gpu = any(one.measurement.device_memory_bytes is not None for one in use.cells)
    columns = [
        *ARTIFACT,
        Column("size", True, "of the artifact"),
        Column("memory", True, "what the process grew by, library and model, at its peak"),
        *([Column("GPU memory", True, "what the GPU's memory in use grew by")] if on_gpu else []),
        Column("load", True),
        Column("1st call", True),
        *([Column("engine", True, "what the library itself says of a call")] if engine else []),
        Column("installed", True, "the runtime's package and all that it requires, on disk"),
    ]
    rows = []
    for one in use.cells:
        row = one.measurement
        cells = [
            *_who(one),
            number(row.size_bytes, number_bytes),
            number(row.memory_bytes, number_bytes),
            *([number(row.device_memory_bytes, number_bytes)] if on_gpu else []),
            number(row.load_s, seconds),
            number(row.first_call_s, seconds),
            *([number(row.engine_s, seconds)] if engine else []),
            number(one.installed_bytes, number_bytes),
        ]
        rows.append(Row(cells))
    notes = [f"Measured with {use.title}. memory: what the process grew by, library and model, at its peak."]
    if on_gpu:
        notes.append("GPU memory: what the GPU's memory in use grew by, other processes' share included.")
    return Grid(f"{network}: what each costs besides time", columns, rows, notes)


def parity(network: str, rows: Sequence[ParityRow]) -> Grid:
    """Return agreement with Keras; a row that failed or has a warning is marked, and its reasons stand below."""
    columns = (
        *ARTIFACT,
        Column("accuracy", True, "on the test set"),
        Column("95 %", True, "Wilson's interval of the accuracy; sorts by its lower end"),
        Column("change", True, "of the accuracy, against Keras"),
        Column("p", True, "McNemar's exact test that the change is chance"),
        Column("lost", True, "images that Keras has right and the artifact wrong"),
        Column("gained", True, "images that Keras has wrong and the artifact right"),
        Column("altered", True, "images that both have wrong, but differently"),
        Column("max error", True, "of a score, against Keras's"),
        Column("mean KL", True, "divergence of the scores from Keras's, in nats"),
        Column("gate"),
        Column("parity"),
    )
    body = [
        Row(
            (
                *map(text, who(one)),
                number(one.accuracy, _four),
                Cell(f"{one.accuracy_low:.4f} - {one.accuracy_high:.4f}", repr(one.accuracy_low)),
                number(one.accuracy_change, "{:+.4f}".format),
                number(one.mcnemar_p, "{:.2g}".format),
                *(number(len(flips), _count) for flips in (one.lost, one.gained, one.altered)),
                number(one.max_abs_error, _error),
                number(one.mean_kl, _error),
                text(one.gate),
                text(one.verdict),
            ),
            not one.passed,
            bool(one.warnings),
        )
        for one in rows
    ]
    notes = [f"{note}." for note in parity_notes(rows)]
    caption = f"{network}: agreement with the Keras scores over {rows[0].images:,} test images"
    return Grid(caption, columns, body, notes)


def spread(network: str, use: UseCells, found: Sequence[Distribution | None]) -> Grid:
    """Return the quantiles of each cell's calls, with the p99 of its record."""
    columns = (
        *ARTIFACT,
        Column("calls", True, "that count"),
        *(Column(f"p{quantile * 100:.0f}", True) for quantile in QUANTILES),
        Column("p99", True),
        Column("beyond 4x", True, "share of calls longer than four times the p50"),
    )
    rows = [
        Row(
            (
                *_who(one),
                number(spread.calls, _count),
                *(number(spread.quantiles_s.get(quantile), seconds) for quantile in QUANTILES),
                _marked(one.measurement.latency_p99_s, one.measurement.latency_p99_half_width, seconds),
                number(spread.above, lambda share: f"{share:.2%}"),
            )
        )
        for one, spread in zip(use.cells, found, strict=True)
        if spread
    ]
    return Grid(f"{network}: quantiles of all calls that count, {use.title}", columns, rows)


def training(rows: Sequence[TrainingRow]) -> Grid:
    """Return what was reached on the test set, against what the notebook reports where that is of the same data."""
    with_reported = trainings.has_reported(rows)
    reported = {
        "loss": (
            Column("loss reported", True, "by the notebook"),
            Column("Δ loss", True, "loss less the reported one"),
        ),
        "accuracy": (
            Column("acc. reported", True, "by the notebook"),
            Column("Δ accuracy", True, "accuracy less the reported one"),
        ),
    }
    columns = (
        Column("network"),
        Column("epochs", True),
        Column("seed", True),
        Column("loss", True, "on the test set"),
        *(reported["loss"] if with_reported else ()),
        Column("accuracy", True, "on the test set"),
        *(reported["accuracy"] if with_reported else ()),
        Column("time", True),
        Column("kept"),
    )
    body = [
        Row(
            (
                text(one.architecture),
                number(one.epochs, _count),
                number(one.seed, _count),
                number(one.test_loss, _four),
                *(_against(one.test_loss, one.reported_loss) if with_reported else ()),
                number(one.test_accuracy, _four),
                *(_against(one.test_accuracy, one.reported_accuracy, one.caveat) if with_reported else ()),
                number(one.duration_s, seconds),
                text("kept" if one.kept else ""),
            )
        )
        for one in rows
    ]
    return Grid(trainings.title(rows), columns, body, trainings.notes(rows))


def _against(reached: float, reported: float | None, caveat: str | None = None) -> tuple[Cell, Cell]:
    """Return the reported figure, with an ! where it misleads, and how far what was reached lies above it."""
    if reported is None:
        return number(None, _four), number(None, _four)
    figure = Cell(f"{reported:.4f}{'!' if caveat else ''}", repr(reported))
    return figure, number(reached - reported, "{:+.4f}".format)


def _speed_notes(use: UseCells, results: Results) -> list[str]:
    passes = max(one.measurement.passes for one in use.cells)
    notes = [f"Times are for one call with {counted(use.batch_size, 'image')}; {counted(passes, 'pass', 'passes')}."]
    winner = next((one.measurement for one in use.cells if one.measurement.sole_winner), None)
    if winner is not None:
        notes.append(f"{kind(winner)} in {winner.runtime} is the sole winner.")
    elif use.cells[0].measurement.rank is not None and len(use.cells) > 1:
        notes.append("No sole winner.")
    if inputs_differ([one.measurement for one in use.cells]):
        notes.append(f"uint8: {UINT8}.")
    if any(quiet_reach(one.measurement) is None for one in use.cells):
        notes.append("No interval where there are fewer than three passes.")
    if any(one.measurement.rank is not None for one in use.cells):
        notes.append(
            f"rank: 1 + how many rows are faster, by an interval beyond 1 and {MARGIN:.0%} or more; = is shared."
        )
    return notes + setbacks(one.measurement for one in use.cells)


def _rank(one: Candidate, others: Iterable[Candidate]) -> Cell:
    place = one.measurement.rank
    return Cell(rank(one.measurement, (other.measurement for other in others)), "" if place is None else str(place))


def _who(one: Candidate) -> tuple[Cell, Cell]:
    return text(who(one.measurement)[0]), text(runtime_of(one.measurement))


def _marked(value: float, half_width: float | None, show: Callable[[float], str]) -> Cell:
    """Return a figure with a ~ where it is not to rely on."""
    return Cell(trusted(show(value), half_width), repr(value))


def _speed(one: Candidate) -> tuple[Cell, ...]:
    row = one.measurement
    gain = Cell("-", "") if row.speed_up is None else Cell(speed_up(row.speed_up), repr(row.speed_up.ratio))
    return (
        number(row.latency_quiet_s, seconds),
        number(quiet_reach(row), percent),
        gain,
        _marked(row.latency_p99_s, row.latency_p99_half_width, seconds),
        _marked(row.throughput_images_per_s, row.throughput_half_width, rate),
        number(row.roof_share, percent),
    )


def _accuracy(one: Candidate) -> tuple[Cell, Cell]:
    return number(one.accuracy, _four), text(one.verdict)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _four(value: float) -> str:
    return f"{value:.4f}"


def _error(value: float) -> str:
    return f"{value:.1e}"
