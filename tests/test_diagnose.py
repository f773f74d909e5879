"""The command diagnose on real artifacts: healthy ones, and such with a fault planted in one layer."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_deploy import cli
from mnist_deploy.artifacts import EXPORT_REVISION, Artifact, ArtifactStore, Precision, Provenance
from mnist_deploy.dataset import FloatArray, scaled
from mnist_deploy.diagnosis import TRACERS
from mnist_deploy.diagnosis.layers import LOGITS, Layer, outputs
from mnist_deploy.diagnosis.matching import BY_NAME, BY_ORDER
from mnist_deploy.diagnosis.records import Diagnosis
from mnist_deploy.diagnosis.tolerances import MIN_IMAGES, TOLERANCES
from mnist_deploy.exporters import ARTIFACT_KINDS
from mnist_deploy.exporters.saved_model import SavedModelExporter
from mnist_deploy.exporters.source import Source
from mnist_deploy.pipeline.diagnosing import Question, diagnose
from mnist_deploy.progress import Silent
from mnist_deploy.runtimes.openvino import OpenVinoRuntime
from tests.conftest import NETWORKS, TinyRun

MLP, CNN = NETWORKS
LAYERS = {MLP: ["dense_2", "probabilities"], CNN: ["conv_1", "conv_3", "dense_6", "probabilities"]}
NO_IMAGES = np.empty((0, 28, 28, 1), np.float32)
PLACES = [pytest.param(name, layer, id=f"{name}-{layer}") for name in NETWORKS for layer in LAYERS[name]]
# ONNX leaves the first convolution and the last dense layer in float32.
QUANTISED = [
    pytest.param(name, layer, format, id=f"{name}-{layer}-{format}")
    for name in NETWORKS
    for layer in LAYERS[name]
    for format in ("tflite", "onnx")
    if format == "tflite" or layer not in {"conv_1", "probabilities"}
]

KINDS = [
    pytest.param(name, format, precision, runtime, id=f"{name}-{format}-{precision}-{runtime}")
    for name in NETWORKS
    for format, precision in ARTIFACT_KINDS
    for runtime, tracer in TRACERS.items()
    if format in tracer.formats
]


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def record(self) -> Diagnosis:
        return Diagnosis.model_validate_json(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path) -> Run:
    """Run diagnose in this process, which has the frameworks loaded already, on a copy of the tiny run's artifacts."""

    def command(name: str, *options: str) -> Ended:
        code = cli.run(["diagnose", name, *options, "--artifacts", str(root), "--data", str(tiny_data)])
        captured = capfd.readouterr()
        return Ended(code, captured.out, captured.err)

    return command


def of(format: str, precision: Precision = Precision.FLOAT32, runtime: str | None = None) -> list[str]:
    return ["--format", format, "--precision", precision, *(["--runtime", runtime] if runtime else [])]


def find(store: ArtifactStore, name: str, format: str, precision: Precision = Precision.FLOAT32) -> Artifact:
    found = store.find(name, format, precision)
    assert found is not None
    return found


def renew(store: ArtifactStore, artifact: Artifact) -> None:
    """Enter the file as it is now, as if it had been exported so."""
    store.record(artifact.architecture, artifact.format, artifact.precision, artifact.path, artifact.provenance)


# ---- planting faults


@cache
def keras_layers(run: TinyRun, name: str) -> dict[str, Layer]:
    images = scaled(run.dataset.test_images[:MIN_IMAGES])
    return {layer.name: layer for layer in outputs(run.store.model_path(name), images) if layer.part in {"", LOGITS}}


def keras_model(run: TinyRun, name: str) -> Any:
    import keras

    return keras.saving.load_model(run.store.model_path(name), compile=False)


def kernel(run: TinyRun, name: str, layer: str) -> FloatArray:
    """Return the layer's weights, (inputs, units) or (height, width, channels in, channels out)."""
    return np.asarray(keras_model(run, name).get_layer(layer).get_weights()[0])


