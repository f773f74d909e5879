"""The table across networks: what nothing beats in latency, accuracy and size, for every kind of report."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import RenderableType

from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.decisions.front import pareto_front, single_calls
from mnist_deploy.decisions.recommendation import candidates
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.plural import counted
from mnist_deploy.reports.layout import quiet_p50, row, table, titled, who
from mnist_deploy.reports.units import number_bytes
from mnist_deploy.results import Results

RULE = (
    "On the Pareto front: what passed its parity gate and is not beaten. One beats another if it is better in quiet "
    "p50, accuracy or file size and worse in none of them; times and sizes less than "
    f"{MARGIN:.0%} apart, and accuracies within chance (95 %), count as equal."
)
HEAD = ("network", "artifact", "runtime", "quiet p50", "accuracy", "size")


@dataclass(frozen=True)
class Front:
    """The rows of a table across networks, fastest first.

    Attributes:
        title: what they are.
        rows: those on the Pareto front; without accuracies the fastest of each network.
        compared: all that they were chosen among.
        notes: by which rule, and what is missing.
    """

    title: str
    rows: Sequence[Candidate]
    compared: Sequence[Candidate]
    notes: Sequence[str]


def front(results: Results) -> Front | None:
    """Return the table across networks; None where nothing was measured."""
    compared = single_calls(candidates(results))
    if not compared:
        return None
    first = compared[0].measurement
    use = f"batch {first.batch_size}, {counted(first.threads, 'thread')}"
    rows = pareto_front(compared)
    if rows:
        title = f"Pareto front across networks: {len(rows)} of {len(compared)}, {use}"
        return Front(title, rows, compared, [RULE])
    passed = [candidate for candidate in compared if candidate.passed is not False]
    fastest = {candidate.measurement.architecture: candidate for candidate in reversed(passed)}
    why = "No Pareto front, as nothing here passed its parity gate; run mnist-deploy verify."
    return Front(f"Fastest of each network, {use}", list(fastest.values())[::-1], compared, [why])


def cells(candidate: Candidate) -> tuple[str, ...]:
    """Return a row of the table, as `HEAD` names its columns."""
    measurement = candidate.measurement
    accuracy = "-" if candidate.accuracy is None else f"{candidate.accuracy:.4f}"
    return (
        measurement.architecture,
        *who(measurement),
        quiet_p50(measurement),
        accuracy,
        number_bytes(measurement.size_bytes),
    )


def front_table(results: Results, most: int | None = None) -> RenderableType | None:
    """Return the table for a terminal or a picture, with at most so many rows; None where nothing was measured."""
    shown = front(results)
    if shown is None:
        return None
    body = table(HEAD[:3], HEAD[3:])
    for candidate in shown.rows[:most]:
        body.add_row(*row(cells(candidate)))
    missing = len(shown.rows) - len(shown.rows[:most])
    notes = [*shown.notes, *([f"{counted(missing, 'more row')}: mnist-deploy report --format html"] if missing else [])]
    return titled(shown.title, body, notes, quick=results.quick)
