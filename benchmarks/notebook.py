"""Train one network as the notebook's code does, and say what came of it: the baseline of `benchmarks.training`.

    python -m benchmarks.notebook NETWORK [SEED [EPOCHS]]

Keras's defaults throughout: one `Sequential`, `compile`, `fit`. It prints JSON: the seconds of `fit` with the making of
the model, and the accuracy on the test images.
"""

import json
import sys
import time

from mnist_deploy import dataset
from mnist_deploy.architectures import ARCHITECTURES, SPARSE, Conv, Dense, MaxPool


def main(name: str, seed: int = 0, epochs: int | None = None) -> dict[str, float]:
    """Train and return the figures."""
    import keras

    network, mnist = ARCHITECTURES[name], dataset.load()
    x_train, x_test = (images[..., None].astype("float32") / 255 for images in (mnist.train_images, mnist.test_images))
    y_train, y_test = mnist.train_labels, mnist.test_labels
    if network.loss != SPARSE:
        y_train, y_test = keras.utils.to_categorical(y_train), keras.utils.to_categorical(y_test)
    keras.utils.set_random_seed(seed)

    began = time.perf_counter()
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for layer in network.layers:
        match layer:
            case Conv(filters, kernel, activation):
                model.add(keras.layers.Conv2D(filters, kernel, activation=activation))
            case MaxPool(size):
                model.add(keras.layers.MaxPooling2D(size))
            case Dense(units, activation):
                model.add(keras.layers.Dense(units, activation=activation))
            case _:
                model.add(keras.layers.Flatten())
    model.compile(optimizer=network.optimizer, loss=network.loss, metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=network.batch_size, epochs=epochs or network.epochs, verbose=0)
    taken = time.perf_counter() - began

    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return {"seconds": taken, "accuracy": float(accuracy)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
