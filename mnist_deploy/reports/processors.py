"""Answers on other processors as tables: one row an artifact and runtime, one column a processor."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.kinds import CELL, identity
from mnist_deploy.parity import ProcessorRow
from mnist_deploy.reports.layout import row, table, titled, who


def table_cells(rows: Sequence[ProcessorRow]) -> tuple[list[str], list[tuple[ProcessorRow, list[str]]]]:
    """Return the processors, and for each artifact and runtime its first row with a text for each processor.

    A text says how many images got another class there than here: '0/1,000'; '-' is not known.
    """
    labels = list(dict.fromkeys(record.processor_label for record in rows))
    groups: dict[tuple[str, ...], dict[str, ProcessorRow]] = {}
    for record in rows:
        groups.setdefault(identity(record, of=CELL), {})[record.processor_label] = record
    texts = [
        (next(iter(group.values())), [_changed(group.get(label)) for label in labels]) for group in groups.values()
    ]
    return labels, texts


def failures(rows: Sequence[ProcessorRow]) -> list[str]:
    """Return a sentence for each row that failed."""
    return [
        f"FAIL {record.architecture} {' in '.join(who(record))}: {'; '.join(record.failures)}"
        for record in rows
        if not record.passed
    ]


def legend(rows: Sequence[ProcessorRow]) -> str:
    """Return what the numbers mean, and which processor they are compared with."""
    largest = max((record.max_abs_difference or 0.0 for record in rows), default=0.0)
    return (
        f"Images with another class than on this processor, {rows[0].compared_with}, of those nearest to a tie. "
        f"The largest difference of a score is {largest:.1g}."
    )


def tables_of(rows: Sequence[ProcessorRow], *, quick: bool = False) -> Iterator[RenderableType]:
    """Yield one table a network, then what the numbers mean; a row of what failed is red and says why below."""
    for name, group in groupby(rows, key=lambda record: record.architecture):
        members = list(group)
        labels, texts = table_cells(members)
        body = table(("artifact", "runtime"), tuple(labels), ("",))
        failed = {identity(record, of=CELL) for record in members if not record.passed}
        for record, cells in texts:
            bad = identity(record, of=CELL) in failed
            body.add_row(*row((*who(record), *cells, "FAIL" if bad else "ok")), style="red" if bad else None)
        yield titled(f"{name}: answers on other processors", body, failures(members), quick=quick)
    if rows:
        yield Group(Text(legend(rows), style="dim"), "")


def _changed(record: ProcessorRow | None) -> str:
    return "-" if record is None else f"{record.changed}/{record.images:,}"
