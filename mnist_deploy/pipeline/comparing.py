"""The results that a comparison is given: a file, or the newest of a folder."""

from pathlib import Path

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.errors import ArtifactError
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.results import Results


def read(path: Path) -> Results:
    """Read results: of a file, of a folder's latest.json, or of artifacts/, the newest measurements and their parity.

    Raises:
        ArtifactError: there are none, or they are damaged.
    """
    if not path.exists():
        raise ArtifactError(f"{path}: no such file or folder; give a results file, or a folder with one")
    if not path.is_dir():
        return results.load(path)
    if (path / "results").is_dir():
        return gather(ArtifactStore(path)).results
    return results.load(path / "latest.json")
