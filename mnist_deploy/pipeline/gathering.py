"""Results of several commands joined to one: what was trained, verified and measured of the same models here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.decisions.identity import differences
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.kinds import CELL, identity
from mnist_deploy.parity import ParityRow, ProcessorRow
from mnist_deploy.results import Measurement, Results, TrainingRow

_Row = TypeVar("_Row", ParityRow, ProcessorRow, TrainingRow)
_Read = tuple[Path, Results]


@dataclass(frozen=True)
class Wider:
    """Another results file of the same models on the same machine.

    Attributes:
        path: where it is.
        cells: how many cells it measured that the one which was taken did not.
    """

    path: Path
    cells: int


@dataclass(frozen=True)
class Gathered:
    """Joined results.

    What the joined record says of itself (time, environment, plan, noise) is that of the file with the measurements, or
    of the newest. Measurements all come from that one: figures of different hours are never mixed.

    Attributes:
        results: the joined record.
        sources: the files that it comes from, that one first.
        samples: the file with its raw samples (see `benchmark.recording`); None if it is not there.
        wider: the file that holds most measurements that are missing here; None if none does, or files were named.
        skipped: why files of the store were passed over: damaged, or of another version; one line each.
    """

    results: Results
    sources: list[Path]
    samples: Path | None
    wider: Wider | None = None
    skipped: list[str] = field(default_factory=list)


def gather(store: ArtifactStore, paths: Sequence[Path] | None = None, names: Sequence[str] | None = None) -> Gathered:
    """Join the results at `paths`; by default the newest measurements in `store` with what belongs to them.

    Rows of parity, of other processors and of training come from the newest file that has them, for the models that
    were measured. Interrupted runs and self-checks are taken only if they are named.

    Args:
        store: where results are looked for.
        paths: results files, or a single folder of them or of artifacts; None means the store's.
        names: networks: of the store's files the newest that measured all of these is taken, else the newest that
            measured any. None means whichever.

    Raises:
        ArtifactError: there is no results file, or one that is named is damaged.
        UsageError: the files named belong to different machines, data or models, or two of them hold measurements.
    """
    skipped: list[str] = []
    folder = folder_of_results(paths[0]) if paths and len(paths) == 1 and paths[0].is_dir() else None
    if paths and folder is None:
        read = _named(paths)
        main = _named_main(read)
    else:
        read, skipped = _stored(folder or store.results)
        main = _newest(read, set(names or []))
    others = [pair for pair in read if pair[0] != main[0] and not differences(main[1], pair[1])]
    joined, sources = _joined(main, others)
    samples = main[0].parent / Path(main[1].samples).name if main[1].samples else None
    return Gathered(
        results=joined,
        sources=sources,
        samples=samples if samples and samples.is_file() else None,
        wider=None if paths and folder is None else _wider(main[1], others),
        skipped=skipped,
    )


def _named(paths: Sequence[Path]) -> list[_Read]:
    found: list[_Read] = []
    for path in paths:
        if path.is_dir():
            raise UsageError(f"{path}: a folder beside other results; give it alone, or files of it")
        one = results.load(path)
        # latest.json is another file's copy.
        if all(one != other for _, other in found):
            found.append((path, one))
    return found


def _named_main(read: Sequence[_Read]) -> _Read:
    measured = [pair for pair in read if pair[1].measurements]
    if len(measured) > 1:
        first, second = measured[0][0], measured[1][0]
        raise UsageError(
            f"{first} and {second}: both hold measurements, of different hours; give one, "
            f"or compare them: mnist-deploy compare {first} {second}"
        )
    main = measured[0] if measured else max(read, key=lambda pair: pair[1].created_at)
    for path, other in read:
        apart = differences(main[1], other)
        if apart:
            raise UsageError(f"{path}: does not belong to {main[0]}: {apart[0]}; give one of them")
    return main


def folder_of_results(folder: Path) -> Path:
    """Return where results are that `folder` is given for: in it, or in its folder results/ if it holds artifacts."""
    return folder / "results" if (folder / "results").is_dir() else folder


def _stored(folder: Path) -> tuple[list[_Read], list[str]]:
    """Return a folder's finished results, newest first, and why others could not be read."""
    found, problems = [], []
    for path, one in results.newest_first(folder):
        if isinstance(one, ArtifactError):
            problems.append(str(one))
        elif one.complete and not one.checks:
            found.append((path, one))
    if not found and problems:
        raise ArtifactError(problems[0])
    if not found:
        raise ArtifactError(f"{folder}: no finished results; run: mnist-deploy run")
    return sorted(found, key=lambda pair: pair[1].created_at, reverse=True), problems


