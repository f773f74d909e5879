import numpy as np
import pytest

from mnist_deploy import training
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.dataset import Dataset


@pytest.fixture(scope="module")
def part(mnist: Dataset) -> Dataset:
    return Dataset(
        mnist.train_images[:2000], mnist.train_labels[:2000], mnist.test_images[:500], mnist.test_labels[:500]
    )


def weights(name: str, data: Dataset, seed: int) -> np.ndarray:
    settings = training.settings_for(ARCHITECTURES[name], data, epochs=2, seed=seed)
    model, _ = training.train(ARCHITECTURES[name], data, settings)
    return np.concatenate([array.ravel() for array in model.get_weights()])


@pytest.mark.parametrize("name", ["mlp-relu-128", "cnn-relu-16-32"])
def test_same_seed_same_weights_and_another_seed_others(name: str, part: Dataset) -> None:
    first = weights(name, part, seed=3)
    weights("mlp-tanh-128", part, seed=9)  # what was trained before in this process must not matter
    np.testing.assert_array_equal(weights(name, part, seed=3), first)
    assert not np.array_equal(weights(name, part, seed=4), first)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_learns(name: str, part: Dataset) -> None:
    seen = []
    architecture = ARCHITECTURES[name]
    settings = training.settings_for(architecture, part, epochs=3)
    model, history = training.train(
        architecture, part, settings, lambda epoch, logs: seen.append((epoch, logs["loss"]))
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert history["loss"] == [loss for _, loss in seen]
    assert history["loss"][-1] < history["loss"][0]
    loss, accuracy = training.evaluate(model, architecture, part)
    scores = training.reference_scores(model, part)
    assert scores.shape == (500, 10) and scores.dtype == np.float32
    assert accuracy == pytest.approx(np.mean(scores.argmax(axis=1) == part.test_labels))
    picked = scores[np.arange(500), part.test_labels]
    assert loss == pytest.approx(float(-np.log(picked).mean()), rel=1e-4)


def test_settings_default_to_the_notebooks(part: Dataset) -> None:
    settings = training.settings_for(ARCHITECTURES["mlp-tanh-128"], part)
    assert (settings.epochs, settings.batch_size, settings.optimizer, settings.seed) == (20, 64, "adam", 0)
