"""A .keras file may be anybody's: none of these runs what it holds, and each is refused in one line."""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnist_deploy as package
from mnist_deploy import files, training
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.errors import ModelError
from mnist_deploy.training import loading
from tests.conftest import NETWORKS, TinyRun, mnist_deploy
from tests.test_cli import ended, one_line

MLP, CNN = NETWORKS
Config = dict[str, Any]


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def with_layer(path: Path, to: Path, layer: Config) -> Path:
    """A copy of a .keras file with one more layer before the last."""
    content = members(path)
    config = json.loads(content["config.json"])
    config["config"]["layers"].insert(-1, layer)
    return written(to, content | {"config.json": json.dumps(config).encode()})


def layer(module: str | None, name: str, **config: Any) -> Config:
    return {"module": module, "class_name": name, "config": {"name": "evil", **config}, "registered_name": None}


def function(module: str, name: str) -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def with_code(path: Path, to: Path, marker: Path) -> Path:
    """A .keras file with a Python lambda in it, as Keras writes one, that creates `marker` when it is run."""
    import keras

    code = eval(f"lambda image: __import__('pathlib').Path({str(marker)!r}).touch() or image")
    return with_layer(path, to, keras.saving.serialize_keras_object(keras.layers.Lambda(code, output_shape=(128,))))


def with_any_function(path: Path, to: Path, marker: Path) -> Path:
    """A .keras file that has a function of any module called while the network is put together (CVE-2025-1550)."""
    calls = layer("keras.layers", "Lambda", function=function("os", "system"), arguments={"command": f"touch {marker}"})
    return with_layer(path, to, calls)


@pytest.fixture(scope="module")
def model(tiny_run: TinyRun) -> Path:
    return tiny_run.store.model_path(MLP)


