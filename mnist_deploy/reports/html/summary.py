"""What the page says first: what to deploy, what to know before relying on it, and the best of each network."""

from collections.abc import Iterator
from dataclasses import dataclass

from mnist_deploy.decisions.recommendation import candidates, recommend
from mnist_deploy.decisions.records import Candidate, Recommendation, Wishes
from mnist_deploy.plural import counted
from mnist_deploy.reports.html.grid import Cell, Column, Grid, Row, number, text
from mnist_deploy.reports.layout import quiet_reach, who
from mnist_deploy.reports.measurements import time_limited
from mnist_deploy.reports.units import number_bytes, percent, seconds
from mnist_deploy.results import Results


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
            f"{noise.disturbed:,} of {noise.bursts:,} bursts were disturbed. Figures marked ~ hold for this hour only; "
            "the quiet p50 and the ranks are made for such a machine.",
        )
    if noise.no_verdicts is not None:
        yield Caution("No verdicts", f"{noise.no_verdicts}.")


def runners_up(found: Recommendation) -> Grid:
    """Return what comes next to the chosen one: those that are not told apart from it, and the next best."""
    columns = (
        Column("candidate"),
        Column("standing"),
        Column("quiet p50", True, "median call in quiet moments"),
        Column("±", True, "how far the 95 % interval of the quiet p50 reaches"),
        *_MORE,
    )
    standing = [(one, "not told apart") for one in found.tied] + [(one, "next best") for one in found.runners_up]
    rows = [Row((text(one.label), text(word), *_p50(one), *_more(one))) for one, word in standing]
    return Grid(f"The next best, {_images(found.batch_size)}", columns, rows)


def best_of_each(results: Results) -> Grid | None:
    """Return what the recommendation would be for each network and batch size alone, by latency and without limits."""
    columns = (
        Column("network"),
        Column("batch", True, "images a call"),
        Column("artifact"),
        Column("runtime"),
        Column("threads", True),
        Column("quiet p50", True, "median call in quiet moments"),
        Column("±", True, "how far the 95 % interval of the quiet p50 reaches"),
        *_MORE,
        Column("tied", True, "how many others the measurements do not tell apart from it"),
    )
    groups = dict.fromkeys((one.measurement.architecture, one.measurement.batch_size) for one in candidates(results))
    rows = [_best(results, name, batch) for name, batch in groups]
    notes = ["Artifacts that failed their parity gate are left out. ±: how far another run's may lie from it."]
    return Grid("The fastest of each network", columns, rows, notes) if groups else None


_MORE = (
    Column("accuracy", True, "on the test set"),
    Column("size", True, "of the artifact"),
    Column("memory", True, "what the process grew by, library and model, at its peak"),
    Column("installed", True, "the runtime's package and all that it requires, on disk"),
)


def _best(results: Results, name: str, batch: int) -> Row:
    found = recommend(results, Wishes(batch_size=batch), [name])
    one = found.chosen
    if one is None:
        return Row((text(name), number(batch, _count), text("none kept its gate"), *[text(None)] * 9), bad=True)
    artifact, runtime = who(one.measurement)
    who_cells = (text(artifact), text(runtime), number(one.measurement.threads, _count))
    return Row(
        (text(name), number(batch, _count), *who_cells, *_p50(one), *_more(one), number(len(found.tied), _count))
    )


def _p50(one: Candidate) -> tuple[Cell, Cell]:
    return number(one.latency_s, seconds), number(quiet_reach(one.measurement), percent)


def _more(one: Candidate) -> tuple[Cell, ...]:
    row = one.measurement
    return (
        number(one.accuracy, "{:.4f}".format),
        number(row.size_bytes, number_bytes),
        number(row.memory_bytes, number_bytes),
        number(one.installed_bytes, number_bytes),
    )


def _images(batch_size: int) -> str:
    return f"for calls with {counted(batch_size, 'image')}"


def _count(value: float) -> str:
    return f"{value:,.0f}"
