"""Tables for a terminal or a pipe, 100 columns wide, fastest first, best values marked."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mnist_deploy.architectures import Architecture, Conv, Dense, Layer, MaxPool
from mnist_deploy.artifacts import Artifact
from mnist_deploy.parity import ParityRow
from mnist_deploy.reports.units import number_bytes, rate, seconds
from mnist_deploy.results import Measurement, Results, Skip, SkipKind, TrainingRow

WIDTH = 100
# A smaller difference cannot be told from chance here; see ../shared findings in the README, 'How it measures'.
TIE = 0.03
QUICK = "QUICK RUN, not for comparison: "


def console(*, stderr: bool = False) -> Console:
    """Return a console for results, or for progress: as wide as the terminal, 100 columns where there is none."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH)


def everything(results: Results) -> RenderableType:
    """Return all tables of a run, then what was left out."""
    parts: list[RenderableType] = []
    if results.training:
        parts.append(training(results.training, quick=results.quick))
    parts += parity(results.parity, quick=results.quick)
    parts += measurements(results)
    if results.skips:
        parts.append(skips(results.skips))
    return Group(*parts)


def architectures(records: Iterable[Architecture]) -> Table:
    """Return the networks with their sizes and what the notebook reports."""
    table = _table("The six networks; FLOPs for one image; loss and accuracy as the notebook reports them", "")
    for name in ("network", "layers"):
        table.add_column(name)
    for name in ("params", "FLOPs", "epochs", "batch", "loss", "accuracy"):
        table.add_column(name, justify="right")
    records = list(records)
    for record in records:
        layers = ", ".join(_layer(layer) for layer in record.layers)
        mark = "!" if record.reported.caveat else ""
        table.add_row(
            record.name,
            layers,
            f"{record.parameters:,}",
            f"{record.flops:,}",
            str(record.epochs),
            str(record.batch_size),
            f"{record.reported.loss:.4f}",
            f"{record.reported.accuracy:.4f}{mark}",
        )
    table.caption = _caveats((record.name, record.reported.caveat) for record in records)
    return table


