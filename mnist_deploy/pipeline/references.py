"""The scores of Keras that artifacts are compared with, once it is certain that they are of this model and data."""

from mnist_deploy import training
from mnist_deploy.artifacts import ArtifactStore, Reference
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import ArtifactError, DataError
from mnist_deploy.pipeline.registering import load_model
from mnist_deploy.quiet import quiet


def require_reference(store: ArtifactStore, dataset: Dataset, name: str) -> Reference:
    """Return the recorded scores of a network; computed here, and not recorded, for data without training images.

    Data with training images must be what the network was trained with.

    Raises:
        ArtifactError: none are recorded, or they are those of another model.
        DataError: they were recorded for other data than `dataset`.
        ModelError: the scores must be computed, and the model is missing or unreadable.
        UnavailableError: the scores must be computed, and TensorFlow is not installed.
    """
    reference = store.reference(name)
    model = store.model_sha256(name)
    if reference is None or (model is not None and reference.model_sha256 != model):
        raise ArtifactError(f"{name}: no Keras scores recorded for its model; run: mnist-deploy export {name}")
    if reference.data_sha256 == dataset.sha256:
        return reference
    if dataset.for_training:
        raise DataError(f"{name}: its scores were recorded for other data; give the --data that it was trained with")
    with quiet():
        scores = training.reference_scores(load_model(store, name), dataset)
    return Reference(scores, reference.model_sha256, dataset.sha256)
