"""Results that a command left unfinished when it was killed: the next of the same kind goes on with them."""

from datetime import UTC, datetime

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.errors import ArtifactError
from mnist_deploy.pipeline.restoring import changes
from mnist_deploy.progress import Progress
from mnist_deploy.results import Results, SkipKind


def taken_up(store: ArtifactStore, fresh: Results, progress: Progress) -> Results:
    """Return the newest results of the same command if they are unfinished and were begun like `fresh`, else `fresh`.

    Begun alike: asked for the same, on the same machine and data, with the same libraries. What they hold of artifacts
    that have changed since is for the command to find out; of what they left out only failures remain.
    """
    for path in sorted(store.results.glob("[0-9]*.json"), reverse=True):
        try:
            found = results.load(path)
        except ArtifactError:  # another version's, or damaged
            continue
        if found.command == fresh.command:
            break
    else:
        return fresh
    alike = _selected(found) == _selected(fresh) and found.quick == fresh.quick and found.stem == path.stem
    if found.complete or not alike or any(changes(found, fresh.environment, fresh.data_sha256)):
        return fresh
    progress.log(f"going on with {path}, which was not finished")
    tried = {SkipKind.FAILED, SkipKind.OUT_OF_MEMORY}
    found.skips = [skip for skip in found.skips if skip.kind in tried and skip.runtime is not None]
    found.resumed_at.append(datetime.now(UTC))
    return found


def _selected(one: Results) -> dict[str, object] | None:
    # In which uses they are measured, only the measurement says.
    return None if one.asked is None else one.asked.model_dump(exclude={"uses"})
