"""What to deploy of a store's artifacts, by what was measured of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnist_deploy.artifacts import Artifact, ArtifactStore
from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Candidate, Recommendation, Wishes
from mnist_deploy.kinds import identity
from mnist_deploy.pipeline.gathering import Gathered, gather


@dataclass(frozen=True)
class Advice:
    """A recommendation and what it rests on.

    Attributes:
        recommendation: what to deploy.
        gathered: the results that it follows from.
        path: where the chosen artifact is; None if nothing was chosen, or the store does not hold it as it was
            measured.
    """

    recommendation: Recommendation
    gathered: Gathered
    path: Path | None


def advise(
    store: ArtifactStore,
    wishes: Wishes,
    names: Sequence[str] | None = None,
    paths: Sequence[Path] | None = None,
    variants: Sequence[str] | None = None,
) -> Advice:
    """Choose among what the results at `paths` measured, by default the store's newest; see `gathering.gather`.

    Raises:
        ArtifactError: there are no results, or one of those named is damaged, or they hold no measurements.
        UsageError: nothing was measured of what is asked for, or the files named do not belong together.
    """
    gathered = gather(store, paths, names)
    found = recommend(gathered.results, wishes, names, variants)
    found = _with_requirements(store, found)
    return Advice(found, gathered, path_of(store, found.chosen) if found.chosen else None)


def path_of(store: ArtifactStore, candidate: Candidate) -> Path | None:
    """Return where the store has the artifact that was measured; None if it has none or another one by now."""
    artifact = _artifact_of(store.manifest().artifacts, candidate)
    return artifact.path if artifact is not None and artifact.path.exists() else None


def _artifact_of(artifacts: Sequence[Artifact], candidate: Candidate) -> Artifact | None:
    row = candidate.measurement
    for artifact in artifacts:
        if identity(artifact) == identity(row) and artifact.sha256 == row.artifact_sha256:
            return artifact
    return None


def _with_requirements(store: ArtifactStore, recommendation: Recommendation) -> Recommendation:
    """Return a recommendation whose candidates, the chosen one and those beside it, say what their artifacts need."""
    artifacts = store.manifest().artifacts

    def complete(candidate: Candidate) -> Candidate:
        artifact = _artifact_of(artifacts, candidate)
        return candidate.model_copy(update={"model_requirements": artifact.requirements if artifact else None})

    changes: dict[str, object] = {
        name: [complete(candidate) for candidate in getattr(recommendation, name)] for name in ("tied", "runners_up")
    }
    if recommendation.chosen is not None:
        changes["chosen"] = complete(recommendation.chosen)
    return recommendation.model_copy(update=changes)