def one_wrong(run: TinyRun, name: str, layer: str) -> FloatArray:
    """Return the weights with one of them negated: the one that counts most, for an input that is not mostly zero."""
    inputs = [one.values for one in keras_layers(run, name).values()]
    names = list(keras_layers(run, name))
    before = scaled(run.dataset.test_images[:MIN_IMAGES]) if names[0] == layer else inputs[names.index(layer) - 1]
    weights = kernel(run, name, layer).copy()
    strength = np.sqrt(np.mean(before.astype(np.float64) ** 2, axis=tuple(range(before.ndim - 1))))
    place = np.unravel_index(np.argmax(np.abs(weights) * strength[:, None]), weights.shape)
    weights[place] *= -1
    return weights


def strongest_unit(run: TinyRun, name: str, layer: str) -> int:
    values = keras_layers(run, name)[layer].values
    return int(np.argmax(np.mean(np.square(values), axis=tuple(range(values.ndim - 1)))))


def replace_bytes(path: Path, old: np.ndarray, new: np.ndarray) -> None:
    """Write other numbers in the place of those that the file holds once."""
    content = path.read_bytes()
    assert content.count(old.tobytes()) == 1 and old.shape == new.shape and old.dtype == new.dtype
    path.write_bytes(content.replace(old.tobytes(), new.tobytes()))


# How each format lays the weights out, of Keras's (inputs, units) and (height, width, in, out).
AXES = {
    "tflite": {2: (1, 0), 4: (3, 0, 1, 2)},
    "onnx": {2: (0, 1), 4: (3, 2, 0, 1)},
    "openvino": {2: (1, 0), 4: (3, 2, 0, 1)},
}
UNITS = {"tflite": {2: 0, 4: 0}, "onnx": {2: 1, 4: 0}}


def plant_one(run: TinyRun, artifact: Artifact, layer: str) -> None:
    """Negate one float32 weight of one layer in the artifact's file."""
    name, path = artifact.architecture, artifact.path
    wrong = one_wrong(run, name, layer)
    if artifact.format == "saved_model":
        model = keras_model(run, name)
        model.get_layer(layer).set_weights([wrong, *model.get_layer(layer).get_weights()[1:]])
        path.rename(path.with_name("before"))
        SavedModelExporter().export(Source(model, NO_IMAGES), Precision.FLOAT32, path)
        return
    axes = AXES[artifact.format][wrong.ndim]
    old, new = (np.ascontiguousarray(one.transpose(axes)) for one in (kernel(run, name, layer), wrong))
    replace_bytes(path / "model.bin" if path.is_dir() else path, old, new)


def quantised(artifact: Artifact, layer: str) -> np.ndarray:
    """Return the int8 weights of one layer as the file holds them."""
    if artifact.format == "onnx":
        import onnx

        found = [
            onnx.numpy_helper.to_array(one)
            for one in onnx.load(artifact.path).graph.initializer
            if f"/{layer}_1/" in one.name and one.name.endswith("ReadVariableOp:0_quantized") and len(one.dims) > 1
        ]
    else:
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_path=str(artifact.path))
        interpreter.allocate_tensors()
        found = [
            interpreter.get_tensor(one["index"])
            for one in interpreter.get_tensor_details()
            if f"/{layer}_1/" in one["name"]
            and one["dtype"] == np.int8
            and len(one["shape"]) in (2, 4)
            and one["name"].endswith(("/MatMul", "/convolution"))
        ]
    assert len(found) == 1
    return np.array(found[0])


def plant_unit(run: TinyRun, artifact: Artifact, layer: str) -> None:
    """Negate the int8 weights of one unit: the error of a single one may hide in what quantization costs anyway."""
    old = quantised(artifact, layer)
    axis = UNITS[artifact.format][old.ndim]
    units = np.moveaxis(old.copy(), axis, 0)
    unit = strongest_unit(run, artifact.architecture, layer)
    units[unit] = -np.maximum(units[unit], -127)
    replace_bytes(artifact.path, old, np.ascontiguousarray(np.moveaxis(units, 0, axis)))