LAYERS = {
    "a lambda": (layer("keras.layers", "Lambda", function={"class_name": "__lambda__"}), "keras.layers.Lambda"),
    "a lambda without a module": (layer(None, "Lambda"), "Lambda"),
    "a lambda by its inner name": (layer("keras.src.layers.core.lambda_layer", "Lambda"), "lambda_layer.Lambda"),
    "a lambda for an activation": (
        layer("keras.layers", "Activation", activation={"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}),
        "__lambda__",
    ),
    "a lambda in a wrapper": (
        layer("keras.layers", "TimeDistributed", layer=layer("keras.layers", "Lambda")), "keras.layers.Lambda",
    ),
    "a module of Python": (layer("subprocess", "Popen", args=["true"]), "subprocess.Popen"),
    "a module named alike": (layer("keras_evil", "Dense"), "keras_evil.Dense"),
    "a module below others": (layer("keras.src.utils.torch_utils", "Module"), "keras.src.utils.torch_utils.Module"),
    "a function of Python": (layer("keras.layers", "Activation", activation=function("builtins", "exec")), "exec"),
    "a download": (layer("keras.layers", "Activation", activation=function("keras.utils", "get_file")), "get_file"),
    "a function for a class": (layer("keras.config", "enable_unsafe_deserialization"), "enable_unsafe_deseria"),
    "a function of a known module": (layer("keras.models", "load_model"), "keras.models.load_model"),
    "pickles": (layer("keras.layers", "TorchModuleWrapper"), "TorchModuleWrapper"),
    "a SavedModel elsewhere": (layer("keras.layers", "TFSMLayer", filepath="/tmp/evil"), "keras.layers.TFSMLayer"),
    "a file elsewhere": (layer("keras.layers", "StringLookup", vocabulary="/etc/passwd"), "keras.layers.StringLookup"),
    "a class that is none": (layer("keras.layers", ["Lambda"]), "keras.layers"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("case", LAYERS)
def test_what_is_no_part_of_a_network_is_refused_by_its_name(case: str, model: Path, tmp_path: Path) -> None:
    evil, name = LAYERS[case]
    path = with_layer(model, tmp_path / "model.keras", evil)
    with pytest.raises(ModelError) as caught:
        training.load_model(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: not a readable Keras model (config.json names ") and name in line
    assert "\n" not in line and line.endswith(f"; run: mnist-deploy train {tmp_path.name} --force")


ARCHIVES: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "up": (lambda found: {"../evil.py": b""}, "names '../evil.py'; a name may not be absolute, hold '..'"),
    "more": (lambda found: {"assets": b"", **found}, "holds 4 members; the limit is 3"),
    "other": (lambda found: {"assets/evil.py": b""}, "only config.json, metadata.json, model.weights.h5 belong in it"),
    "no weights": (lambda found: {"config.json": found["config.json"]}, "lacks metadata.json, model.weights.h5"),
    "a large config": (
        lambda found: found | {"config.json": b"[" + b" " * loading.MAX_CONFIG_BYTES},
        "config.json has 8,388,609 bytes; the limit is 8,388,608",
    ),
    "a deep config": (lambda found: found | {"config.json": b"[" * 200_000}, "recursion"),
    "no JSON": (lambda found: found | {"config.json": b"{"}, "Expecting property name"),
    "no model": (lambda found: found | {"config.json": b"[]"}, "config.json holds no model"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_what_keras_does_not_write_is_refused_without_it(case: str, model: Path, tmp_path: Path) -> None:
    change, words = ARCHIVES[case]
    found = members(model)
    assert list(found) == ["metadata.json", "config.json", "model.weights.h5"], "what Keras writes"
    path = written(tmp_path / "model.keras", change(found))
    with pytest.raises(ModelError, match=re.escape(words)) as caught:
        training.check(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_links_folders_pipes_and_other_names(model: Path, tmp_path: Path) -> None:
    path = shutil.copy(model, tmp_path / "model.keras")
    training.check(path)
    link = zipfile.ZipInfo("metadata.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ModelError, match=r"'metadata\.json' is a link or a special file"):
        training.check(path)
    # Keras would load a folder, and by another name another format, of which its safe mode knows nothing.
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(ModelError, match="not a regular file"):
        training.check(tmp_path / "folder.keras")
    with pytest.raises(ModelError, match=r"its name does not end with \.keras"):
        training.check(Path(shutil.copy(model, tmp_path / "model.h5")))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.keras")
        with pytest.raises(ModelError, match="not a regular file"):
            training.check(tmp_path / "pipe.keras")


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_network_of_ones_own_is_loaded(tmp_path: Path) -> None:
    import keras
    from keras import layers

    image = keras.Input((28, 28, 1))
    wide = layers.SeparableConv2D(4, 3, padding="same", activation=keras.ops.silu, depthwise_constraint="non_neg")(
        image
    )
    both = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(image) + wide)
    inner = keras.Sequential([layers.Flatten(), layers.Dropout(0.5), layers.LeakyReLU()])
    inner.compile("adam", "mse", metrics=["accuracy"])
    model = keras.Model(image, layers.Dense(10, "softmax")(inner(keras.ops.relu(both[:, ::2] * 2.0))))
    model.compile("adam", loss=lambda wanted, given: given)
    model.save(tmp_path / "own.keras")
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    loaded = training.load_model(tmp_path / "own.keras")
    np.testing.assert_array_equal(loaded.predict(images, verbose=0), model.predict(images, verbose=0))


def test_models_are_loaded_in_one_place_and_in_safe_mode() -> None:
    root = Path(package.__file__).parent
    found = {
        path.relative_to(root).as_posix(): re.findall(r"\bsaving\.load_model\((.*)\)", path.read_text("utf-8"))
        for path in (*root.rglob("*.py"), *root.rglob("*.j2"))
    }
    # The second is copied into packages, which have nothing of this one; they hold their model to its SHA-256 first.
    assert {name: calls for name, calls in found.items() if calls} == {
        "training/loading.py": ["path, compile=False, safe_mode=True"],
        "deployment/templates/engines/keras-call.py.j2": ["path, compile=False, safe_mode=True"],
    }


# ---- through the command line


def replaced(root: Path, make: Callable[[Path, Path, Path], Path], marker: Path, *, recorded: bool) -> None:
    """Put a hostile file in the model's place, and in the manifest and the scores if whoever did it thought of them."""
    store = ArtifactStore(root)
    make(store.model_path(CNN), store.model_path(MLP), marker)
    reference = store.reference(MLP)
    if recorded and reference is not None:
        store.record_model(MLP, {})
        store.save_reference(MLP, replace(reference, model_sha256=files.sha256(store.model_path(MLP))))


def test_code_in_a_model_does_run_where_nobody_looks(model: Path, tmp_path: Path) -> None:
    import keras

    marker = tmp_path / "ran"
    evil = with_code(model, tmp_path / "model.keras", marker)
    keras.saving.load_model(evil, compile=False, safe_mode=False)(np.zeros((1, 28, 28, 1), np.float32))
    assert marker.exists(), "else the tests below would prove nothing"


@pytest.mark.parametrize("make", [with_code, with_any_function])
def test_export_refuses_code(
    make: Callable[[Path, Path, Path], Path], root: Path, tiny_data: Path, tmp_path: Path
) -> None:
    replaced(root, make, tmp_path / "ran", recorded=False)
    done = mnist_deploy("export", MLP, "--format", "tflite", "--artifacts", root, "--data", tiny_data)
    assert done.code == 2 and "model.keras: not a readable Keras model (config.json names" in one_line(done.err)
    assert not (tmp_path / "ran").exists() and not done.out


@pytest.mark.parametrize(
    ("command", "make", "rows"),
    [(["verify"], with_any_function, "parity"), (["bench", "--quick"], with_code, "measurements")],
)
def test_verify_and_bench_refuse_code_and_give_no_row(
    command: list[str],
    make: Callable[[Path, Path, Path], Path],
    rows: str,
    root: Path,
    tiny_data: Path,
    tmp_path: Path,
) -> None:
    replaced(root, make, tmp_path / "ran", recorded=True)
    common = ["--artifacts", root, "--data", tiny_data, "--json"]
    done = mnist_deploy(*command, MLP, "--runtime", "keras-call", "--device", "cpu", *common)
    found = json.loads(done.out)
    failed = [skip["reason"] for skip in found["skips"] if skip["kind"] == "failed"]
    assert done.code == 1 and one_line(done.err) and found[rows] == []
    assert failed and not (tmp_path / "ran").exists()
    assert all("not a readable Keras model (config.json names" in one and "\n" not in one for one in failed)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_worker_loads_a_replaced_model_before_this_process_does(
    root: Path, tiny_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(root / CNN / "model.keras", root / MLP / "model.keras")
    # What damaged weights may do to the library that reads them; this process has the real one already.
    (tmp_path / "h5py").mkdir()
    (tmp_path / "h5py" / "__init__.py").write_text("import os; os.abort()")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(package.__file__).parents[1])]))
    before = files.sha256(root)
    asked = ["export", MLP, "--format", "tflite", "--artifacts", root, "--data", tiny_data]
    code, _, err = ended(capfd, *asked)
    assert code == 2 and "model.keras: not a readable Keras model (the worker process was killed by SIGABRT" in err
    assert one_line(err) and files.sha256(root) == before
