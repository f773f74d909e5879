"""Results as tables, grouped by network, fastest first, best values marked."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType

from mnist_deploy.architectures import Architecture, Conv, Dense, Layer, MaxPool
from mnist_deploy.artifacts import Artifact
from mnist_deploy.parity import ParityRow
from mnist_deploy.reports.layout import TIE, marker, row, table, titled
from mnist_deploy.reports.units import number_bytes, rate, seconds
from mnist_deploy.results import Measurement, Results, Skip, SkipKind, TrainingRow


def everything(results: Results) -> RenderableType:
    """Return all tables of a run, then what was left out."""
    parts: list[RenderableType] = []
    if results.training:
        parts.append(training(results.training, quick=results.quick))
    parts += parity(results.parity, quick=results.quick)
    parts += measurements(results)
    if results.skips:
        parts.append(skips(results.skips, quick=results.quick))
    return Group(*parts)


def architectures(records: Sequence[Architecture]) -> RenderableType:
    """Return the networks with their sizes and what the notebook reports."""
    body = table(("network", "layers"), ("params", "FLOPs", "epochs", "batch", "loss", "accuracy"))
    for record in records:
        figures = (f"{record.parameters:,}", f"{record.flops:,}", str(record.epochs), str(record.batch_size))
        reported = (f"{record.reported.loss:.4f}", _reported(record.reported.accuracy, record.reported.caveat))
        body.add_row(*row((record.name, ", ".join(_layer(layer) for layer in record.layers), *figures, *reported)))
    notes = _caveats((record.name, record.reported.caveat) for record in records)
    return titled("The six networks; FLOPs for one image; loss and accuracy as the notebook reports them", body, notes)


def training(rows: Sequence[TrainingRow], *, quick: bool = False) -> RenderableType:
    """Return reproduced results against the reported ones."""
    numbers = ("epochs", "seed", "loss", "reported", "accuracy", "reported", "time")
    body = table(("network",), numbers, ("",))
    for one in rows:
        loss = (f"{one.test_loss:.4f}", f"{one.reported_loss:.4f}")
        accuracy = (f"{one.test_accuracy:.4f}", _reported(one.reported_accuracy, one.caveat))
        figures = (str(one.epochs), str(one.seed), *loss, *accuracy, seconds(one.duration_s))
        body.add_row(*row((one.architecture, *figures, "kept" if one.kept else "")))
    notes = _caveats((one.architecture, one.caveat) for one in rows)
    return titled("Training: reproduced on the test set against reported", body, notes, quick=quick)


def artifacts(records: Sequence[Artifact], kept: Iterable[str]) -> Iterator[RenderableType]:
    """Yield what was exported, one table a network."""
    known = set(kept)
    for name, group in groupby(records, key=lambda record: record.architecture):
        body = table(("format", "precision", "file"), ("size",), ("",))
        for one in group:
            note = "kept" if one.label in known else ""
            body.add_row(*row((one.format, one.precision, one.path.name, number_bytes(one.size_bytes), note)))
        yield titled(f"{name}: artifacts", body)


def parity(rows: Sequence[ParityRow], *, quick: bool = False) -> Iterator[RenderableType]:
    """Yield agreement with Keras, one table a network; a failed row is red and says why."""
    for name, group in groupby(rows, key=lambda one: one.architecture):
        members = list(group)
        body = table(("artifact", "runtime"), ("accuracy", "change", "top-1 agreement", "max abs error"), ("",))
        for one in members:
            verdict = "ok" if one.passed else "FAILED: " + "; ".join(one.failures)
            shares = (f"{one.accuracy:.4f}", f"{one.accuracy_change:+.4f}", f"{one.top1_agreement:.4f}")
            cells = row((*_who(one), *shares, f"{one.max_abs_error:.1e}", verdict))
            body.add_row(*cells, style=None if one.passed else "red")
        title = f"{name}: agreement with the Keras scores over {members[0].images:,} test images"
        yield titled(title, body, quick=quick)


def measurements(results: Results) -> Iterator[RenderableType]:
    """Yield one table a network and use, fastest first."""
    for name in dict.fromkeys(one.architecture for one in results.measurements):
        mine = [one for one in results.measurements if one.architecture == name]
        for batch, threads in dict.fromkeys((one.batch_size, one.threads) for one in mine):
            rows = [one for one in mine if (one.batch_size, one.threads) == (batch, threads)]
            yield _measured(f"{name}: batch {batch}, {_count(threads, 'thread')}", batch, rows, results)


def _measured(title: str, batch: int, rows: list[Measurement], results: Results) -> RenderableType:
    body = table(("artifact", "runtime"), ("p50", "+-", "p99", "images/s", "size", "load", "1st call"))
    # One image at a time is about the wait, many at a time about the rate; p99 is too unstable to rank by.
    rows = sorted(rows, key=lambda one: one.latency_p50_s if batch == 1 else -one.throughput_images_per_s)
    p50 = marker([one.latency_p50_s for one in rows], seconds)
    throughput = marker([one.throughput_images_per_s for one in rows], rate, highest=True)
    size = marker([one.size_bytes for one in rows], number_bytes)
    load = marker([one.load_s for one in rows], seconds)
    first_call = marker([one.first_call_s for one in rows], seconds)
    for one in rows:
        steady = (p50(one.latency_p50_s), _spread(one), seconds(one.latency_p99_s))
        cold = (size(one.size_bytes), load(one.load_s), first_call(one.first_call_s))
        body.add_row(*row((*_who(one), *steady, throughput(one.throughput_images_per_s), *cold)))
    passes = max(one.passes for one in rows)
    notes = [
        f"* best, or within {TIE:.0%} of it. Times are for one call with {_count(batch, 'image')}; "
        f"{_count(passes, 'pass', 'passes')}."
    ]
    if passes > 1:
        notes.append("+- is the 95 % interval of p50 over passes.")
    if results.clock_floor_s is not None:
        notes.append(f"Reading the clock costs {seconds(results.clock_floor_s)}, which is part of every call.")
    return titled(title, body, [" ".join(notes)], quick=results.quick)


def skips(records: Sequence[Skip], *, quick: bool = False) -> RenderableType:
    """Return what was left out, with the reason and what would mend it; equal reasons share a line."""
    body = table(("what", "why", "what mends it"))
    groups: dict[tuple[SkipKind, str, str], list[Skip]] = {}
    for skip in records:
        groups.setdefault((skip.kind, skip.reason, skip.remedy or ""), []).append(skip)
    for (kind, reason, remedy), members in groups.items():
        style = {SkipKind.FAILED: "red", SkipKind.STALE: "yellow"}.get(kind)
        body.add_row(*row((_what(members), reason, remedy)), style=style)
    return titled("Left out", body, quick=quick)


def _what(members: list[Skip]) -> str:
    """Name the skips of one reason by the values that their fields take, each once."""
    parts = []
    for field in ("architecture", "format", "precision", "runtime", "device"):
        values = list(dict.fromkeys(value for skip in members if (value := getattr(skip, field))))
        if values:
            parts.append(", ".join(values))
    return " / ".join(parts)


def _who(one: ParityRow | Measurement) -> tuple[str, str]:
    """Return the cells that say what ran where; the CPU, being the rule, goes without saying."""
    runtime = one.runtime if one.device == "cpu" else f"{one.runtime} {one.device}"
    return f"{one.format} {one.precision}", runtime


def _spread(one: Measurement) -> str:
    if one.latency_p50_low_s is None or one.latency_p50_high_s is None:
        return "-"
    share = max(one.latency_p50_high_s / one.latency_p50_s - 1, 1 - one.latency_p50_low_s / one.latency_p50_s)
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def _count(number: int, word: str, words: str | None = None) -> str:
    return f"{number} {word if number == 1 else words or word + 's'}"


def _layer(layer: Layer) -> str:
    match layer:
        case Dense(units, activation):
            return f"Dense {units} {activation}"
        case Conv(filters, kernel, activation):
            return f"Conv {filters} {kernel}x{kernel} {activation}"
        case MaxPool(size):
            return f"MaxPool {size}"
    return layer.kind


def _reported(accuracy: float, caveat: str | None) -> str:
    return f"{accuracy:.4f}{'!' if caveat else ' '}"


def _caveats(named: Iterable[tuple[str, str | None]]) -> list[str]:
    return [f"! {name}: {caveat}" for name, caveat in named if caveat]
