"""One epoch as one call: what `model.fit` computes, without its work between steps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_deploy.architectures import SPARSE, Architecture, Conv
from mnist_deploy.dataset import CLASSES, Dataset, scaled

Order = npt.NDArray[np.int32]
Epoch = Callable[[Order], dict[str, float]]

# Into how many parts a batch is split if the network has convolutions. TensorFlow's executor computes the gradients of
# the parts side by side, each with kernels of one thread, and adds them: on 2 cores that takes 0.6 to 0.9 of the time
# of kernels that share the cores one after the other. The number is fixed, so that weights hang on the processor's
# instructions and not on how many cores there are.
SHARDS = 4


def epoch_of(model: Any, optimizer: Any, architecture: Architecture, dataset: Dataset) -> Epoch:
    """Return a function that trains `model` by `optimizer`, built for it, for one epoch, in an order that it is given.

    The order is a permutation of their indices, int32 (N,); what is left over after whole batches makes a smaller
    one. It returns the mean loss and accuracy over the epoch's images, each as its step saw it, like `fit`.

    Between two steps of `model.fit` Keras's callbacks, its input pipeline and TensorFlow's executor take longer than
    the step of a dense network: 1.7 ms a step, and 0.13 ms in this loop (mlp-relu-128). XLA compiles these into
    one loop; it makes the convolutions slower on a CPU, so networks that have some run it uncompiled, in `SHARDS`.
    `python -m benchmarks.training` measures both.
    """
    import keras
    import tensorflow as tf

    images = tf.constant(scaled(dataset.train_images))
    labels = tf.constant(labels_for(architecture, dataset.train_labels))
    classes = tf.constant(dataset.train_labels.astype(np.int64))
    count, batch_size = len(dataset.train_labels), architecture.batch_size
    whole, rest = divmod(count, batch_size)
    variables = model.trainable_variables
    loss_of = keras.losses.get(architecture.loss)
    compiled = not any(isinstance(layer, Conv) for layer in architecture.layers)
    shards = 1 if compiled or tf.config.list_physical_devices("GPU") else SHARDS

    def shard(rows: Any, size: int) -> Any:
        """Return gradients and loss, as sums over these `rows` of a batch, and how many answers were right."""
        taken = tf.ensure_shape(tf.gather(images, rows), (size, *images.shape[1:]))
        with tf.GradientTape() as tape:
            scores = model(taken, training=True)
            loss = tf.reduce_sum(loss_of(tf.gather(labels, rows), scores))
        right = tf.math.count_nonzero(tf.argmax(scores, axis=1) == tf.gather(classes, rows), dtype=tf.int32)
        return *tape.gradient(loss, variables), loss, right

    def learn(rows: Any, size: int) -> Any:
        """Take one step; return the sums of losses and of right answers."""
        sizes = [len(part) for part in np.array_split(np.empty(size), min(shards, size))]
        parts = [shard(part, each) for part, each in zip(tf.split(rows, sizes), sizes, strict=True)]
        *gradients, losses, right = zip(*parts, strict=True)
        optimizer.apply([tf.add_n(each) / size for each in gradients], variables)
        # No `add_n` here: TensorFlow would add the sum over the epoch by the same operation, which begins with any of
        # its inputs whose memory it may write to, so the last digits of the epoch's loss would not repeat.
        return tf.reduce_sum(tf.stack(losses)), tf.add_n(right)

    def steps(order: Any) -> Any:
        losses, right = tf.constant(0.0), tf.constant(0)
        for step in tf.range(whole):
            one, more = learn(tf.slice(order, [step * batch_size], [batch_size]), batch_size)
            losses, right = losses + one, right + more
        if rest:
            one, more = learn(order[whole * batch_size :], rest)
            losses, right = losses + one, right + more
        return losses, right

    run = tf.function(steps, jit_compile=compiled)

    def epoch(order: Order) -> dict[str, float]:
        losses, right = run(tf.constant(order))
        return {"loss": float(losses) / count, "accuracy": int(right) / count}

    return epoch


def labels_for(architecture: Architecture, labels: Any) -> Any:
    """Return labels as the loss wants them: int32 (N,), or float32 one-hot (N, 10)."""
    return labels.astype(np.int32) if architecture.loss == SPARSE else np.eye(CLASSES, dtype=np.float32)[labels]
