import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy import training
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.dataset import Dataset, scaled
from mnist_deploy.training import ComputeDtype, epochs
from mnist_deploy.training.models import ONEDNN, onednn
from mnist_deploy.training.records import resolved

FLOAT32, BFLOAT16 = ComputeDtype.FLOAT32, ComputeDtype.BFLOAT16


@pytest.fixture(scope="module")
def part(mnist: Dataset) -> Dataset:
    return Dataset(
        mnist.train_images[:2000], mnist.train_labels[:2000], mnist.test_images[:500], mnist.test_labels[:500]
    )


def trained(
    name: str, data: Dataset, seed: int, compute_dtype: ComputeDtype = ComputeDtype.AUTO
) -> tuple[np.ndarray, dict[str, list[float]]]:
    """All weights in a row, and what each epoch says of itself."""
    settings = training.settings_for(ARCHITECTURES[name], data, epochs=2, seed=seed, compute_dtype=compute_dtype)
    model, done = training.train(ARCHITECTURES[name], data, settings)
    return np.concatenate([array.ravel() for array in model.get_weights()]), done.history


@pytest.mark.parametrize(
    ("name", "compute_dtype"),
    [("mlp-relu-128", FLOAT32), ("cnn-relu-16-32", FLOAT32), ("cnn-relu-16-32", BFLOAT16)],
)
def test_same_seed_same_weights_and_another_seed_others(name: str, compute_dtype: ComputeDtype, part: Dataset) -> None:
    first, history = trained(name, part, 3, compute_dtype)
    trained("mlp-tanh-128", part, seed=9)  # what was trained before in this process must not matter
    for _ in range(2):
        again, the_same = trained(name, part, 3, compute_dtype)
        np.testing.assert_array_equal(again, first)
        assert the_same == history
    assert not np.array_equal(trained(name, part, 4, compute_dtype)[0], first)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning a process to a processor needs Linux")
