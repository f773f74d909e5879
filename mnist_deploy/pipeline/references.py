"""The scores of Keras that artifacts are compared with, once it is certain that they are of this model and data."""

from mnist_deploy.artifacts import ArtifactStore, Reference
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import ArtifactError, DataError


def require_reference(store: ArtifactStore, dataset: Dataset, name: str) -> Reference:
    """Return the recorded scores of a network.

    Raises:
        ArtifactError: there are none, or they are those of another model.
        DataError: they were recorded for other data than `dataset`.
    """
    reference = store.reference(name)
    model = store.model_sha256(name)
    if reference is None or (model is not None and reference.model_sha256 != model):
        raise ArtifactError(f"{name}: no Keras scores recorded for its model; run: mnist-deploy export {name}")
    if reference.data_sha256 != dataset.sha256:
        raise DataError(f"{name}: its scores were recorded for other data; give the --data that it was trained with")
    return reference
