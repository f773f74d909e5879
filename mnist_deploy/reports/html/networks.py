"""What the page says of one network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.benchmark.recording import Recording
from mnist_deploy.decisions.front import pareto_front
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.parity import ParityRow
from mnist_deploy.plural import counted
from mnist_deploy.reports.html import charts, quality_tables, tables
from mnist_deploy.reports.html.across import bubble_notes
from mnist_deploy.reports.html.cells import UseCells, by_use, label, runtime_of
from mnist_deploy.reports.html.digits import Gallery, galleries
from mnist_deploy.reports.html.distributions import Distribution, distributions
from mnist_deploy.reports.html.figures import Figure
from mnist_deploy.reports.html.grid import Grid
from mnist_deploy.reports.html.scatter import scatter
from mnist_deploy.reports.layout import quiet_reach, who
from mnist_deploy.reports.units import seconds
from mnist_deploy.results import Measurement, Results

HEIGHT = 300


@dataclass(frozen=True)
class UseView:
    """One use of a network: its figures, its tables, and why a figure is missing."""

    title: str
    figures: Sequence[Figure]
    speed: Grid
    distribution: Figure | None
    spread: Grid | None


@dataclass(frozen=True)
class NetworkView:
    """One network: what it is, its uses, what it costs, and how its artifacts agree with Keras.

    `best` is its fastest artifact in one line, of those that failed no gate.
    """

    name: str
    best: str
    about: str
    uses: Sequence[UseView]
    costs: Grid | None
    parity: Grid | None
    galleries: Sequence[Gallery]


def networks(results: Results, cells: Sequence[Candidate], recording: Recording | None) -> list[NetworkView]:
    """Return the networks that were measured or verified, in the order of the results."""
    palette = charts.colours([runtime_of(row) for row in results.measurements])
    rows: list[Measurement | ParityRow] = [*results.measurements, *results.parity]
    names = dict.fromkeys(row.architecture for row in rows)
    return [_network(name, results, cells, recording, palette) for name in names]


def _network(
    name: str,
    results: Results,
    cells: Sequence[Candidate],
    recording: Recording | None,
    palette: Mapping[str, str],
) -> NetworkView:
    uses = by_use(one for one in cells if one.measurement.architecture == name)
    rows = [row for row in results.parity if row.architecture == name]
    return NetworkView(
        name=name,
        best=_best(uses[0]) if uses else "",
        about=_about(name, rows),
        uses=[_use(name, use, results, recording, palette) for use in uses],
        costs=tables.costs(name, uses[0]) if uses else None,
        parity=quality_tables.parity(name, rows) if rows else None,
        galleries=galleries(rows),
    )


def _best(use: UseCells) -> str:
    fastest = next((one for one in use.cells if one.passed is not False), None)
    if fastest is None:
        return "nothing passed its parity gate"
    accuracy = "not verified" if fastest.accuracy is None else f"accuracy {fastest.accuracy:.4f}"
    return f"fastest, {use.title}: {' in '.join(who(fastest.measurement))}, {seconds(fastest.latency_s)}, {accuracy}"


def _about(name: str, rows: Sequence[ParityRow]) -> str:
    known = ARCHITECTURES.get(name)
    size = (
        f"{known.parameters:,} parameters, {known.flops:,} floating-point operations for one image. " if known else ""
    )
    if not rows:
        return size + "Not verified: run mnist-deploy verify."
    failed = sum(not row.passed for row in rows)
    gates = "all passed their parity gate" if not failed else f"{failed} failed their parity gate"
    warned = sum(row.verdict == "warn" for row in rows)
    gates += f", {warned} of them with a warning" if warned else ""
    verified = f"{counted(len(rows), 'pair')} of artifact and runtime verified, {gates}."
    return f"{size}Keras has {rows[0].reference_accuracy:.2%} of {rows[0].images:,} test images right. {verified}"


def _use(
    name: str, use: UseCells, results: Results, recording: Recording | None, palette: Mapping[str, str]
) -> UseView:
    figures = [*_scatter(name, use, palette), _bars(name, use, palette)]
    found = distributions(recording, [one.measurement for one in use.cells]) if recording else []
    told = any(found)
    return UseView(
        title=use.title,
        figures=figures,
        speed=tables.speed(name, use, results),
        distribution=_distribution(name, use, found, results, palette) if told else None,
        spread=tables.spread(name, use, found) if told else None,
    )


def _scatter(name: str, use: UseCells, palette: Mapping[str, str]) -> list[Figure]:
    spec = scatter(use.cells, palette, lambda cell: runtime_of(cell.measurement), HEIGHT)
    if spec is None:
        return []
    front = pareto_front(use.cells)
    notes = bubble_notes(use.cells, front)
    if front:
        names = (f"{place} {label(cell.measurement)}" for place, cell in enumerate(front, start=1))
        notes.append(f"On the Pareto front of this network: {', '.join(names)}.")
    if len(palette) > charts.COLOURS:
        notes.append("There are more runtimes than colors: some share one, and the table tells them apart.")
    return [Figure(spec, f"{name}, {use.title}: accuracy against quiet p50", _legend(use, palette), notes, shapes=True)]


def _bars(name: str, use: UseCells, palette: Mapping[str, str]) -> Figure:
    notes = ["Logarithmic: compare where bars end, not how long they are."]
    bare = sum(quiet_reach(one.measurement) is None for one in use.cells)
    if bare < len(use.cells):
        notes.append("Whisker: 95 % interval. The number before a name is its rank.")
    if bare:
        notes.append(f"No interval for {bare} of {len(use.cells)}: it takes three passes.")
    return Figure(
        charts.bars(use.cells, palette), f"{name}, {use.title}: quiet p50 of one call", _legend(use, palette), notes
    )


def _distribution(
    name: str,
    use: UseCells,
    found: Sequence[Distribution | None],
    results: Results,
    palette: Mapping[str, str],
) -> Figure | None:
    spec = charts.strips(use.cells, found, palette)
    if spec is None:
        return None
    notes = [
        "All timed calls in bins of 2 %: the stronger the color, the more calls. "
        "Below each: p25 to p75, and p5 to p95, where there are enough calls."
    ]
    outside = sum(one.below + one.above > 0 for one in found if one)
    if outside:
        notes.append(f"{counted(outside, 'row')} with calls outside 0.5 to 4 times the p50, which are not drawn.")
    missing = sum(one is None for one in found)
    if missing:
        notes.append(f"{counted(missing, 'row')} not in the file of samples.")
    if results.noise and results.noise.noisy:
        notes.append("The machine was noisy: part of the spread is its own.")
    return Figure(spec, f"{name}, {use.title}: how calls spread about the p50", _legend(use, palette), notes)


def _legend(use: UseCells, palette: Mapping[str, str]) -> dict[str, str]:
    present = {runtime_of(one.measurement) for one in use.cells}
    return {name: colour for name, colour in palette.items() if name in present}
