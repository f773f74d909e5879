"""Results that a command left unfinished when it was killed: the next of the same kind goes on with them."""

from datetime import UTC, datetime

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.pipeline.restoring import changes
from mnist_deploy.progress import Progress
from mnist_deploy.results import TRIED, Results


def taken_up(store: ArtifactStore, fresh: Results, progress: Progress) -> Results:
    """Return the newest results of the same command if they are unfinished and were begun like `fresh`, else `fresh`.

    Begun alike: asked for the same, on the same machine and data, with the same libraries. What they hold of artifacts
    that have changed since is for the command to find out; of what they left out only failures remain.
    """
    read = ((path, one) for path, one in results.newest_first(store.results) if isinstance(one, Results))
    path, found = next(((path, one) for path, one in read if one.command == fresh.command), (None, fresh))
    if path is None:
        return fresh
    alike = _selected(found) == _selected(fresh) and found.quick == fresh.quick and found.stem == path.stem
    if found.complete or not alike or any(changes(found, fresh.environment, fresh.data_sha256)):
        return fresh
    progress.log(f"going on with {path}, which was not finished")
    found.skips = [skip for skip in found.skips if skip.kind in TRIED and skip.runtime is not None]
    found.resumed_at.append(datetime.now(UTC))
    return found


def _selected(one: Results) -> dict[str, object] | None:
    # In which uses they are measured, only the measurement says.
    return None if one.asked is None else one.asked.model_dump(exclude={"uses"})
