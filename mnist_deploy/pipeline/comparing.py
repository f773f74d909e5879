"""The results that a comparison is given: a file, or the newest of a folder."""

from pathlib import Path

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.errors import ArtifactError
from mnist_deploy.pipeline.gathering import folder_of_results, gather
from mnist_deploy.results import Results


def read(path: Path) -> Results:
    """Read results: of a file; of a folder of results or of artifacts, the newest measurements and their parity.

    Where a folder holds nothing but a latest.json, it is that.

    Raises:
        ArtifactError: there are none, or they are damaged.
    """
    if not path.exists():
        raise ArtifactError(f"{path}: no such file or folder; give a results file, or a folder with one")
    if not path.is_dir():
        return results.load(path)
    folder = folder_of_results(path)
    if any(folder.glob("[0-9]*.json")):
        return gather(ArtifactStore(path), [folder]).results
    return results.load(folder / "latest.json")
