"""What the page says of one network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.benchmark.recording import Recording
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.parity import ParityRow
from mnist_deploy.plural import counted
from mnist_deploy.reports.html import charts, tables
from mnist_deploy.reports.html.cells import UseCells, by_use, label, runtime_of
from mnist_deploy.reports.html.charts import Spec
from mnist_deploy.reports.html.digits import Gallery, galleries
from mnist_deploy.reports.html.distributions import Distribution, distributions
from mnist_deploy.reports.html.grid import Grid
from mnist_deploy.reports.layout import quiet_reach
from mnist_deploy.reports.units import number_bytes
from mnist_deploy.results import Measurement, Results


@dataclass(frozen=True)
class Figure:
    """A chart, what it shows in words, its legend (colours by name), and what to know when reading it."""

    spec: Spec
    title: str
    legend: Mapping[str, str]
    notes: Sequence[str] = ()
    shapes: bool = False


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
    """One network: what it is, its uses, what it costs, and how its artifacts agree with Keras."""

    name: str
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
        about=_about(name, rows),
        uses=[_use(name, use, results, recording, palette) for use in uses],
        costs=tables.costs(name, uses[0]) if uses else None,
        parity=tables.parity(name, rows) if rows else None,
        galleries=galleries(rows),
    )


def _about(name: str, rows: Sequence[ParityRow]) -> str:
    known = ARCHITECTURES.get(name)
    size = (
        f"{known.parameters:,} parameters, {known.flops:,} floating-point operations for one image. " if known else ""
    )
    if not rows:
        return size + "Not verified: run mnist-deploy verify."
    failed = sum(not row.passed for row in rows)
    gates = "all kept their parity gate" if not failed else f"{failed} failed their parity gate"
    warned = sum(row.verdict == "warn" for row in rows)
    gates += f", {warned} of them with a warning" if warned else ""
    verified = f"{counted(len(rows), 'pair')} of artifact and runtime verified, {gates}."
    return f"{size}Keras has {rows[0].reference_accuracy:.2%} of {rows[0].images:,} test images right. {verified}"


def _use(
    name: str, use: UseCells, results: Results, recording: Recording | None, palette: Mapping[str, str]
) -> UseView:
    figures = [*_pareto(name, use, palette), _bars(name, use, palette)]
    found = distributions(recording, [one.measurement for one in use.cells]) if recording else []
    told = any(found)
    return UseView(
        title=use.title,
        figures=figures,
        speed=tables.speed(name, use, results),
        distribution=_distribution(name, use, found, results, palette) if told else None,
        spread=tables.spread(name, use, found) if told else None,
    )


def _pareto(name: str, use: UseCells, palette: Mapping[str, str]) -> list[Figure]:
    spec = charts.pareto(use.cells, palette)
    if spec is None:
        return []
    sizes = [one.measurement.size_bytes for one in use.cells if one.accuracy is not None]
    notes = [f"Area: size of the artifact, {number_bytes(min(sizes))} to {number_bytes(max(sizes))}."]
    best = [label(one.measurement) for one in charts.front(use.cells)]
    if best:
        notes.append(f"On the Pareto front, of what kept its parity gate: {', '.join(best)}.")
    if any(one.passed is False for one in use.cells):
        notes.append("✕ failed its gate.")
    unknown = sum(one.accuracy is None for one in use.cells)
    if unknown:
        notes.append(f"{counted(unknown, 'cell')} not verified, so not shown.")
    notes.append(_accuracy_reach(use))
    if len(palette) > charts.COLOURS:
        notes.append("There are more runtimes than colours: some share one, and the table tells them apart.")
    return [Figure(spec, f"{name}, {use.title}: quiet p50 against accuracy", _legend(use, palette), notes, shapes=True)]


def _accuracy_reach(use: UseCells) -> str:
    """Say how wide the accuracies' intervals are: they dwarf most differences that the plot shows."""
    widest = max(
        (one.accuracy_high - one.accuracy_low) / 2
        for one in use.cells
        if one.accuracy_high is not None and one.accuracy_low is not None
    )
    return f"The 95 % intervals of the accuracies reach up to {100 * widest:.2f} points to either side."


def _bars(name: str, use: UseCells, palette: Mapping[str, str]) -> Figure:
    notes = ["Logarithmic: compare where bars end, not how long they are."]
    bare = sum(quiet_reach(one.measurement) is None for one in use.cells)
    if bare < len(use.cells):
        notes.append("Whisker: 95 % interval over passes. The number before a name is its joint rank by verdict.")
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
        "All calls that count, in bins of 2 %: the stronger the colour, the more of a cell's calls. "
        "Below each: p25 to p75, and p5 to p95, where calls are enough to tell."
    ]
    outside = sum(one.below + one.above > 0 for one in found if one)
    if outside:
        notes.append(f"{counted(outside, 'cell')} with calls outside 0.5 to 4 times the p50, which are not drawn.")
    missing = sum(one is None for one in found)
    if missing:
        notes.append(f"{counted(missing, 'cell')} not in the file of samples.")
    if results.noise and results.noise.noisy:
        notes.append("The machine was noisy: part of the spread is its own.")
    return Figure(spec, f"{name}, {use.title}: how calls spread about the p50", _legend(use, palette), notes)


def _legend(use: UseCells, palette: Mapping[str, str]) -> dict[str, str]:
    present = {runtime_of(one.measurement) for one in use.cells}
    return {name: colour for name, colour in palette.items() if name in present}
