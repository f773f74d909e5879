"""Go on with the measurement that an interruption ended: the passes that it has are kept, the others follow."""

from datetime import UTC, datetime
from pathlib import Path

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.pipeline.benching import complete
from mnist_deploy.pipeline.figures import Baseline
from mnist_deploy.pipeline.recorder import Recorder
from mnist_deploy.pipeline.restoring import restore
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.progress import Progress
from mnist_deploy.results import Results, SkipKind


def resume(store: ArtifactStore, dataset: Dataset, progress: Progress) -> Results:
    """Finish the newest interrupted measurement in `store`, and return its results.

    Whole passes are kept. One that was interrupted begins anew, since cells are compared within a pass, where they lie
    close together in time. A time limit counts from now.

    Raises:
        UsageError: there is none, or the machine, a library, the data or an artifact is no longer what it was.
        ArtifactError: its samples are missing or damaged.
    """
    path, found = interrupted(store)
    asked, plan = found.asked, found.plan
    assert asked is not None and plan is not None, "interrupted() looks for them"
    recorder = Recorder(matrix(store, Selection(**asked.model_dump(exclude={"uses"})), asked.uses).cells)
    restore(recorder, store, found, dataset)
    found.skips = [skip for skip in found.skips if skip.kind is not SkipKind.INTERRUPTED]
    found.resumed_at.append(datetime.now(UTC))
    if found.passes_done:
        progress.log(f"going on with {path} after {found.passes_done} of {plan.passes} passes")
    else:
        progress.log(f"going on with {path}: its first pass, which was not whole, begins anew")
    complete(recorder, store, dataset, found, progress, plan, Baseline.labelled(found.baseline or ""))
    return found


def interrupted(store: ArtifactStore) -> tuple[Path, Results]:
    """Return the newest interrupted measurement of a store and its file.

    Raises:
        UsageError: there is none.
    """
    passed_over = ""
    for path, one in results.newest_first(store.results):
        if isinstance(one, ArtifactError):  # another version's, or damaged
            passed_over = passed_over or f"; passed over: {one}"
        elif not one.complete and one.asked is not None and one.plan is not None and one.stem == path.stem:
            return path, one
    raise UsageError(
        f"--resume: {store.results} holds no interrupted bench; begin one: mnist-deploy bench{passed_over}"
    )
