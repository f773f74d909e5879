"""The tables of the markdown report, as rows of text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mnist_deploy.decisions.recommendation import candidates
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.kinds import CELL, identity
from mnist_deploy.parity import ParityRow
from mnist_deploy.plural import counted
from mnist_deploy.reports import front, trainings
from mnist_deploy.reports import processors as other_processors
from mnist_deploy.reports.columns import NOT_VERIFIED, P50_NOTE, VERDICTS_NOTE, not_shown
from mnist_deploy.reports.layout import quiet_p50, who
from mnist_deploy.reports.markup import Written, table
from mnist_deploy.reports.setbacks import setbacks
from mnist_deploy.reports.tables import left_out
from mnist_deploy.reports.units import number_bytes, seconds
from mnist_deploy.results import Measurement, Results


@dataclass(frozen=True)
class Listing:
    """A table: what its columns are called, its rows, and what stands below it.

    `absent` has the reason why a column may have no value in any row, by the column's name.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    absent: Mapping[str, str] = field(default_factory=dict)

    def without_empty_columns(self) -> "Listing":
        """Return the table without columns that have no value in any row; its notes name them, and why."""
        places = range(len(self.head))
        kept = [place for place in places if not self.rows or any(row[place] not in {"", "-"} for row in self.rows)]
        empty = [self.head[place] for place in places if place not in kept]
        return Listing(
            [self.head[place] for place in kept],
            [[row[place] for place in kept] for row in self.rows],
            [*self.notes, *not_shown((name, self.absent.get(name, "")) for name in empty)],
        )

    def text(self, most: int | None) -> Written:
        """Return its head and at most so many rows; None means all."""
        return table(self.head, self.rows[:most])

    def left_out(self, most: int | None) -> int:
        """Return how many rows that leaves out."""
        return len(self.rows) - len(self.rows[:most])


@dataclass(frozen=True)
class Network:
    """A network's table of artifacts, and for each use the fastest that failed no gate and where int8 is slower."""

    name: str
    leaders: Sequence[str]
    setbacks: Sequence[str]
    artifacts: Listing


def networks(results: Results) -> list[Network]:
    """Return each network that was measured or verified."""
    measured: dict[str, list[Measurement]] = {}
    verified: dict[str, list[ParityRow]] = {}
    for one in results.measurements:
        measured.setdefault(one.architecture, []).append(one)
    for row in results.parity:
        verified.setdefault(row.architecture, []).append(row)
    fit: dict[str, list[Candidate]] = {}
    for candidate in candidates(results):
        if candidate.passed is not False:
            fit.setdefault(candidate.measurement.architecture, []).append(candidate)
    names = dict.fromkeys([*measured, *verified])
    return [_network(name, measured.get(name, []), verified.get(name, []), fit.get(name, [])) for name in names]


def _network(
    name: str, measured: Sequence[Measurement], verified: Sequence[ParityRow], fit: Sequence[Candidate]
) -> Network:
    """Return one row for each artifact in each runtime, fastest first, with its p50 in each use."""
    mine = sorted(measured, key=lambda one: one.latency_quiet_s)
    parity = {_key(row): row for row in verified}
    uses = sorted({_used(one) for one in mine})
    cells = {(_key(one), _used(one)): one for one in mine}
    # By the first use; then what was measured in others only; then what was verified only.
    order = sorted(mine, key=lambda one: _used(one) != uses[0])
    keys = dict.fromkeys([*map(_key, order), *parity])
    rows = [_row(parity.get(key), [cells.get((key, use)) for use in uses]) for key in keys]
    absent = dict.fromkeys(("accuracy", "change", "gate"), NOT_VERIFIED)
    absent |= dict.fromkeys(("file", "memory"), "nothing here was measured; run mnist-deploy bench")
    judged = any(one.rank is not None for one in mine)
    notes = [P50_NOTE, *([VERDICTS_NOTE] if judged else [])]
    times = [f"quiet p50, {_use(use)}" for use in uses]
    head = ("artifact", "runtime", *times, "accuracy", "change", "gate", "file", "memory")
    slower = [f"{_use(use)}: {text}" for use in uses for text in setbacks(one for one in mine if _used(one) == use)]
    return Network(name, list(_leaders(uses, fit)), slower, Listing(head, rows, notes if mine else (), absent))