def _newest(read: Sequence[_Read], names: set[str]) -> _Read:
    measured = [(pair, {row.architecture for row in pair[1].measurements}) for pair in read if pair[1].measurements]
    for fits in (names.issubset, names.intersection):
        for pair, networks in measured:
            if fits(networks):
                return pair
    return measured[0][0] if measured else read[0]


def _joined(main: _Read, others: Sequence[_Read]) -> tuple[Results, list[Path]]:
    """Return the measurements of `main` with the newest rows of parity and training, and whose they are."""
    base = main[1]
    read = sorted([main, *others], key=lambda pair: pair[1].created_at, reverse=True)
    artifacts = {row.artifact_sha256 for row in base.measurements}
    models = {row.model_sha256 for row in base.measurements} | {row.model_sha256 for row in base.parity}
    parity = _latest(
        [(path, row) for path, one in read for row in one.parity],
        lambda row: identity(row, "artifact_sha256", of=CELL),
        lambda row: not artifacts or row.artifact_sha256 in artifacts,
        [(main[0], row) for row in base.parity],
    )
    processors = _latest(
        [(path, row) for path, one in read for row in one.processors],
        lambda row: identity(row, "artifact_sha256", "processor", of=CELL),
        lambda row: not artifacts or row.artifact_sha256 in artifacts,
        [(main[0], row) for row in base.processors],
    )
    training = _latest(
        [(path, row) for path, one in read for row in one.training],
        lambda row: (row.architecture,),
        lambda row: not models or row.model_sha256 in models,
        [(main[0], row) for row in base.training],
    )
    used = {path for path, _ in [*parity, *processors, *training]} - {main[0]}
    rows: dict[str, Sequence[tuple[Path, BaseModel]]]
    rows = {"parity": parity, "processors": processors, "training": training}
    joined = base.model_copy(update={name: [row for _, row in pairs] for name, pairs in rows.items()})
    return joined, [main[0], *(path for path, _ in read if path in used)]


def _latest(
    rows: Sequence[tuple[Path, _Row]],
    name_of: Callable[[_Row], tuple[str, ...]],
    wanted: Callable[[_Row], bool],
    own: Sequence[tuple[Path, _Row]],
) -> list[tuple[Path, _Row]]:
    """Return the newest row of each key among `rows`, which are newest first: all of `own`, then what is wanted."""
    found: dict[tuple[str, ...], tuple[Path, _Row]] = {}
    for path, row in rows:
        found.setdefault(name_of(row), (path, row))
    kept = list(dict.fromkeys(name_of(row) for _, row in own))
    kept += [name for name, (_, row) in found.items() if name not in kept and wanted(row)]
    return [found[name] for name in kept]


def _wider(main: Results, others: Sequence[_Read]) -> Wider | None:
    mine = {_cell(row) for row in main.measurements}
    found = [Wider(path, len({_cell(row) for row in one.measurements} - mine)) for path, one in others]
    widest = max(found, key=lambda one: one.cells, default=None)
    return widest if widest and widest.cells else None


def _cell(row: Measurement) -> tuple[str | int, ...]:
    return identity(row, "batch_size", "threads", of=CELL)