def expected_name(layer: str) -> str:
    """Return what a fault in `layer` is called: in the last one the numbers before the softmax show it first."""
    return f"{layer} {LOGITS}" if layer == "probabilities" else layer


# ---- healthy artifacts


@pytest.mark.parametrize(("name", "format", "precision", "runtime"), KINDS)
def test_a_healthy_artifact_has_no_layer_past_tolerance(
    run: Run, name: str, format: str, precision: Precision, runtime: str
) -> None:
    ended = run(name, *of(format, precision, runtime), "--json")
    record = ended.record
    assert ended.code == 0 and record.first is None and record.state == "current"
    assert record.finding == f"No layer is past its tolerance ({TOLERANCES[precision].worst_channel:g})."
    assert [row.layer for row in record.layers][-2:] == [f"probabilities {LOGITS}", "probabilities"]
    assert {row.found_by for row in record.layers} <= {BY_NAME, BY_ORDER}, "every layer is found"
    # Looking may keep a library from fusing the last layers: an int8 score may then fall on the next step of 1/256.
    assert record.scores_gap is not None and record.scores_gap <= (0.01 if precision is Precision.INT8 else 1e-5)
    for row in record.layers:
        assert row.worst_channel is not None and row.conversion is not None
        assert row.conversion < TOLERANCES[Precision.FLOAT32].worst_channel / 10
        assert (row.quantization is None) == (precision is Precision.FLOAT32)


def test_names_are_found_in_what_the_converters_of_today_write(run: Run) -> None:
    for format in ("saved_model", "tflite", "onnx"):
        assert {row.found_by for row in run(CNN, *of(format), "--json").record.layers} == {BY_NAME}


# ---- planted faults


@pytest.mark.parametrize(
    ("format", "runtime"),
    [("saved_model", "tensorflow"), ("tflite", "litert"), ("onnx", "onnxruntime"), ("onnx", "openvino")],
)
@pytest.mark.parametrize(("name", "layer"), PLACES)
def test_one_wrong_weight_is_found(
    run: Run, tiny_run: TinyRun, store: ArtifactStore, name: str, layer: str, format: str, runtime: str
) -> None:
    plant_one(tiny_run, find(store, name, format), layer)
    ended = run(name, *of(format, runtime=runtime), "--json")
    record = ended.record
    assert ended.code == 1 and record.first == expected_name(layer)
    assert record.state == "corrupt", "the file is looked into although it is not what was exported"
    worst = next(row.worst_channel for row in record.layers if row.layer == record.first)
    assert worst is not None and worst > 10 * record.tolerance
    assert f"past tolerance from layer {record.first} on" in ended.err


@pytest.mark.parametrize(("name", "layer", "format"), QUANTISED)
def test_one_wrong_unit_is_found_in_int8_and_blamed_on_quantization(
    run: Run, tiny_run: TinyRun, store: ArtifactStore, name: str, layer: str, format: str
) -> None:
    artifact = find(store, name, format, Precision.INT8)
    plant_unit(tiny_run, artifact, layer)
    renew(store, artifact)
    ended = run(name, *of(format, Precision.INT8), "--json")
    record = ended.record
    assert ended.code == 1 and record.first == expected_name(layer) and record.state == "current"
    assert "Quantization is to blame: the float32 artifact is right there" in record.finding
    worst = next(row.worst_channel for row in record.layers if row.layer == record.first)
    assert worst is not None and worst > 2 * record.tolerance


