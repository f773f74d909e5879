"""Results as tables, grouped by network, fastest first, best values marked."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.architectures import Architecture, Conv, Dense, Layer, MaxPool
from mnist_deploy.artifacts import Artifact
from mnist_deploy.kinds import CELL, Variant, words
from mnist_deploy.parity import ParityRow
from mnist_deploy.reports import processors, trainings
from mnist_deploy.reports.layout import row, table, titled, who
from mnist_deploy.reports.measurements import checks, measurements
from mnist_deploy.reports.proofs import proofs
from mnist_deploy.reports.units import number_bytes, seconds
from mnist_deploy.results import Results, Skip, SkipKind, TrainingRow


def everything(results: Results) -> RenderableType:
    """Return all tables of a run, then what was left out."""
    parts: list[RenderableType] = []
    if results.training:
        parts.append(training(results.training, quick=results.quick))
    parts += parity(results.parity, quick=results.quick)
    parts += processors.tables_of(results.processors, quick=results.quick)
    parts += measurements(results)
    proven = results.measurements or results.parity
    if proven:
        parts.append(proofs(proven, quick=results.quick))
    if results.checks:
        parts.append(checks(results.checks))
    if results.skips:
        parts.append(skips(results.skips, quick=results.quick))
    return Group(*parts)


def architectures(records: Sequence[Architecture]) -> RenderableType:
    """Return the networks with their sizes and what the notebook reports."""
    body = table(("network", "layers"), ("params", "FLOPs", "epochs", "batch", "loss", "accuracy"))
    for record in records:
        figures = (f"{record.parameters:,}", f"{record.flops:,}", str(record.epochs), str(record.batch_size))
        mark = "!" if record.reported.caveat else " "
        reported = (_reported(record.reported.loss), _reported(record.reported.accuracy, mark))
        body.add_row(*row((record.name, ", ".join(_layer(layer) for layer in record.layers), *figures, *reported)))
    notes = trainings.caveats((record.name, record.reported.caveat) for record in records)
    return titled("The six networks; FLOPs for one image; loss and accuracy as the notebook reports them", body, notes)


def training(rows: Sequence[TrainingRow], *, quick: bool = False) -> RenderableType:
    """Return what was reached on the test set, against the reported figures where they are of the same data."""
    with_reported = trainings.has_reported(rows)
    loss, accuracy = (("loss", "reported"), ("accuracy", "reported")) if with_reported else (("loss",), ("accuracy",))
    body = table(("network",), ("epochs", "seed", *loss, *accuracy, "time"), ("",))
    for one in rows:
        figures = [str(one.epochs), str(one.seed), f"{one.test_loss:.4f}"]
        if with_reported:
            figures.append(_reported(one.reported_loss))
        figures.append(f"{one.test_accuracy:.4f}")
        if with_reported:
            figures.append(_reported(one.reported_accuracy, "!" if one.caveat else " "))
        body.add_row(*row((one.architecture, *figures, seconds(one.duration_s), "kept" if one.kept else "")))
    return titled(trainings.title(rows), body, trainings.notes(rows), quick=quick)


def artifacts(records: Sequence[Artifact], kept: Iterable[str]) -> Iterator[RenderableType]:
    """Yield what was exported, one table a network."""
    known = set(kept)
    for network, group in groupby(records, key=lambda record: record.architecture):
        body = table(("format", "precision", "file"), ("size",), ("",))
        for one in group:
            note = "kept" if one.label in known else ""
            body.add_row(
                *row((one.format, " ".join(words(one)[1:]), one.path.name, number_bytes(one.size_bytes), note))
            )
        yield titled(f"{network}: artifacts", body)


def parity(rows: Sequence[ParityRow], *, quick: bool = False) -> Iterator[RenderableType]:
    """Yield agreement with Keras, one table a network; a failed row is red, one with a warning yellow; both say why."""
    for name, group in groupby(rows, key=lambda one: one.architecture):
        members = list(group)
        body = table(("artifact", "runtime"), ("acc.", "95 %", "change", "p", "flips", "max err", "mean KL"), ("",))
        for one in members:
            accuracy = (f"{one.accuracy:.4f}", f"{_share(one.accuracy_low)}-{_share(one.accuracy_high)}")
            flips = f"-{len(one.lost)}+{len(one.gained)}~{len(one.altered)}"
            change = (f"{one.accuracy_change:+.4f}", f"{one.mcnemar_p:.2g}", flips)
            errors = (_error(one.max_abs_error), _error(one.mean_kl))
            cells = row((*who(one), *accuracy, *change, *errors, one.verdict))
            body.add_row(*cells, style={"FAIL": "red", "warn": "yellow"}.get(one.verdict))
        title = f"{name}: agreement with the Keras scores over {members[0].images:,} test images"
        yield titled(title, body, parity_notes(members), quick=quick)
    if rows:
        legend = (
            "95 %: Wilson's interval of the accuracy. change, p: against Keras, by McNemar's exact test. flips: lost, "
            "gained, and wrong both times but differently. mean KL: in nats, scores below 1e-7 taken for 1e-7."
        )
        yield Group(Text(legend, style="dim"), "")


def parity_notes(rows: Sequence[ParityRow]) -> list[str]:
    """Return a line for each row that failed its gate or has a warning, with the reasons."""
    return [
        f"{row.verdict} {' in '.join(who(row))} (gate {row.gate}): {'; '.join([*row.failures, *row.warnings])}"
        for row in rows
        if row.verdict != "ok"
    ]


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _error(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def skips(records: Sequence[Skip], *, quick: bool = False) -> RenderableType:
    """Return what was left out, with the reason and what would mend it; equal reasons share a line."""
    body = table(("what", "why", "what mends it"))
    for kind, what, reason, remedy in left_out(records):
        style = {
            SkipKind.FAILED: "red",
            SkipKind.STALE: "yellow",
            SkipKind.OUT_OF_MEMORY: "yellow",
            SkipKind.INTERRUPTED: "yellow",
        }.get(kind)
        body.add_row(*row((what, reason, remedy)), style=style)
    return titled("Left out", body, quick=quick)


def left_out(records: Sequence[Skip]) -> Iterator[tuple[SkipKind, str, str, str]]:
    """Yield each reason once: its kind, what was left out for it, the reason, and what would mend it."""
    groups: dict[tuple[SkipKind, str, str], list[Skip]] = {}
    for skip in records:
        groups.setdefault((skip.kind, skip.reason, skip.remedy or ""), []).append(skip)
    for (kind, reason, remedy), members in groups.items():
        yield kind, what(members), reason, remedy


def what(members: Sequence[Skip]) -> str:
    """Name the skips of one reason by the values that their fields take, each once."""
    parts = []
    for field in CELL:
        values = list(dict.fromkeys(value for skip in members if (value := getattr(skip, field))))
        # The standard variant goes without saying, unless others were left out for the same reason.
        if values and values != [Variant.STANDARD]:
            parts.append(", ".join(values))
    return " / ".join(parts)


def _layer(layer: Layer) -> str:
    match layer:
        case Dense(units, activation):
            return f"Dense {units} {activation}"
        case Conv(filters, kernel, activation):
            return f"Conv {filters} {kernel}x{kernel} {activation}"
        case MaxPool(size):
            return f"MaxPool {size}"
    return layer.kind


def _reported(figure: float | None, mark: str = "") -> str:
    return f"-{mark}" if figure is None else f"{figure:.4f}{mark}"
