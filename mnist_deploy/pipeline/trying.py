"""Let a worker try what this package did not write, before this process loads it: a library may not survive it."""

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark import attempts
from mnist_deploy.benchmark.trial import Trial
from mnist_deploy.runtimes import RUNTIMES

# How long a worker may take to import the library, and to load and run the artifact.
TRIAL_S = 120.0


def problem_of(artifact: Artifact, runtime: str) -> str | None:
    """Return why the artifact, of which the SHA-256 is that of the file, cannot be loaded and run; None if it can."""
    trial = Trial(module=RUNTIMES[runtime].module, runtime=runtime, artifact=artifact)
    (found,) = attempts.attempt([trial], TRIAL_S, lambda ended: None)
    return found.reason