@pytest.fixture
def converted(store: ArtifactStore, tiny_run: TinyRun) -> Iterator[Callable[[str], Artifact]]:
    """Convert a network to OpenVINO's own format."""

    def convert(name: str) -> Artifact:
        OpenVinoRuntime.preload()
        import openvino

        with Source(keras_model(tiny_run, name), NO_IMAGES) as source:
            model = openvino.convert_model(source.saved_model)
        path = store.root / name / "planted.openvino"
        path.mkdir()
        openvino.save_model(model, path / "model.xml", compress_to_fp16=False)
        made = find(store, name, "onnx").provenance.created_at
        provenance = Provenance(
            source_sha256=store.model_sha256(name) or "", versions={}, created_at=made, revision=EXPORT_REVISION
        )
        return store.record(name, "openvino", Precision.FLOAT32, path, provenance)

    yield convert


@pytest.mark.parametrize(("name", "layer"), PLACES)
def test_one_wrong_weight_is_found_in_openvinos_own_format(
    store: ArtifactStore, tiny_run: TinyRun, converted: Callable[[str], Artifact], name: str, layer: str
) -> None:
    artifact = converted(name)
    question = Question(name, "openvino", Precision.FLOAT32)
    assert diagnose(store, tiny_run.dataset, question, Silent()).first is None
    plant_one(tiny_run, artifact, layer)
    found = diagnose(store, tiny_run.dataset, question, Silent())
    assert found.first == expected_name(layer) and found.state == "corrupt" and found.runtime == "openvino"


# ---- whose fault it is


def test_a_fault_in_both_is_blamed_on_conversion(run: Run, tiny_run: TinyRun, store: ArtifactStore) -> None:
    """A model with a wrong unit, converted and quantised rightly: what a wrong conversion would give."""
    from mnist_deploy.exporters.onnx import OnnxExporter

    model = keras_model(tiny_run, CNN)
    weights, *rest = model.get_layer("conv_3").get_weights()
    weights[..., strongest_unit(tiny_run, CNN, "conv_3")] *= -1
    model.get_layer("conv_3").set_weights([weights, *rest])
    calibration = scaled(tiny_run.dataset.train_images[:100])
    for precision in (Precision.FLOAT32, Precision.INT8):
        artifact = find(store, CNN, "onnx", precision)
        artifact.path.unlink()
        OnnxExporter().export(Source(model, calibration), precision, artifact.path)
        renew(store, artifact)
    record = run(CNN, *of("onnx", Precision.INT8), "--json").record
    assert record.first == "conv_3"
    assert "Conversion is to blame: the float32 artifact is wrong there too" in record.finding


def test_a_wrong_float32_artifact_does_not_make_a_right_int8_one_wrong(
    run: Run, tiny_run: TinyRun, store: ArtifactStore
) -> None:
    artifact = find(store, CNN, "onnx")
    plant_one(tiny_run, artifact, "conv_3")
    ended = run(CNN, *of("onnx", Precision.INT8))
    assert ended.code == 0 and "unknown: the float32 artifact is corrupt" in " ".join(ended.out.split())
    renew(store, artifact)
    ended = run(CNN, *of("onnx", Precision.INT8))
    assert ended.code == 0
    assert "The float32 artifact is past its own from conv_3 on: diagnose that one." in " ".join(ended.out.split())


def test_a_corrupt_file_is_told_as_such(run: Run, tiny_run: TinyRun, store: ArtifactStore) -> None:
    plant_one(tiny_run, find(store, MLP, "tflite"), "dense_2")
    ended = run(MLP, *of("tflite"))
    words = " ".join(ended.out.split())
    assert ended.code == 1 and "WARNING: the file is not what was exported (SHA-256 differs)" in words
    assert "First layer past tolerance: dense_2 (" in words and "or what changed the file since" in words
    assert max(map(len, ended.out.splitlines())) <= 100


# ---- bad use


def one_line(ended: Ended) -> str:
    lines = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in ended.err and ended.out == "", ended.err
    return lines[0]