def training(rows: Sequence[TrainingRow], *, quick: bool = False) -> Table:
    """Return reproduced results against the reported ones."""
    table = _table("Training: reproduced on the test set against reported", "", quick=quick)
    table.add_column("network")
    for name in ("epochs", "seed", "loss", "reported", "accuracy", "reported", "time"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in rows:
        table.add_row(
            row.architecture,
            str(row.epochs),
            str(row.seed),
            f"{row.test_loss:.4f}",
            f"{row.reported_loss:.4f}",
            f"{row.test_accuracy:.4f}",
            f"{row.reported_accuracy:.4f}{'!' if row.caveat else ''}",
            seconds(row.duration_s),
            "kept" if row.kept else "",
        )
    table.caption = _caveats((row.architecture, row.caveat) for row in rows)
    return table


def artifacts(records: Sequence[Artifact], kept: Iterable[str]) -> list[Table]:
    """Return what was exported, one table a network."""
    known, tables = set(kept), []
    for name, group in groupby(records, key=lambda record: record.architecture):
        table = _table(f"{name}: artifacts", "")
        for column in ("format", "precision", "file"):
            table.add_column(column)
        table.add_column("size", justify="right")
        table.add_column("")
        for one in group:
            note = "kept" if one.label in known else ""
            table.add_row(one.format, one.precision, one.path.name, number_bytes(one.size_bytes), note)
        tables.append(table)
    return tables


def parity(rows: Sequence[ParityRow], *, quick: bool = False) -> list[Table]:
    """Return agreement with Keras, one table a network; a failed row is red and says why."""
    tables = []
    for name, group in groupby(rows, key=lambda row: row.architecture):
        members = list(group)
        unit = f"agreement with the Keras scores over {members[0].images:,} test images"
        table = _table(f"{name}: {unit}", "", quick=quick)
        for column in ("artifact", "runtime"):
            table.add_column(column)
        for column in ("accuracy", "change", "top-1 agreement", "max abs error"):
            table.add_column(column, justify="right")
        table.add_column("")
        for row in members:
            verdict = "ok" if row.passed else "FAILED: " + "; ".join(row.failures)
            table.add_row(
                f"{row.format} {row.precision}",
                _where(row.runtime, row.device),
                f"{row.accuracy:.4f}",
                f"{row.accuracy_change:+.4f}",
                f"{row.top1_agreement:.4f}",
                f"{row.max_abs_error:.1e}",
                verdict,
                style=None if row.passed else "red",
            )
        tables.append(table)
    return tables


def measurements(results: Results) -> Iterator[Table]:
    """Yield one table a network and use, in the order in which the networks come, fastest first."""
    names = list(dict.fromkeys(row.architecture for row in results.measurements))
    for name in names:
        mine = [row for row in results.measurements if row.architecture == name]
        for batch, threads in dict.fromkeys((row.batch_size, row.threads) for row in mine):
            rows = [row for row in mine if (row.batch_size, row.threads) == (batch, threads)]
            yield _measured(name, batch, threads, rows, results)


def _measured(name: str, batch: int, threads: int, rows: list[Measurement], results: Results) -> Table:
    floor = f"; a clock reading costs {seconds(results.clock_floor_s)} of each call" if results.clock_floor_s else ""
    passes = rows[0].passes
    spread = "+-: 95 % interval over passes. " if passes > 1 else ""
    table = _table(
        f"{name}: batch {batch}, {threads} thread{'s' * (threads != 1)}",
        f"* best, or within {TIE:.0%} of it. Times are per call of {batch} image{'s' * (batch != 1)}. {spread}"
        f"{passes} pass{'es' * (passes != 1)}{floor}.",
        quick=results.quick,
    )
    for column in ("artifact", "runtime"):
        table.add_column(column, no_wrap=True)
    for column in ("p50", "+-", "p99", "images/s", "size", "load", "first call"):
        table.add_column(column, justify="right", no_wrap=True)
    # One image at a time is about the wait, many at a time about the rate; p99 is too unstable to rank by.
    rows = sorted(rows, key=lambda row: row.latency_p50_s if batch == 1 else -row.throughput_images_per_s)
    best_p50 = _marker([row.latency_p50_s for row in rows], seconds)
    best_rate = _marker([row.throughput_images_per_s for row in rows], rate, highest=True)
    best_size = _marker([float(row.size_bytes) for row in rows], lambda value: number_bytes(int(value)))
    best_load = _marker([row.load_s for row in rows], seconds)
    best_first = _marker([row.first_call_s for row in rows], seconds)
    for row in rows:
        table.add_row(
            f"{row.format} {row.precision}",
            _where(row.runtime, row.device),
            best_p50(row.latency_p50_s),
            _spread(row),
            seconds(row.latency_p99_s),
            best_rate(row.throughput_images_per_s),
            best_size(float(row.size_bytes)),
            best_load(row.load_s),
            best_first(row.first_call_s),
        )
    return table


def skips(records: Sequence[Skip]) -> Table:
    """Return what was left out, with the reason and what would mend it; equal reasons share a line."""
    table = _table("Left out", "")
    for column in ("what", "why", "what mends it"):
        table.add_column(column, overflow="fold")
    groups: dict[tuple[str, str, str], list[Skip]] = {}
    for skip in records:
        groups.setdefault((skip.kind, skip.reason, skip.remedy or ""), []).append(skip)
    for (kind, reason, remedy), members in groups.items():
        style = "red" if kind == SkipKind.FAILED else "yellow" if kind == SkipKind.STALE else None
        table.add_row(_what(members), reason, remedy, style=style)
    return table


def _what(members: list[Skip]) -> str:
    """Name the skips of one reason by what they share: ranges of names, each once."""
    fields = ("architecture", "format", "precision", "runtime", "device")
    parts = []
    for field in fields:
        values = list(dict.fromkeys(value for skip in members if (value := getattr(skip, field))))
        if len(values) > 3:
            parts.append(f"{len(values)} {field}s")
        elif values:
            parts.append(", ".join(values))
    return " / ".join(parts)


def _table(title: str, caption: str, *, quick: bool = False) -> Table:
    from rich import box

    heading = Text((QUICK if quick else "") + title, style="bold")
    return Table(
        title=heading, caption=caption or None, box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left",
        padding=(0, 1, 0, 0), pad_edge=False,
    )  # fmt: skip


def _marker(values: list[float], show: Callable[[float], str], *, highest: bool = False) -> Callable[[float], Text]:
    best = max(values) if highest else min(values)

    def mark(value: float) -> Text:
        near = value >= best * (1 - TIE) if highest else value <= best * (1 + TIE)
        return Text(show(value) + "*", style="bold green") if near else Text(show(value) + " ")

    return mark


def _spread(row: Measurement) -> str:
    if row.latency_p50_low_s is None or row.latency_p50_high_s is None:
        return "-"
    share = max(row.latency_p50_high_s / row.latency_p50_s - 1, 1 - row.latency_p50_low_s / row.latency_p50_s)
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def _where(runtime: str, device: str) -> str:
    return runtime if device == "cpu" else f"{runtime} {device}"


def _layer(layer: Layer) -> str:
    match layer:
        case Dense(units, activation):
            return f"Dense {units} {activation}"
        case Conv(filters, kernel, activation):
            return f"Conv {filters} {kernel}x{kernel} {activation}"
        case MaxPool(size):
            return f"MaxPool {size}"
    return layer.kind


def _caveats(named: Iterable[tuple[str, str | None]]) -> str | None:
    return "\n".join(f"! {name}: {caveat}" for name, caveat in named if caveat) or None
