"""Train one of the networks in Keras, so that one seed on one machine gives one result."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_deploy.architectures import Architecture
from mnist_deploy.dataset import Dataset, FloatArray, scaled
from mnist_deploy.rewriting import INCREASING, rewritten
from mnist_deploy.training.checkpoints import Checkpoint
from mnist_deploy.training.epochs import epoch_of, labels_for
from mnist_deploy.training.loading import check, load_model, unreadable
from mnist_deploy.training.models import BATCH_AXIS, INPUT_NAME, OUTPUT_NAME, build, require_tensorflow
from mnist_deploy.training.records import ComputeDtype, Settings, TrainingRecord, settings_for

__all__ = [
    "BATCH_AXIS",
    "INPUT_NAME",
    "OUTPUT_NAME",
    "SCORING_BATCH",
    "Checkpoint",
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

OnEpoch = Callable[[int, Checkpoint], None]


def train(
    architecture: Architecture,
    dataset: Dataset,
    settings: Settings,
    on_epoch: OnEpoch | None = None,
    begun: Checkpoint | None = None,
) -> tuple[Any, Checkpoint]:
    """Train `architecture` as the notebook does: the same steps, computed sooner.

    The steps are those of the rewritten network, which has less to compute (see `rewriting`), in the settings' compute
    dtype; its weights are float32 and are those of the network itself.

    Args:
        architecture: the network.
        dataset: its training images are used; the test images are not looked at.
        settings: epochs, seed and compute dtype; see `settings_for`.
        on_epoch: called after each epoch with its number, from 1, and what the training could go on from.
        begun: what it goes on from; the epochs that were finished are not done again.

    Returns:
        The trained `keras.Model`, in float32, and what the last epoch left.

    Raises:
        UnavailableError: TensorFlow is not installed.
    """
    require_tensorflow()
    import keras
    import tensorflow as tf

    started = time.monotonic()
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    # Without it nothing promises that threads add in one order.
    tf.config.experimental.enable_op_determinism()
    model = build(architecture)
    trainee = rewritten(model, pool_before=INCREASING, hidden_dtype=POLICIES[settings.compute_dtype])
    optimizer = keras.optimizers.get(architecture.optimizer)
    optimizer.build(trainee.trainable_variables)
    variables = [*trainee.variables, *optimizer.variables]
    done = begun if begun and begun.fits(variables) else Checkpoint()
    for variable, value in zip(variables, done.variables, strict=False):
        variable.assign(value)
    epoch = epoch_of(trainee, optimizer, architecture, dataset)
    for number in range(done.epochs + 1, settings.epochs + 1):
        # An order of its own for each epoch, which hangs on nothing that ran before.
        order = np.random.default_rng([settings.seed, number]).permutation(len(dataset.train_labels))
        figures = epoch(order.astype(np.int32))
        history = {name: [*values, figures[name]] for name, values in done.history.items()}
        duration_s = done.duration_s + time.monotonic() - started
        done = Checkpoint(history, duration_s, [np.asarray(variable) for variable in variables])
        if on_epoch:
            on_epoch(number, done)
        started = time.monotonic()
    model.set_weights(trainee.get_weights())
    return model, done


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
