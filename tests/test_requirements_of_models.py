"""What artifacts say of themselves and of what they need, read from the files by other means than the exporters'."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_deploy import documents, files
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision, Variant
from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.exporters.source import Source
from mnist_deploy.exporters.tflite_contents import with_metadata
from mnist_deploy.pipeline.exporting import Calibration
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.quiet import quiet
from tests import old_runtimes
from tests.conftest import NETWORKS, TinyRun
from tests.test_cli import ended
from tests.test_diagnose import keras_model

MLP, CNN = NETWORKS
# What is no text stands as JSON in ONNX's and OpenVINO's metadata, which are text.
AS_JSON = ("class_names", "input_shape", "test_accuracy")
DIGITS = [str(digit) for digit in range(10)]


def flatbuffer(path: Path) -> Any:
    """A TFLite model as LiteRT's own copy of the schema reads it."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))


def operator_versions(path: Path) -> dict[str, int]:
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    # Files for old readers have small numbers in the deprecated field too.
    codes = flatbuffer(path).operatorCodes
    return {names[max(code.builtinCode, code.deprecatedBuiltinCode)]: code.version for code in codes}


def metadata(artifact: Artifact) -> dict[str, Any]:
    """What a file says of its model; text that is JSON as what it stands for."""
    if artifact.format == "tflite":
        model = flatbuffer(artifact.path)
        (entry,) = [entry for entry in model.metadata if entry.name == b"mnist_deploy"]
        return dict(json.loads(bytes(model.buffers[entry.buffer].data)))
    if artifact.format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(artifact.path))
        written = session.get_modelmeta().custom_metadata_map
    else:
        import openvino

        info = openvino.Core().read_model(artifact.path / "model.xml").get_rt_info("model_info").astype(dict)
        written = {key: getattr(value, "value", value) for key, value in info.items()}
    return {key: json.loads(value) if key in AS_JSON else value for key, value in written.items()}


@pytest.fixture(scope="module")
def artifacts(variants_run: Path) -> list[Artifact]:
    return ArtifactStore(variants_run).manifest().artifacts


def of(artifacts: list[Artifact], format: str) -> list[Artifact]:
    chosen = [artifact for artifact in artifacts if artifact.format == format]
    assert {artifact.variant for artifact in chosen} >= {Variant.STANDARD, Variant.UINT8}
    return chosen


def test_onnx_files_import_what_they_use_and_nothing_else(artifacts: list[Artifact]) -> None:
    import onnx

    for artifact in of(artifacts, "onnx"):
        model = onnx.load(artifact.path)
        imported = [entry.domain or "ai.onnx" for entry in model.opset_import]
        assert sorted(imported) == sorted({node.domain or "ai.onnx" for node in model.graph.node}), artifact.label
        assert model.ir_version == onnx.helper.find_min_ir_version_for(model.opset_import)
        read = {name for node in model.graph.node for name in node.input}
        assert {value.name for value in model.graph.initializer} <= read, "ONNX Runtime warns of others"


@pytest.mark.parametrize("format", ["onnx", "tflite", "openvino"])
def test_files_say_what_model_they_are_of(tiny_run: TinyRun, artifacts: list[Artifact], format: str) -> None:
    for artifact in of(artifacts, format):
        facts = tiny_run.facts(artifact.architecture)
        expected = {
            "class_names": DIGITS,
            "input_name": "image",
            "input_shape": ["batch", 28, 28, 1],
            "input_scaling": "none" if artifact.variant.uint8 else "pixel / 255",
            "architecture": artifact.architecture,
            "source_sha256": facts.source_sha256,
            "test_accuracy": facts.test_accuracy,
        }
        written = metadata(artifact)
        assert {key: written.get(key) for key in expected} == expected, artifact.label
        assert facts.source_sha256 == artifact.provenance.source_sha256 and 0.5 < facts.test_accuracy < 1


