"""Let a worker try what this package did not write, before this process loads it: a library may not survive it."""

from pathlib import Path

from mnist_deploy import files
from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark import attempts
from mnist_deploy.benchmark.trial import Trial
from mnist_deploy.runtimes import RUNTIMES

# How long a worker may take to import the library, and to load and run the artifact.
TRIAL_S = 120.0


def problem_of(artifact: Artifact, runtime: str) -> str | None:
    """Return why the artifact, as it lies there, cannot be loaded and run in `runtime`; None if it can."""
    path: Path = artifact.path
    as_it_is = artifact.model_copy(update={"sha256": files.sha256(path), "size_bytes": files.size_bytes(path)})
    (found,) = attempts.attempt(
        [Trial(module=RUNTIMES[runtime].module, runtime=runtime, artifact=as_it_is)], TRIAL_S, lambda ended: None
    )
    return found.reason
