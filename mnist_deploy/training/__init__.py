"""Train one of the networks in Keras, so that one seed on one machine gives one result."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_deploy.architectures import Architecture
from mnist_deploy.dataset import Dataset, FloatArray, scaled
from mnist_deploy.rewriting import INCREASING, rewritten
from mnist_deploy.training.epochs import epoch_of, labels_for
from mnist_deploy.training.loading import check, load_model, unreadable
from mnist_deploy.training.models import BATCH_AXIS, INPUT_NAME, OUTPUT_NAME, build, require_tensorflow
from mnist_deploy.training.records import ComputeDtype, Settings, TrainingRecord, settings_for

__all__ = [
    "BATCH_AXIS",
    "INPUT_NAME",
    "OUTPUT_NAME",
    "SCORING_BATCH",
    "ComputeDtype",
    "OnEpoch",
    "Settings",
    "TrainingRecord",
    "build",
    "check",
    "evaluate",
    "load_model",
    "reference_scores",
    "require_tensorflow",
    "settings_for",
    "train",
    "unreadable",
]

SCORING_BATCH = 1000
# Keras's names. The last layer stays float32, as its guide to mixed precision says.
POLICIES = {ComputeDtype.FLOAT32: "float32", ComputeDtype.BFLOAT16: "mixed_bfloat16"}

OnEpoch = Callable[[int, dict[str, float]], None]
History = dict[str, list[float]]


def train(
    architecture: Architecture, dataset: Dataset, settings: Settings, on_epoch: OnEpoch | None = None
) -> tuple[Any, History]:
    """Train `architecture` as the notebook does: the same steps, computed sooner.

    The steps are those of the rewritten network, which has less to compute (see `rewriting`), in the settings' compute
    dtype; its weights are float32 and are those of the network itself.

    Args:
        architecture: the network.
        dataset: its training images are used; the test images are not looked at.
        settings: epochs, seed and compute dtype; see `settings_for`.
        on_epoch: called after each epoch with its number, from 1, and its mean loss and accuracy.

    Returns:
        The trained `keras.Model`, in float32, and its history: a list of one value an epoch for 'loss' and 'accuracy'.

    Raises:
        UnavailableError: TensorFlow is not installed.
    """
    require_tensorflow()
    import keras
    import tensorflow as tf

    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    # Without it nothing promises that threads add in one order.
    tf.config.experimental.enable_op_determinism()
    model = build(architecture)
    trainee = rewritten(model, pool_before=INCREASING, hidden_dtype=POLICIES[settings.compute_dtype])
    epoch = epoch_of(trainee, architecture, dataset)
    history: History = {"loss": [], "accuracy": []}
    for number in range(1, settings.epochs + 1):
        # An order of its own for each epoch, which hangs on nothing that ran before.
        order = np.random.default_rng([settings.seed, number]).permutation(len(dataset.train_labels))
        figures = epoch(order.astype(np.int32))
        for name, value in figures.items():
            history[name].append(value)
        if on_epoch:
            on_epoch(number, figures)
    model.set_weights(trainee.get_weights())
    return model, history


def evaluate(model: Any, architecture: Architecture, dataset: Dataset) -> tuple[float, float]:
    """Return the loss and the accuracy of `model` on the test images."""
    import keras

    scores = reference_scores(model, dataset)
    losses = keras.losses.get(architecture.loss)(labels_for(architecture, dataset.test_labels), scores)
    return float(np.mean(losses)), float(np.mean(scores.argmax(axis=1) == dataset.test_labels))


def reference_scores(model: Any, dataset: Dataset) -> FloatArray:
    """Return the Keras model's own scores for the test images, float32 (N, 10): what every artifact is held to."""
    images = scaled(dataset.test_images)
    return np.asarray(model.predict(images, batch_size=SCORING_BATCH, verbose=0), dtype=np.float32)
