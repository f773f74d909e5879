"""The page's tables of what stood around the figures: runtimes, where artifacts ran, checks, libraries and skips."""

from collections.abc import Sequence

from mnist_deploy.parity import ParityRow, ProcessorRow
from mnist_deploy.reports import processors as other_processors
from mnist_deploy.reports.html.cells import name_columns
from mnist_deploy.reports.html.grid import Column, Grid, Row, number, text
from mnist_deploy.reports.layout import who
from mnist_deploy.reports.tables import what
from mnist_deploy.reports.units import number_bytes
from mnist_deploy.results import Check, Measurement, Results, Skip, SkipKind


def runtimes(results: Results) -> Grid:
    """Return the runtimes that were measured."""
    columns = (
        Column("runtime"),
        Column("version", absent="unknown"),
        Column("installed", True, "the package and all that it requires, on disk", absent="unknown"),
        Column("timed call"),
    )
    rows = []
    for one in results.runtimes:
        calls = dict.fromkeys(row.call for row in results.measurements if row.runtime == one.runtime)
        cells = (text(one.runtime), text(one.version), number(one.installed_bytes, number_bytes))
        rows.append(Row((*cells, text("; or ".join(calls)))))
    notes = ["installed: the runtime's package and all that it requires, on disk."]
    return Grid("Runtimes", columns, rows, notes)


def proofs(found: Sequence[ParityRow | Measurement]) -> Grid:
    """Return where each kind of artifact ran, as each library reports after a call."""
    columns = (
        Column("runtime"),
        Column("artifact"),
        Column("ran on"),
        Column("arithmetic", absent="no library here reports it"),
        Column("nodes", absent="no library here reports them"),
    )
    groups: dict[tuple[str, str, str, str], list[dict[str, int]]] = {}
    for one in found:
        artifact, runtime = who(one)
        key = (runtime, artifact, one.proof.executed_on, one.proof.arithmetic or "")
        groups.setdefault(key, []).append(one.proof.placement)
    rows = [Row((*map(text, key), text(_nodes(placements)))) for key, placements in groups.items()]
    notes = ["nodes: the fewest and the most that a network has. -: the library does not report it."]
    return Grid("Where each artifact ran", columns, rows, notes)


def processors(rows: Sequence[ProcessorRow]) -> Grid:
    """Return how many images get another class on other processors, one row an artifact and runtime."""
    labels, lines = other_processors.lines_of(rows)
    columns = (
        *name_columns("network"),
        Column("same answers"),
        *(Column(label, True, "images with another class, of those compared") for label in labels),
    )
    body = [
        Row([*map(text, (line.record.architecture, *who(line.record), line.verdict, *line.cells))], line.failed)
        for line in lines
    ]
    notes = [*other_processors.failures(rows), other_processors.legend(rows)]
    return Grid("Answers on other processors", columns, body, notes)


def checks(found: Sequence[Check]) -> Grid:
    """Return the harness's checks of itself."""
    columns = (Column("check"), Column("about"), Column("value", True), Column("limit"), Column("outcome"))
    rows = [
        Row(
            (
                text(one.name),
                text(one.detail),
                number(one.value, "{:.4f}".format),
                text(one.limit),
                text("pass" if one.passed else "FAIL"),
            ),
            not one.passed,
        )
        for one in found
    ]
    return Grid("Self-check of the harness", columns, rows)


def libraries(found: dict[str, str]) -> Grid:
    """Return the versions of the libraries."""
    rows = [Row((text(name), text(version))) for name, version in found.items()]
    return Grid("Libraries", (Column("library"), Column("version")), rows)


def skips(found: Sequence[Skip]) -> Grid:
    """Return what was skipped, one row each."""
    columns = (Column("what"), Column("kind"), Column("why"), Column("what to do"))
    rows = [
        Row((text(what([one])), text(one.kind.replace("_", " ")), text(one.reason), text(one.remedy)), one.kind in _BAD)
        for one in found
    ]
    return Grid("Skipped", columns, rows)


_BAD = {SkipKind.FAILED, SkipKind.STALE}


def _nodes(placements: list[dict[str, int]]) -> str:
    counts = {key: [one.get(key, 0) for one in placements] for one in placements for key in one}
    return "; ".join(f"{key} {_span(min(numbers), max(numbers))}" for key, numbers in counts.items())


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"