def test_the_manifest_says_what_onnx_files_need(artifacts: list[Artifact]) -> None:
    import onnx

    for artifact in of(artifacts, "onnx"):
        model, needs = onnx.load(artifact.path), artifact.requirements
        opset = 13 if artifact.variant.optimized else 17
        assert needs is not None and (needs.ir_version, needs.opsets) == (model.ir_version, {"ai.onnx": opset})
        assert model.opset_import[0].version == opset
        assert set(needs.operators) == {node.op_type for node in model.graph.node}
        assert all(10 <= version <= opset for version in needs.operators.values())
        assert needs.operators["Softmax"] == 13


def test_the_manifest_says_what_tflite_files_need(artifacts: list[Artifact]) -> None:
    for artifact in of(artifacts, "tflite"):
        needs = artifact.requirements
        assert needs is not None and needs.operators == operator_versions(artifact.path)
        assert (needs.ir_version, needs.opsets) == (None, {})
        if artifact.precision is Precision.DYNAMIC:
            assert needs.operators["FULLY_CONNECTED"] <= 9, "tflite-runtime 2.14.0 has no version 12"


def test_the_manifest_says_what_openvino_models_need(artifacts: list[Artifact]) -> None:
    for artifact in of(artifacts, "openvino"):
        text, needs = (artifact.path / "model.xml").read_text(), artifact.requirements
        layers = {
            (name, int(opset)) for name, opset in re.findall(r'<layer [^>]*type="(\w+)" version="opset(\d+)"', text)
        }
        assert needs is not None and set(needs.operators.items()) == layers
        assert needs.opsets == {"openvino": max(opset for _, opset in layers)}
        assert f'version="{needs.ir_version}"' in text.splitlines()[1]


def test_nothing_is_claimed_of_formats_that_say_nothing(artifacts: list[Artifact]) -> None:
    silent = [artifact for artifact in artifacts if artifact.format in {"keras", "saved_model", "mnn"}]
    assert silent and all(artifact.requirements is None for artifact in silent)


def test_every_claim_of_an_old_runtime_is_checked_in_ci() -> None:
    script, step = Path("tests/old_runtimes.py").read_text(), Path(".ci/run").read_text()
    for exporter in EXPORTERS.values():
        for package, version in exporter.oldest_runtimes.items():
            assert f'"{package}": (' in script and f'"{exporter.format}"' in script
            assert f"{package}=={version}" in step


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_the_same_model_gives_the_same_bytes(tiny_run: TinyRun, tmp_path: Path, format: str) -> None:
    """Also after other exports in the same process."""
    model, calibration = keras_model(tiny_run, CNN), Calibration().images(tiny_run.dataset)
    exporter = EXPORTERS[format]()
    for turn in ("first", "second"):
        with quiet(), Source(model, calibration, facts=tiny_run.facts(CNN)) as source:
            for precision in exporter.precisions:
                path = tmp_path / f"{turn}-{precision}"
                exporter.export(source, precision, path)
                artifact = tiny_run.store.find(CNN, format, precision)
                assert artifact is not None and files.sha256(path) == artifact.sha256


def test_metadata_changes_no_answer(tiny_run: TinyRun) -> None:
    from ai_edge_litert.interpreter import Interpreter

    def answers(content: bytes) -> list[bytes]:
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        image, scores = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        found = []
        for pixels in tiny_run.dataset.scaled()[1][:50]:
            interpreter.set_tensor(image["index"], pixels[None])
            interpreter.invoke()
            found.append(interpreter.get_tensor(scores["index"]).tobytes())
        return found

    artifact = tiny_run.store.find(CNN, "tflite", Precision.DYNAMIC)
    assert artifact is not None
    content = artifact.path.read_bytes()
    assert answers(with_metadata(content, {"more": "é" * 1000})) == answers(content)


