"""The tables of the markdown report, as rows of text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mnist_deploy.decisions.recommendation import candidates
from mnist_deploy.parity import ParityRow
from mnist_deploy.reports.layout import counted, who
from mnist_deploy.reports.markup import Written, table
from mnist_deploy.reports.units import number_bytes, percent, seconds
from mnist_deploy.results import Measurement, Results

FAILURES = ("network", "artifact", "runtime", "gate", "why")
TRAINING = ("network", "epochs", "loss", "reported", "accuracy", "reported", "time")
SKIPS = ("what", "why", "what mends it")


@dataclass(frozen=True)
class Listing:
    """A table: how many rows it has, and how many more were left out."""

    text: Written
    rows: int
    more: int


@dataclass(frozen=True)
class Network:
    """A network's table of artifacts, and for each use the fastest artifact that failed no gate."""

    name: str
    leaders: Sequence[str]
    artifacts: Listing


def listing(head: Sequence[str], rows: Iterable[Sequence[str]], cap: int | None) -> Listing:
    """Return a table with at most `cap` of the rows; None means all."""
    every = list(rows)
    shown = every[:cap]
    return Listing(table(head, shown), len(shown), len(every) - len(shown))


def network(results: Results, name: str, cap: int | None) -> Network:
    """Return one row for each artifact in each runtime, fastest first, with its p50 in each use."""
    mine = sorted((one for one in results.measurements if one.architecture == name), key=lambda one: one.latency_p50_s)
    verified = {_key(row): row for row in results.parity if row.architecture == name}
    uses = sorted({_used(one) for one in mine})
    cells = {(_key(one), _used(one)): one for one in mine}
    # By the first use; then what was measured in others only; then what was verified only.
    order = sorted(mine, key=lambda one: _used(one) != uses[0])
    keys = list(dict.fromkeys([*map(_key, order), *verified]))
    rows = [_row(verified.get(key), [cells.get((key, use)) for use in uses]) for key in keys]
    times = [f"p50, {_use(use)}" for use in uses]
    head = ("artifact", "runtime", *times, "accuracy", "change", "gate", "file", "memory")
    fit = [one for one in candidates(results) if one.measurement.architecture == name and one.passed is not False]
    leaders = []
    for use in uses:
        best = min((one for one in fit if _used(one.measurement) == use), key=lambda one: one.latency_s, default=None)
        if best is not None:
            proven = ", not verified" if best.passed is None else ""
            leaders.append(f"{_use(use)}: {' in '.join(who(best.measurement))}, {_time(best.measurement)}{proven}")
    return Network(name, leaders, listing(head, rows, cap))


def _row(verified: ParityRow | None, measured: Sequence[Measurement | None]) -> list[str]:
    """Return the cells of one artifact in one runtime: verified, or measured in at least one use, or both."""
    known = [one for one in measured if one is not None]
    times = [_time(one) for one in measured]
    parity = ["-", "-", "-"]
    if verified is not None:
        kept = "kept" if verified.passed else "FAIL"
        parity = [f"{verified.accuracy:.4f}", f"{verified.accuracy_change:+.4f}", kept]
    costs = [number_bytes(known[0].size_bytes), number_bytes(known[0].memory_bytes)] if known else ["-", "-"]
    names = next(who(one) for one in (*known, verified) if one is not None)
    return [*names, *times, *parity, *costs]


def _time(one: Measurement | None) -> str:
    """Return a p50 with how far its interval reaches, and its joint rank by verdict."""
    if one is None:
        return "-"
    low, high, centre = one.latency_p50_low_s, one.latency_p50_high_s, one.latency_p50_s
    reach = "" if low is None or high is None else f" ±{percent(max(high / centre - 1, 1 - low / centre))}"
    return f"{seconds(centre)}{reach}" + ("" if one.rank is None else f", rank {one.rank}")


def _used(one: Measurement) -> tuple[int, int, str]:
    return one.batch_size, one.threads, one.timed


def _use(use: tuple[int, int, str]) -> str:
    batch, threads, timed = use
    return f"batch {batch}, {counted(threads, 'thread')}{'' if timed == 'call' else ', ' + timed}"


def _key(one: Measurement | ParityRow) -> tuple[str, ...]:
    return one.format, one.precision, one.runtime, one.device, one.artifact_sha256


def failure(row: ParityRow) -> list[str]:
    """Return the cells of `FAILURES` for a row that failed its gate."""
    return [row.architecture, *who(row), row.gate, "; ".join(row.failures)]


def trained(results: Results) -> Iterator[list[str]]:
    """Yield the cells of `TRAINING`; an ! marks a report that misleads."""
    for row in results.training:
        slip = "!" if row.caveat else ""
        loss = (f"{row.test_loss:.4f}", f"{row.reported_loss:.4f}")
        accuracy = (f"{row.test_accuracy:.4f}", f"{row.reported_accuracy:.4f}{slip}")
        yield [row.architecture, str(row.epochs), *loss, *accuracy, seconds(row.duration_s)]


def environment(results: Results) -> Iterator[tuple[str, str]]:
    """Yield what the figures depend on, each under its name."""
    here = results.environment
    physical, logical = ("unknown" if one is None else str(one) for one in (here.physical_cores, here.logical_cores))
    yield "CPU", here.cpu or "unknown"
    yield "cores", f"{here.usable_cores} usable, {physical} physical, {logical} logical"
    yield "memory", number_bytes(here.memory_bytes)
    if here.virtual_machine:
        yield "virtual machine", here.virtual_machine
    yield "GPU", "; ".join(here.accelerators) or "none"
    yield "software", f"mnist-deploy {here.mnist_deploy}, Python {here.python}, {here.platform}"
    yield "libraries", ", ".join(f"{name} {version}" for name, version in here.libraries.items()) or "none"
    yield "data", f"SHA-256 {results.data_sha256[:12]}"
