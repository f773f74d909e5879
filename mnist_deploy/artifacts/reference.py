"""The scores of a trained model: what verify compares with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_deploy import files
from mnist_deploy.dataset import FloatArray
from mnist_deploy.errors import ArtifactError


@dataclass(frozen=True)
class Reference:
    """The Keras scores of one model, float32 (N, 10), for the test images of the data with `data_sha256`."""

    scores: FloatArray
    model_sha256: str
    data_sha256: str


def save(path: Path, reference: Reference) -> None:
    """Write an .npz, whole or not at all."""
    with files.replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            scores=reference.scores,
            model_sha256=np.array(reference.model_sha256),
            data_sha256=np.array(reference.data_sha256),
        )


def load(path: Path) -> Reference | None:
    """Read what `save` wrote; None if nothing is there.

    Raises:
        ArtifactError: it is unreadable.
    """
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Reference(archive["scores"], str(archive["model_sha256"]), str(archive["data_sha256"]))
    except Exception as error:  # numpy and zipfile raise half a dozen kinds for a damaged archive
        raise ArtifactError(f"{path}: not readable; run: mnist-deploy export {path.parent.name}") from error