def _leaders(uses: Sequence[tuple[int, int, str]], fit: Sequence[Candidate]) -> Iterator[str]:
    for use in uses:
        best = min((one for one in fit if _used(one.measurement) == use), key=lambda one: one.latency_s, default=None)
        if best is not None:
            proven = ", not verified" if best.passed is None else ""
            yield f"{_use(use)}: {' in '.join(who(best.measurement))}, {_time(best.measurement)}{proven}"


def _row(verified: ParityRow | None, measured: Sequence[Measurement | None]) -> list[str]:
    """Return the cells of one artifact in one runtime: verified, or measured in at least one use, or both."""
    known = [one for one in measured if one is not None]
    times = [_time(one) for one in measured]
    parity = ["-", "-", "-"]
    if verified is not None:
        verdict = "passed" if verified.verdict == "ok" else verified.verdict
        parity = [f"{verified.accuracy:.4f}", f"{verified.accuracy_change:+.4f}", verdict]
    costs = [number_bytes(known[0].size_bytes), number_bytes(known[0].memory_bytes)] if known else ["-", "-"]
    names = next(who(one) for one in (*known, verified) if one is not None)
    return [*names, *times, *parity, *costs]


def _time(one: Measurement | None) -> str:
    """Return a p50 with how far its interval reaches, its rank, and its verdict against the fastest."""
    if one is None:
        return "-"
    standing = "" if one.rank is None else f", rank {one.rank}, {one.versus_fastest}"
    return f"{quiet_p50(one)}{standing}"


def _used(one: Measurement) -> tuple[int, int, str]:
    return one.batch_size, one.threads, one.timed


def _use(use: tuple[int, int, str]) -> str:
    batch, threads, timed = use
    return f"batch {batch}, {counted(threads, 'thread')}{'' if timed == 'call' else ', ' + timed}"


def _key(one: Measurement | ParityRow) -> tuple[str, ...]:
    return identity(one, "artifact_sha256", of=CELL)


def across(shown: front.Front) -> Listing:
    """Return the table across networks."""
    rows = [list(front.cells(row)) for row in shown.rows]
    return Listing(front.HEAD, rows, shown.notes, {"accuracy": NOT_VERIFIED})


def failures(results: Results) -> Listing:
    """Return the rows of parity that failed their gate."""
    return _with_reasons(row for row in results.parity if row.verdict == "FAIL")


def processors(results: Results) -> Listing:
    """Return how many images get another class on other processors, for each artifact and runtime."""
    labels, lines = other_processors.lines_of(results.processors)
    rows = [[line.record.architecture, *who(line.record), *line.cells] for line in lines]
    return Listing(("network", "artifact", "runtime", *labels), rows)


def warnings(results: Results) -> Listing:
    """Return the rows of parity that kept their gate and have a warning."""
    return _with_reasons(row for row in results.parity if row.verdict == "warn")


def _with_reasons(selected: Iterable[ParityRow]) -> Listing:
    rows = [[row.architecture, *who(row), row.gate, "; ".join([*row.failures, *row.warnings])] for row in selected]
    return Listing(("network", "artifact", "runtime", "gate", "why"), rows)


def training(results: Results) -> Listing:
    """Return what was reached, against what is reported where that is of the same data; an ! marks what misleads."""
    rows, with_reported = [], trainings.has_reported(results.training)
    for one in results.training:
        loss, accuracy = [f"{one.test_loss:.4f}"], [f"{one.test_accuracy:.4f}"]
        if with_reported:
            loss.append("-" if one.reported_loss is None else f"{one.reported_loss:.4f}")
            mark = "!" if one.caveat else ""
            accuracy.append("-" if one.reported_accuracy is None else f"{one.reported_accuracy:.4f}{mark}")
        rows.append([one.architecture, str(one.epochs), *loss, *accuracy, seconds(one.duration_s)])
    figures = ("loss", "reported", "accuracy", "reported") if with_reported else ("loss", "accuracy")
    return Listing(("network", "epochs", *figures, "time"), rows)


def skips(results: Results) -> Listing:
    """Return what was left out, and why."""
    return Listing(("what", "why", "what to do"), [list(one[1:]) for one in left_out(results.skips)])


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
