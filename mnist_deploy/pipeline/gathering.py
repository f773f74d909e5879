"""Results of several commands joined to one: what was trained, verified and measured of the same models here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.decisions.identity import differences
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.parity import ParityRow
from mnist_deploy.results import Results


@dataclass(frozen=True)
class Gathered:
    """Joined results.

    What the joined record says of itself (time, environment, plan, noise) is that of the file with the measurements, or
    of the newest.

    Attributes:
        results: the joined record.
        sources: the files that it comes from, that one first.
        samples: the file with its raw samples (see `benchmark.recording`); None if it is not there.
    """

    results: Results
    sources: list[Path]
    samples: Path | None


def gather(store: ArtifactStore, paths: Sequence[Path] | None = None) -> Gathered:
    """Join the results at `paths`; by default the newest measurements in `store` with what belongs to them.

    Rows of parity and training are taken from the newest file that has them, for the models that were measured.

    Raises:
        ArtifactError: there is no results file, or one is damaged.
        UsageError: the files named belong to different machines, data or models, or two of them hold measurements.
    """
    if paths:
        read = [(path, results.load(path)) for path in paths]
        main = _named_main(read)
    else:
        read = _stored(store)
        main = next((pair for pair in read if pair[1].measurements), read[0])
    joined, sources = main[1], [main[0]]
    for path, other in sorted(read, key=lambda pair: pair[1].created_at, reverse=True):
        if path != main[0] and not differences(main[1], other):
            extended = _extended(joined, other)
            if extended != joined:
                joined, sources = extended, [*sources, path]
    samples = main[0].parent / main[1].samples if main[1].samples else None
    return Gathered(joined, sources, samples if samples and samples.is_file() else None)


def _named_main(read: Sequence[tuple[Path, Results]]) -> tuple[Path, Results]:
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
            raise UsageError(f"{path}: does not belong to {main[0]}: {apart[0]}; report each alone")
    return main


def _stored(store: ArtifactStore) -> list[tuple[Path, Results]]:
    """Return the store's finished results that can be read, newest first; self-checks are no results of artifacts."""
    found, problem = [], None
    for path in sorted(store.results.glob("[0-9]*.json"), reverse=True):
        try:
            one = results.load(path)
        except ArtifactError as error:  # an older version's, or damaged: it is told if there is nothing better
            problem = problem or error
            continue
        if one.complete and not one.checks:
            found.append((path, one))
    if not found:
        raise problem or ArtifactError(f"{store.results}: no finished results; run: mnist-deploy run")
    return found


def _extended(joined: Results, other: Results) -> Results:
    """Return `joined` with the rows of `other` for what it has none of."""
    known = {_verified(row) for row in joined.parity}
    trained = {row.architecture for row in joined.training}
    measured = {row.artifact_sha256 for row in joined.measurements}
    parity = [
        row for row in other.parity if _verified(row) not in known and (not measured or row.artifact_sha256 in measured)
    ]
    wanted = {row.architecture for row in joined.measurements} | {row.architecture for row in joined.parity}
    training = [
        row for row in other.training if row.architecture not in trained and (not wanted or row.architecture in wanted)
    ]
    if not parity and not training:
        return joined
    return joined.model_copy(update={"parity": joined.parity + parity, "training": joined.training + training})


def _verified(row: ParityRow) -> tuple[str, ...]:
    return (row.architecture, row.format, row.precision, row.runtime, row.device, row.artifact_sha256)