BAD_USE = {
    "format": (["--format", "tflight"], "did you mean tflite?"),
    "no format": ([], "--format"),
    "precision": (["--format", "onnx", "--precision", "int9"], "did you mean int8?"),
    "runtime": (["--format", "onnx", "--runtime", "onnxruntim"], "did you mean onnxruntime?"),
    "keras": (["--format", "keras"], "--format keras: it is what the others are held to"),
    "precision of format": (["--format", "onnx", "--precision", "float16"], "onnx has no float16; it has float32"),
    "another runtime": (["--format", "onnx", "--runtime", "litert"], "--runtime litert: it does not read onnx"),
    "no tracer": (["--format", "tflite", "--runtime", "keras-call"], "--runtime keras-call: it shows no layers; give"),
    "null": (["--format", "tflite", "--runtime", "null"], "--runtime null: it shows no layers; give litert"),
    "too few images": (["--format", "tflite", "--images", "8"], "--images"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_USE)
def test_bad_use_is_one_line(run: Run, case: str) -> None:
    arguments, words = BAD_USE[case]
    ended = run(MLP, *arguments)
    assert ended.code == 2 and words in one_line(ended)


def test_unknown_network(run: Run) -> None:
    ended = run("mlp-relu-129", "--format", "onnx")
    assert ended.code == 2 and "did you mean mlp-relu-128?" in one_line(ended)


def test_untrained_network(run: Run) -> None:
    ended = run("mlp-relu-128", "--format", "onnx")
    assert ended.code == 2 and "run: mnist-deploy train mlp-relu-128" in one_line(ended)


def spoil_manifest(store: ArtifactStore) -> None:
    (store.root / "manifest.json").unlink()


BROKEN: dict[str, tuple[Callable[[ArtifactStore], object], str]] = {
    "not exported": (spoil_manifest, f"{MLP} tflite int8: not exported yet; run: mnist-deploy export {MLP}"),
    "missing": (lambda store: (store.root / MLP / "int8.tflite").unlink(), "int8.tflite: missing; run: mnist-deploy"),
    "unreadable": (
        lambda store: (store.root / MLP / "int8.tflite").write_bytes(b"nonsense"),
        "int8.tflite: does not run in litert (",
    ),
    "stale": (
        lambda store: (store.root / MLP / "model.keras").write_bytes((store.root / CNN / "model.keras").read_bytes()),
        "stale, its model.keras changed since; run: mnist-deploy export",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_looked_into(run: Run, store: ArtifactStore, case: str) -> None:
    spoil, words = BROKEN[case]
    spoil(store)
    ended = run(MLP, *of("tflite", Precision.INT8))
    assert ended.code == 2 and words in one_line(ended)


@pytest.mark.parametrize("format", ["onnx", "saved_model"])
def test_unreadable_files_of_other_formats(run: Run, store: ArtifactStore, format: str) -> None:
    path = find(store, MLP, format).path
    (path / "saved_model.pb" if path.is_dir() else path).write_bytes(b"nonsense")
    ended = run(MLP, *of(format))
    assert ended.code == 2 and "does not run in" in one_line(ended) and "run: mnist-deploy export" in one_line(ended)


def test_without_a_float32_artifact_the_error_is_not_split(run: Run, store: ArtifactStore) -> None:
    find(store, MLP, "onnx").path.unlink()
    ended = run(MLP, *of("onnx", Precision.DYNAMIC), "--json")
    assert ended.code == 0 and ended.record.unsplit == "the float32 artifact is missing"
    assert {row.quantization for row in ended.record.layers} == {None}


def test_fewer_images_than_asked_for_are_counted_and_results_are_json(run: Run) -> None:
    ended = run(MLP, *of("tflite"), "--images", "100", "--json")
    assert json.loads(ended.out)["images"] == 100 and ended.code == 0


def test_help_imports_no_framework() -> None:
    heavy = {"tensorflow", "keras", "onnx", "onnxruntime", "openvino", "ai_edge_litert"}
    program = (
        "import sys; from mnist_deploy import cli; cli.run(['diagnose', '--help']);"
        f"print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]" and "--images" in done.stdout
