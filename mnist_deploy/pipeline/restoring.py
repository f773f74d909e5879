"""What an earlier process measured, taken over by one that goes on with it, if nothing has changed since."""

from collections.abc import Iterator

from mnist_deploy import environment
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.messages import Loaded
from mnist_deploy.benchmark.recording import CellKey, Recording
from mnist_deploy.dataset import Dataset
from mnist_deploy.decisions.identity import machine_differences
from mnist_deploy.environment import Environment
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.kinds import CELL, identity, kind
from mnist_deploy.pipeline.figures import Facts
from mnist_deploy.pipeline.recorder import Recorder
from mnist_deploy.results import TRIED, Measurement, Results


def restore(recorder: Recorder, store: ArtifactStore, found: Results, dataset: Dataset) -> None:
    """Give `recorder` the whole passes of `found`, and what failed in them.

    Raises:
        UsageError: the machine, a library, the data or an artifact is no longer what it was.
        ArtifactError: the samples are missing or damaged.
    """
    path = store.results / f"{found.stem}.json"
    samples = _samples(store, found) if found.passes_done else Recording()
    if found.passes_done:
        _fill(recorder, samples, found)
    changed = next(_changes(found, recorder, samples, dataset), None)
    if changed:
        raise UsageError(f"{path}: cannot go on, for something changed: {changed}; begin anew: mnist-deploy bench")


def changes(found: Results, here: Environment, data_sha256: str) -> Iterator[str]:
    """Yield each difference of machine, libraries and data that would make one figure of two things."""
    yield from machine_differences(found.environment, here)
    yield from library_differences(found.environment, here)
    if found.data_sha256 != data_sha256:
        was, now = found.data_sha256[:12], data_sha256[:12]
        yield f"data_sha256: {was} against {now} (give the --data that it was made with)"


def _samples(store: ArtifactStore, found: Results) -> Recording:
    if found.samples is None:
        raise ArtifactError(
            f"{store.results / found.stem}.json: its samples were not saved, so nothing can go on; "
            "begin anew: mnist-deploy bench"
        )
    file = store.results / found.samples
    try:
        return recording.load(file)
    except Exception as error:  # numpy and zipfile raise half a dozen kinds for a damaged archive
        raise ArtifactError(f"{file}: not readable; begin anew: mnist-deploy bench") from error


def _fill(recorder: Recorder, samples: Recording, found: Results) -> None:
    rows = {_key(row): row for row in found.measurements}
    reasons = {identity(skip, of=CELL): skip.reason for skip in found.skips if skip.kind in TRIED}
    for cell in recorder.cells:
        place = recorder.key(cell)
        if place in samples.passes:
            recorder.records[cell] = list(samples.passes[place])
            if place in rows:
                recorder.facts[place] = Facts(cell.artifact, _loaded(rows[place]))
        elif place.twin:
            recorder.failed[cell] = "it failed before the interruption"
        elif (names := tuple(cell.names[name] for name in CELL)) in reasons:
            recorder.failed[cell] = reasons[names]


def _key(row: Measurement) -> CellKey:
    return CellKey(**{name: getattr(row, name) for name in (*CELL, "batch_size", "threads")})


def _loaded(row: Measurement) -> Loaded:
    fields = row.model_dump(include={"load_s", "first_call_s", "memory_bytes", "device_memory_bytes", "proof", "call"})
    return Loaded(job=0, **fields)


def _changes(found: Results, recorder: Recorder, samples: Recording, dataset: Dataset) -> Iterator[str]:
    yield from changes(found, environment.describe(), dataset.sha256)
    cells = {recorder.key(cell): cell for cell in recorder.cells}
    for row in found.measurements:
        cell = cells.get(_key(row))
        if cell is not None and cell.artifact.sha256 != row.artifact_sha256:
            was, now = row.artifact_sha256[:12], cell.artifact.sha256[:12]
            yield f"artifact_sha256 of {cell.artifact.label}: {was} against {now}"
    for place, cell in cells.items() if samples.passes else ():
        if place not in samples.passes and cell not in recorder.failed:
            yield f"{cell.label} was not to be measured then"
    for place in [_key(row) for row in found.measurements] + list(samples.passes):
        if place not in cells and not place.twin:  # another is measured twice only where the cells are others
            yield f"{place.architecture} {kind(place)} in {place.runtime} is no longer to be measured here"


def library_differences(then: Environment, now: Environment) -> Iterator[str]:
    """Yield what is of another version, as 'environment.python: A against B'."""
    for name in ("mnist_deploy", "python"):
        if getattr(then, name) != getattr(now, name):
            yield f"environment.{name}: {getattr(then, name)} against {getattr(now, name)}"
    for name in sorted({*then.libraries, *now.libraries}):
        one, other = then.libraries.get(name), now.libraries.get(name)
        if one != other:
            yield f"environment.libraries.{name}: {one or 'none'} against {other or 'none'}"
    # What only came or went since, as what draws the report does, took no part in both halves.
    for name in sorted(then.distributions.keys() & now.distributions.keys()):
        one, other = then.distributions[name], now.distributions[name]
        if one != other:
            yield f"environment.distributions.{name}: {one} against {other}"
