"""What the page says first: what to deploy, what to know before relying on it, and the best of each network."""

from collections.abc import Iterator
from dataclasses import dataclass

from mnist_deploy.benchmark.comparison import MARGIN, TIE_MARGIN
from mnist_deploy.decisions.recommendation import candidates, recommend
from mnist_deploy.decisions.records import Candidate, Recommendation, Wishes
from mnist_deploy.plural import counted
from mnist_deploy.reports.columns import NOT_VERIFIED
from mnist_deploy.reports.html.cells import INSTALLED, MEMORY, P50, SIZE, accuracy_cell, artifact_cells, p50_cell
from mnist_deploy.reports.html.grid import Cell, Column, Grid, Row, number, text
from mnist_deploy.reports.measurements import time_limited
from mnist_deploy.reports.units import number_bytes
from mnist_deploy.reports.wording import verdict_against
from mnist_deploy.results import Results

# More than these nobody considers; the table of all measurements has the rest.
ALTERNATIVES = 5
TIMES_NOTE = (
    f"tie: less than {TIE_MARGIN:.0%} apart in another run too; slower or faster: by {MARGIN:.0%} or more; undecided: "
    "the run tells neither."
)


@dataclass(frozen=True)
class Caution:
    """What to know before any figure is read: a word for it, and what it means."""

    name: str
    text: str


def warnings(results: Results) -> Iterator[Caution]:
    """Yield what weakens all figures of these results."""
    noise, plan = results.noise, results.plan
    if results.quick:
        yield Caution("Quick run", "Too short for figures to rely on; for those: mnist-deploy bench.")
    if not results.complete:
        yield Caution("Interrupted", "The run did not end; what it finished is here.")
    if results.time_limited and plan is not None:
        yield Caution("Time limit", f"{time_limited(results)}.")
    if noise is None:
        return
    if noise.noisy:
        yield Caution(
            "Noisy machine",
            f"Other programs disturbed {noise.disturbed:,} of {noise.bursts:,} bursts of calls. Figures marked ~ may "
            "not repeat; the quiet p50 and the ranks allow for it.",
        )
    if noise.no_verdicts is not None:
        yield Caution("No verdicts", f"{noise.no_verdicts}.")


def alternatives(found: Recommendation) -> Grid | None:
    """Return the few that come next to the chosen one: its ties first, then the next best; None where there is none."""
    chosen, others = found.chosen, [*found.tied, *found.runners_up]
    if chosen is None or not others:
        return None
    columns = (
        Column("candidate"),
        P50,
        Column("accuracy", True, "on the test set", absent=NOT_VERIFIED),
        Column("verdict", meaning="its time against the recommended one's"),
        SIZE,
        MEMORY,
        INSTALLED,
    )
    rows = [
        Row(
            (text(one.label), p50_cell(one), accuracy_cell(one), text(verdict_against(one, chosen, found)), *_more(one))
        )
        for one in others[:ALTERNATIVES]
    ]
    notes = [f"verdict: its time against the recommended one's. {TIMES_NOTE}"]
    if found.tied[ALTERNATIVES:]:
        more = counted(len(found.tied) - ALTERNATIVES, "more candidate")
        notes.append(f"{more}: ties, or undecided; see all measurements.")
    return Grid(f"Next best, {_images(found.batch_size)}", columns, rows, notes)


def best_of_each(results: Results) -> Grid | None:
    """Return what the recommendation would be for each network and batch size alone, without limits."""
    columns = (
        Column("network"),
        Column("batch", True, "images a call", folds=True),
        Column("artifact", folds=True),
        Column("runtime", folds=True),
        Column("threads", True, folds=True),
        P50,
        Column("accuracy", True, "on the test set", absent=NOT_VERIFIED),
        SIZE,
        MEMORY,
        INSTALLED,
        Column("not slower", True, "how many others are a tie with it, or undecided"),
    )
    groups = dict.fromkeys((one.measurement.architecture, one.measurement.batch_size) for one in candidates(results))
    rows = [_best(results, name, batch) for name, batch in groups]
    notes = ["What failed its parity gate is left out. not slower: how many others are a tie with it, or undecided."]
    return Grid("Fastest of each network", columns, rows, notes) if groups else None


def _best(results: Results, name: str, batch: int) -> Row:
    found = recommend(results, Wishes(batch_size=batch, max_accuracy_drop=None), [name])
    one = found.chosen
    if one is None:
        return Row((text(name), number(batch, _count), text("none passed its gate"), *[text(None)] * 8), bad=True)
    threads = number(one.measurement.threads, _count)
    return Row(
        (
            text(name),
            number(batch, _count),
            *artifact_cells(one),
            threads,
            p50_cell(one),
            accuracy_cell(one),
            *_more(one),
            number(len(found.tied), _count),
        )
    )


def _more(one: Candidate) -> tuple[Cell, ...]:
    row = one.measurement
    return (
        number(row.size_bytes, number_bytes),
        number(row.memory_bytes, number_bytes),
        number(one.installed_bytes, number_bytes),
    )


def _images(batch_size: int) -> str:
    return f"for calls with {counted(batch_size, 'image')}"


def _count(value: float) -> str:
    return f"{value:,.0f}"