def test_list_artifacts(tiny_run: TinyRun, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = ended(capfd, "list", "artifacts", "--artifacts", tiny_run.root)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0 and sum("artifacts and what they need" in line for line in lines) == len(NETWORKS)
    assert any(line.startswith("onnx int8 opset 13, IR 7 onnxruntime 1.15.1, openvino") for line in lines)
    assert any(line.startswith("openvino int8 opset 8, IR 11 openvino 2023.3.0") for line in lines)
    assert any(line.startswith("tflite dynamic FULLY_CONNECTED 9 tflite-runtime 2.14.0") for line in lines)
    assert any(line.startswith("saved_model float32 unknown unknown") for line in lines)
    code, _, err = ended(capfd, "list", "artifacts", "--artifacts", tmp_path)
    assert code == 2 and "no artifacts yet; run: mnist-deploy export" in err


def test_a_manifest_from_before_says_nothing_of_it(store: ArtifactStore, capfd: pytest.CaptureFixture[str]) -> None:
    path = store.root / "manifest.json"
    content = documents.read(path)
    for entry in content["artifacts"]:
        entry.pop("requirements")
    path.write_text(documents.sealed(json.dumps(content)))
    assert all(artifact.requirements is None for artifact in store.manifest().artifacts)
    code, out, _ = ended(capfd, "list", "artifacts", "--artifacts", store.root)
    assert code == 0 and "opset" not in out and "unknown" in out


def test_a_package_says_what_it_needs(tiny_run: TinyRun, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "package"
    kind = ("--format", "onnx", "--precision", "int8", "--runtime", "onnxruntime")
    code, _, err = ended(capfd, "package", MLP, *kind, "--output", folder, "--artifacts", tiny_run.root)
    assert code == 0, err
    card, record = (folder / "README.md").read_text(), json.loads((folder / "deployment.json").read_text())
    assert "| needs of a runtime | opset 13, IR 7 |" in card
    assert "| onnxruntime 1.15.1, openvino 2023.3.0 |" in card and "DequantizeLinear 13" in card
    artifact = tiny_run.store.find(MLP, "onnx", Precision.INT8)
    assert artifact is not None and artifact.requirements is not None
    assert record["model_requirements"] == artifact.requirements.model_dump()


def test_recommend_says_what_the_chosen_one_needs(tiny_run: TinyRun, capfd: pytest.CaptureFixture[str]) -> None:
    results = gather(tiny_run.store).results
    assert recommend(results, Wishes()).chosen is not None
    words = ("recommend", "--ignore-gates", "--artifacts", tiny_run.root)
    code, out, _ = ended(capfd, *words, "--json")
    found = json.loads(out)
    row = found["chosen"]["measurement"]
    artifact = tiny_run.store.find(
        row["architecture"], row["format"], Precision(row["precision"]), Variant(row["variant"])
    )
    assert code == 0 and artifact is not None and artifact.requirements is not None
    assert found["chosen"]["model_requirements"] == artifact.requirements.model_dump()
    _, shown, _ = ended(capfd, *words)
    assert "the oldest that was checked" in shown


def test_the_script_for_old_runtimes_names_what_fails(tiny_run: TinyRun, capsys: pytest.CaptureFixture[str]) -> None:
    """With the version that is installed here, which stands for the old one."""
    images = tiny_run.dataset.test_images[:100]
    assert old_runtimes.main(tiny_run.root, images, "onnxruntime", "1.15.1") == 0
    assert "6 of 6 artifacts load and answer as Keras does" in capsys.readouterr().out
    assert old_runtimes.main(tiny_run.root, np.roll(images, 1, axis=0), "onnxruntime", "1.15.1") == 1
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith(f"{MLP}/float32.onnx in onnxruntime 1.15.1: 0.") and first.endswith("less than 0.999")
    assert old_runtimes.main(tiny_run.root, images, "onnxruntime", "1.14.0") == 1
    assert "seen to work in onnxruntime 1.15.1, not in 1.14.0" in capsys.readouterr().err
