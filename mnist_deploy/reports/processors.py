"""Answers on other processors as tables: one row an artifact and runtime, one column a processor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.kinds import CELL, identity
from mnist_deploy.parity import ProcessorRow
from mnist_deploy.reports.layout import row, table, titled, who


@dataclass(frozen=True)
class ProcessorLine:
    """An artifact in a runtime, with a text for each processor, as '0/1,000' or '-', and what that comes to."""

    record: ProcessorRow
    cells: list[str]
    failed: bool
    kept: bool

    @property
    def verdict(self) -> str:
        """`FAIL` or `ok`, and whether that was found by an earlier command."""
        return ("FAIL" if self.failed else "ok") + (", kept" if self.kept else "")


def lines_of(rows: Sequence[ProcessorRow]) -> tuple[list[str], list[ProcessorLine]]:
    """Return the processors, and a line for each artifact and runtime.

    A cell says how many images get another class there than here, of how many; '-' is not known.
    """
    labels = list(dict.fromkeys(record.processor_label for record in rows))
    groups: dict[tuple[str, ...], dict[str, ProcessorRow]] = {}
    for record in rows:
        groups.setdefault(identity(record, of=CELL), {})[record.processor_label] = record
    lines = [
        ProcessorLine(
            record=next(iter(group.values())),
            cells=[_changed(group.get(label)) for label in labels],
            failed=not all(record.passed for record in group.values()),
            kept=all(record.kept for record in group.values()),
        )
        for group in groups.values()
    ]
    return labels, lines


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
    kept = sum(record.kept for record in rows)
    return (
        f"Images that get another class than on this processor, {rows[0].compared_with}, of those nearest to a tie: "
        f"whose two highest scores in Keras lie closest together. The largest difference of a score is {largest:.1g}."
        + (f" Kept: {kept} of {len(rows)} were computed by an earlier command." if kept else "")
    )


def tables_of(rows: Sequence[ProcessorRow], *, quick: bool = False) -> Iterator[RenderableType]:
    """Yield one table a network, then what the numbers mean; a line of what failed is red and says why below."""
    for name, group in groupby(rows, key=lambda record: record.architecture):
        members = list(group)
        labels, lines = lines_of(members)
        body = table(("artifact", "runtime"), tuple(labels), ("",))
        for line in lines:
            cells = row((*who(line.record), *line.cells, line.verdict))
            body.add_row(*cells, style="red" if line.failed else None)
        yield titled(f"{name}: answers on other processors", body, failures(members), quick=quick)
    if rows:
        yield Group(Text(legend(rows), style="dim"), "")


def _changed(record: ProcessorRow | None) -> str:
    return "-" if record is None else f"{record.changed}/{record.images:,}"
