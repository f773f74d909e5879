"""Which artifact, in which runtime, serves someone who wants one model and need not name it in full."""

from dataclasses import dataclass, fields, replace

from mnist_deploy.artifacts import KERAS_FORMAT, Artifact, ArtifactStore, Precision, State, Variant, making
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Prefer, Wishes
from mnist_deploy.errors import ArtifactError, ModelError, UsageError
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.pipeline.gathering import Gathered, gather
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.results import Measurement
from mnist_deploy.runtimes import RUNTIMES

# Those that start in a fraction of a second; the others take seconds.
LIGHT = ("litert", "onnxruntime", "openvino")


@dataclass(frozen=True)
class Wanted:
    """What someone names of a model; None leaves it open.

    A variant that is not named is left open to a recommendation, and is otherwise the standard one.
    """

    architecture: str | None = None
    format: str | None = None
    precision: str | None = None
    runtime: str | None = None
    variant: str | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is left open."""
        return None not in (self.architecture, self.format, self.precision, self.runtime)

    def allows(self, row: Measurement) -> bool:
        """Tell whether a measured row is of what is named."""
        return all(getattr(self, field.name) in (None, getattr(row, field.name)) for field in fields(self))


@dataclass(frozen=True)
class Choice:
    """One artifact in one runtime on the CPU, for calls with one image, and in words why."""

    cell: Cell
    why: str


def recommended(
    store: ArtifactStore, wanted: Wanted, gathered: Gathered, *, ready: bool, prefer: Prefer = Prefer.LATENCY
) -> Choice | None:
    """Return what is recommended for the CPU among what was measured of artifacts that are here; None if nothing is.

    Args:
        store: where the artifacts are.
        wanted: what is named; the choice is among what it leaves open; with all else named, that is the
            standard variant.
        gathered: the results.
        ready: whether to choose among runtimes that are installed here alone.
        prefer: what to choose by.

    Raises:
        ArtifactError, UnavailableError: what is recommended cannot be used here; not with `ready`.
    """
    if wanted.complete:
        wanted = replace(wanted, variant=wanted.variant or Variant.STANDARD)
    current = {
        artifact.sha256
        for artifact in store.manifest().artifacts
        if wanted.architecture in (None, artifact.architecture) and store.state(artifact) is State.CURRENT
    }
    rows = [
        row
        for row in gathered.results.measurements
        if row.device == "cpu" and row.artifact_sha256 in current and wanted.allows(row) and _known(row, ready=ready)
    ]
    if not any(row.batch_size == 1 for row in rows):
        return None
    wishes = Wishes(batch_size=1, prefer=prefer)
    found = recommend(gathered.results.model_copy(update={"measurements": rows}), wishes).chosen
    if found is None:
        return None
    row = found.measurement
    exactly = Wanted(row.architecture, row.format, row.precision, row.runtime, row.variant)
    return Choice(_cell(store, exactly, row.threads), f"recommended by {gathered.sources[0].name}")


def _known(row: Measurement, *, ready: bool) -> bool:
    runtime = RUNTIMES.get(row.runtime)
    return runtime is not None and not runtime.diagnostic and (not ready or runtime.presence("cpu").ok)


def first(store: ArtifactStore, wanted: Wanted) -> Choice:
    """Return the first artifact that a runtime here reads, of what is named: the most exact, in the lightest runtime.

    Without a network named it is that with the best accuracy in training.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: there is none; the message says what to do.
    """
    name = wanted.architecture or _best_trained(store)
    why = "as named" if wanted.complete else "no measurements of it to recommend from"
    if wanted.architecture is None:
        why = "the best network in training; no measurements to recommend from"
    return Choice(_cell(store, replace(wanted, architecture=name), 1), why)


def _best_trained(store: ArtifactStore) -> str:
    names = dict.fromkeys(artifact.architecture for artifact in store.manifest().artifacts)
    if not names:
        raise ModelError(f"{store.root}: nothing exported yet; run: mnist-deploy run")
    records = {name: store.training(name) for name in names}
    return max(names, key=lambda name: record.test_accuracy if (record := records[name]) else -1.0)


def _cell(store: ArtifactStore, wanted: Wanted, threads: int) -> Cell:
    """Return the cell of what is named, which names a network."""
    _require_exported(store, wanted)
    formats, precisions, runtimes = (
        None if one is None else [one] for one in (wanted.format, wanted.precision, wanted.runtime)
    )
    variants = [wanted.variant or Variant.STANDARD.value]
    selection = Selection([wanted.architecture or ""], formats, precisions, runtimes, ["cpu"], variants)
    cells = matrix(store, selection, [Use(batch_size=1, threads=threads)], diagnostics=False).cells
    return min(cells, key=_preference)


def require_possible(wanted: Wanted) -> None:
    """Raise what no export or measurement would change.

    Raises:
        UsageError: the runtime runs no model or never reads the format, or the format has no such precision or variant.
    """
    format, precision, runtime = wanted.format, wanted.precision, wanted.runtime
    if runtime and RUNTIMES[runtime].diagnostic:
        raise UsageError(f"--runtime {runtime}: it runs no model; name another")
    if runtime and format and format not in RUNTIMES[runtime].formats:
        reads = ", ".join(RUNTIMES[runtime].formats)
        raise UsageError(f"--runtime {runtime}: does not read {format}; it reads {reads}")
    if format is not None and precision is not None:
        has = _precisions(format)
        if precision not in has:
            raise UsageError(f"--format {format}: has no {precision}; it has {', '.join(has)}")
    elif runtime and precision:
        readable = {has: None for name in RUNTIMES[runtime].formats for has in _precisions(name)}
        if precision not in readable:
            raise UsageError(f"--runtime {runtime}: reads nothing of {precision}; it reads {', '.join(readable)}")
    if format == KERAS_FORMAT and Variant(wanted.variant or Variant.STANDARD) is not Variant.STANDARD:
        raise UsageError(f"--variant {wanted.variant}: keras has none; it is the trained model itself")


def _precisions(format: str) -> tuple[Precision, ...]:
    return (Precision.FLOAT32,) if format == KERAS_FORMAT else tuple(EXPORTERS[format].precisions)


def _require_exported(store: ArtifactStore, wanted: Wanted) -> None:
    require_possible(wanted)
    name, format, precision = wanted.architecture, wanted.format, wanted.precision
    variant = Variant(wanted.variant or Variant.STANDARD)
    if name is None or format is None or precision is None:
        return
    if (name in store.trained() or _of(store, name)) and not store.find(name, format, Precision(precision), variant):
        told = " ".join([name, format, precision, *([] if variant is Variant.STANDARD else [variant])])
        raise ArtifactError(f"{told}: not exported yet; run: {making(name, format, precision, variant)}")


def _of(store: ArtifactStore, name: str) -> list[Artifact]:
    return [artifact for artifact in store.manifest().artifacts if artifact.architecture == name]


def _preference(cell: Cell) -> tuple[int, int, int]:
    light = LIGHT.index(cell.runtime) if cell.runtime in LIGHT else len(LIGHT)
    return list(Precision).index(cell.artifact.precision), light, RUNTIMES[cell.runtime].order


def for_use(store: ArtifactStore, wanted: Wanted) -> Choice:
    """Return what to use here and now: what is named, else the most accurate that runs here, else the `first`.

    Who asks for a single answer waits for the runtime to start, not for the call: the right answer is what counts.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: there is none; the message says what to do.
    """
    if not wanted.complete:
        try:
            gathered = gather(store)
        except ArtifactError:  # no results, or none that can be read: they are not needed here
            return first(store, wanted)
        found = recommended(store, wanted, gathered, ready=True, prefer=Prefer.ACCURACY)
        if found is not None:
            return found
    return first(store, wanted)