def test_the_weights_do_not_hang_on_how_many_cores_there_are(tiny_data: Path, tmp_path: Path) -> None:
    name, found = "cnn-relu-16-32", []
    for cores in (os.sched_getaffinity(0), {min(os.sched_getaffinity(0))}):
        store = ArtifactStore(tmp_path / str(len(cores)))
        asked = ["train", name, "--epochs", "2", "--data", str(tiny_data), "--artifacts", str(store.root)]
        pinned = f"import os; os.sched_setaffinity(0, {cores}); from mnist_deploy.cli import main; main({asked})"
        subprocess.run([sys.executable, "-c", pinned], check=True, capture_output=True)
        found.append(training.load_model(store.model_path(name)).get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_compute_dtype_changes_weights_a_little(part: Dataset) -> None:
    exact, rounded = (trained("cnn-relu-16-32", part, 3, dtype)[0] for dtype in (FLOAT32, BFLOAT16))
    assert 0 < np.abs(exact - rounded).max() < 0.05


@pytest.mark.parametrize(
    ("asked", "features", "meanwhile"),
    [(None, ["avx", "avx2"], "1"), (None, ["avx"], None), (None, [], None), ("0", ["avx2"], "0"), ("1", ["avx"], "1")],
)
def test_onednn_is_asked_for_where_it_is_faster_and_nobody_has_decided(
    asked: str | None, features: list[str], meanwhile: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ONEDNN, raising=False)
    if asked is not None:
        monkeypatch.setenv(ONEDNN, asked)
    with onednn(features):
        assert os.environ.get(ONEDNN) == meanwhile
    assert os.environ.get(ONEDNN) == asked


@pytest.mark.parametrize("name", ["mlp-relu-128", "mlp-tanh-128", "cnn-relu-32-64"])
def test_an_epoch_is_what_fit_computes(name: str, part: Dataset) -> None:
    """Both take the images in their own order, here in one that cannot matter: one batch that holds all."""
    import keras

    architecture = replace(ARCHITECTURES[name], batch_size=len(part.train_labels))
    settings = training.settings_for(architecture, part, epochs=3, seed=5, compute_dtype=FLOAT32)
    ours, done = training.train(architecture, part, settings)
    keras.utils.set_random_seed(5)
    theirs = training.build(architecture)
    theirs.compile(architecture.optimizer, architecture.loss, metrics=["accuracy"])
    labels = epochs.labels_for(architecture, part.train_labels)
    fitted = theirs.fit(scaled(part.train_images), labels, batch_size=architecture.batch_size, epochs=3, verbose=0)
    history = done.history
    assert history["loss"] == pytest.approx(fitted.history["loss"], rel=1e-3)
    assert history["accuracy"] == pytest.approx(fitted.history["accuracy"], abs=2e-3)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


@pytest.mark.parametrize(
    ("name", "batch_size"), [("mlp-relu-128", 300), ("cnn-relu-16-32", 300), ("cnn-relu-16-32", 666)]
)
def test_every_image_is_taken_once_an_epoch_in_whole_batches_and_a_rest(
    name: str, batch_size: int, part: Dataset
) -> None:
    """With a rate of 0 nothing is learned, so the epoch's figures are those of the untrained model on all images.

    The rests are of 200 images and of 2, which are fewer than a batch of convolutions has parts.
    """
    import keras

    architecture = replace(ARCHITECTURES[name], batch_size=batch_size)
    keras.utils.set_random_seed(0)
    model = training.build(architecture)
    optimizer = keras.optimizers.SGD(0.0)
    optimizer.build(model.trainable_variables)
    epoch = epochs.epoch_of(model, optimizer, architecture, part)
    found = epoch(np.random.default_rng(0).permutation(2000).astype(np.int32))
    scores = model.predict(scaled(part.train_images), verbose=0)
    assert found["accuracy"] == np.mean(scores.argmax(axis=1) == part.train_labels)
    picked = scores[np.arange(2000), part.train_labels]
    assert found["loss"] == pytest.approx(float(-np.log(picked).mean()), rel=1e-5)


def test_the_trained_model_is_float32_and_casts_nothing(part: Dataset) -> None:
    architecture = ARCHITECTURES["cnn-relu-16-32"]
    settings = training.settings_for(architecture, part, epochs=1, compute_dtype=BFLOAT16)
    model, _ = training.train(architecture, part, settings)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert {variable.dtype for variable in model.variables} == {"float32"}
    assert [type(layer).__name__ for layer in model.layers] == [
        "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense", "Dense",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "name", "features", "expected"),
    [
        (ComputeDtype.AUTO, "cnn-relu-16-32", ["avx512_bf16"], BFLOAT16),
        (ComputeDtype.AUTO, "cnn-relu-16-32", ["amx_bf16"], BFLOAT16),
        (ComputeDtype.AUTO, "cnn-relu-16-32", ["avx2"], FLOAT32),
        (ComputeDtype.AUTO, "cnn-relu-16-32", [], FLOAT32),
        (ComputeDtype.AUTO, "mlp-relu-128", ["avx512_bf16"], FLOAT32),
        (BFLOAT16, "mlp-relu-128", [], BFLOAT16),
        (FLOAT32, "cnn-relu-16-32", ["avx512_bf16"], FLOAT32),
    ],
)
def test_auto_is_bfloat16_for_convolutions_where_the_cpu_multiplies_in_it(
    asked: ComputeDtype, name: str, features: list[str], expected: ComputeDtype
) -> None:
    assert resolved(asked, ARCHITECTURES[name], features) is expected


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_learns(name: str, part: Dataset) -> None:
    seen = []
    architecture = ARCHITECTURES[name]
    settings = training.settings_for(architecture, part, epochs=3)
    model, done = training.train(
        architecture, part, settings, lambda epoch, done: seen.append((epoch, done.history["loss"][-1]))
    )
    history = done.history
    assert [epoch for epoch, _ in seen] == [1, 2, 3] and done.epochs == 3
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
