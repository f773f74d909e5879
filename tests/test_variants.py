"""Variants of real artifacts beside each other in one folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy import documents
from mnist_deploy.artifacts import ArtifactStore, Precision, State, Variant
from mnist_deploy.benchmark.schedule import Use
from mnist_deploy.dataset import scaled, unscaled
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.exporters.source import Source
from mnist_deploy.pipeline import choosing
from mnist_deploy.pipeline.choosing import Wanted
from mnist_deploy.pipeline.diagnosing import Question, diagnose
from mnist_deploy.pipeline.exporting import Calibration, export_all, targets
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.progress import Silent
from mnist_deploy.results import SkipKind
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, PLAIN_FORMATS, TinyRun, mnist_deploy
from tests.test_cli import ended, one_line

MLP, CNN = NETWORKS
ONE = [Use(batch_size=1, threads=1)]


@pytest.fixture
def variants(variants_run: Path, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(Path(shutil.copytree(variants_run, tmp_path / "artifacts")))


def test_variants_lie_beside_what_was_there(tiny_run: TinyRun, variants_run: Path) -> None:
    store = ArtifactStore(variants_run)
    every = store.manifest().artifacts
    standard = [one for one in every if one.variant is Variant.STANDARD]
    assert [one.sha256 for one in standard] == [one.sha256 for one in tiny_run.store.manifest().artifacts]
    assert len({one.path for one in every}) == len(every), "no two share a file"
    kinds = {(one.format, one.precision) for one in every if one.variant is Variant.UINT8}
    assert kinds == {(name, one) for name, exporter in EXPORTERS.items() for one in exporter.precisions}
    assert {one.format for one in every if one.variant is Variant.PLAIN} == set(PLAIN_FORMATS)
    assert {one.architecture for one in every if one.variant is not Variant.STANDARD} == {CNN}
    names = {(one.format, one.variant): one.path.name for one in every if one.precision is Precision.FLOAT32}
    assert names["onnx", Variant.UINT8] == "float32-uint8.onnx" and names["onnx", Variant.PLAIN] == "float32-plain.onnx"
    assert names["saved_model", Variant.UINT8] == "saved_model-uint8"
    assert all(store.state(one) is State.CURRENT for one in every)


def test_what_is_there_is_kept_and_nothing_else_touched(tiny_run: TinyRun, variants: ArtifactStore) -> None:
    before = {one.path: one.path.stat().st_mtime_ns for one in variants.manifest().artifacts}
    wanted = targets(["onnx", "tflite"], [Precision.FLOAT32])
    told = (variants, tiny_run.dataset, [CNN], wanted, Calibration(), Silent(), Variant.UINT8)
    first = export_all(*told)
    assert first.kept == {f"{CNN} onnx float32 uint8", f"{CNN} tflite float32 uint8"}
    second = export_all(*told, force=True)
    assert not second.kept and {one.variant for one in second.artifacts} == {Variant.UINT8}
    after = {one.path: one.path.stat().st_mtime_ns for one in variants.manifest().artifacts}
    assert {path for path in after if after[path] != before[path]} == {one.path for one in second.artifacts}


def test_what_an_earlier_version_exported_is_made_anew(tiny_run: TinyRun, store: ArtifactStore) -> None:
    path = store.root / "manifest.json"
    content = json.loads(path.read_text())
    for entry in content["artifacts"]:
        entry["provenance"].pop("revision")
    path.write_text(documents.sealed(json.dumps(content)))
    told = (store, tiny_run.dataset, [MLP], targets(["onnx"], [Precision.FLOAT32]), Calibration(), Silent())
    assert not export_all(*told).kept
    assert export_all(*told).kept == {f"{MLP} onnx float32"}


def test_a_stale_variant_names_the_command_that_mends_it(variants: ArtifactStore) -> None:
    with variants.model_path(CNN).open("ab") as stream:
        stream.write(b"changed")
    skips = matrix(variants, Selection(formats=["onnx"], precisions=["float32"]), ONE).skips
    stale = {skip.variant: skip.remedy for skip in skips if skip.kind is SkipKind.STALE}
    assert stale == {
        "standard": f"mnist-deploy export {CNN}",
        "uint8": f"mnist-deploy export {CNN} --input uint8",
        "plain": f"mnist-deploy export {CNN} --no-optimize",
    }


def test_a_damaged_variant_names_the_command_that_mends_it(variants: ArtifactStore) -> None:
    broken = variants.find(CNN, "onnx", Precision.FLOAT32, Variant.UINT8)
    assert broken is not None
    broken.path.write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=f"export {CNN} --format onnx --precision float32 --input uint8"):
        variants.select([CNN])
    assert all(one.variant is Variant.STANDARD for one, _ in variants.select([CNN], variants=["standard"]))


def test_a_manifest_from_before_there_were_variants_is_read(store: ArtifactStore) -> None:
    path = store.root / "manifest.json"
    content = json.loads(path.read_text())
    for entry in content["artifacts"]:
        assert entry.pop("variant") == "standard"
    path.write_text(documents.sealed(json.dumps(content)))
    assert {one.variant for one in store.manifest().artifacts} == {Variant.STANDARD}
    assert store.find(CNN, "onnx", Precision.INT8) and not store.find(CNN, "onnx", Precision.INT8, Variant.UINT8)


def test_all_that_is_there_is_worked_on_and_only_standard_ones_are_missed(variants: ArtifactStore) -> None:
    def found(**named: list[str]) -> tuple[set[tuple[str, str]], list[str | None]]:
        made = matrix(variants, Selection(runtimes=["onnxruntime"], precisions=["int8"], **named), ONE)
        missing = [skip.variant for skip in made.skips if skip.kind is SkipKind.NOT_EXPORTED]
        return {(cell.artifact.architecture, cell.artifact.variant.value) for cell in made.cells}, missing

    assert found() == ({(MLP, "standard"), (CNN, "standard"), (CNN, "uint8"), (CNN, "plain")}, [])
    assert found(variants=["uint8"]) == ({(CNN, "uint8")}, [])
    assert found(variants=["standard"]) == ({(MLP, "standard"), (CNN, "standard")}, [])
    with pytest.raises(
        ArtifactError, match="no artifact matches; run: mnist-deploy export --input uint8 --no-optimize"
    ):
        found(variants=["uint8-plain"])
    lost = variants.find(CNN, "onnx", Precision.INT8)
    assert lost is not None
    content = json.loads((variants.root / "manifest.json").read_text())
    content["artifacts"] = [
        one for one in content["artifacts"] if Path(one["path"]) != lost.path.relative_to(variants.root)
    ]
    (variants.root / "manifest.json").write_text(documents.sealed(json.dumps(content)))
    assert found(architectures=[CNN]) == ({(CNN, "uint8"), (CNN, "plain")}, ["standard"])


def test_openvino_reads_a_variant_in_the_format_in_which_it_is_there(variants_run: Path) -> None:
    cells = matrix(ArtifactStore(variants_run), Selection(architectures=[CNN], precisions=["float32"]), ONE).cells
    read = {(one.artifact.variant, one.artifact.format) for one in cells if one.runtime == "openvino"}
    assert read == {(Variant.STANDARD, "openvino"), (Variant.UINT8, "openvino"), (Variant.PLAIN, "onnx")}


@pytest.mark.parametrize(
    ("runtime", "format"),
    [("tensorflow", "saved_model"), ("litert", "tflite"), ("onnxruntime", "onnx"), ("openvino", "openvino"),
     ("mnn", "mnn")],
)  # fmt: skip
def test_float32_scores_of_pixels_are_those_of_scaled_images(
    tiny_run: TinyRun, variants_run: Path, runtime: str, format: str
) -> None:
    """The graph multiplies by 1/255 where `scaled` divides by 255: that is all that may part them."""
    store, pixels = ArtifactStore(variants_run), tiny_run.dataset.test_images[:300]
    scores = []
    for variant in (Variant.STANDARD, Variant.UINT8):
        artifact = store.find(CNN, format, Precision.FLOAT32, variant)
        assert artifact is not None
        with RUNTIMES[runtime](artifact, device="cpu", threads=None, batch_size=100) as loaded:
            scores += [loaded.infer(pixels), loaded.infer(scaled(pixels))]
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=2e-6)
    np.testing.assert_array_equal(scores[2], scores[3], err_msg="scaled pixels are turned back exactly")


def test_every_pixel_survives_scaling_and_back() -> None:
    every = np.arange(256, dtype=np.uint8).repeat(784).reshape(256, 28, 28)
    np.testing.assert_array_equal(unscaled(scaled(every))[..., 0], every)
    beyond = np.array([-0.5, 1.5], np.float32)
    assert unscaled(beyond).tolist() == [0, 255]


def test_tflite_int8_takes_pixels_by_scale_and_gives_int8(variants_run: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    artifact = ArtifactStore(variants_run).find(CNN, "tflite", Precision.INT8, Variant.UINT8)
    assert artifact is not None
    interpreter = Interpreter(model_path=str(artifact.path))
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (image["dtype"], output["dtype"]) == (np.uint8, np.int8)
    assert image["quantization"] == (pytest.approx(1 / 255, rel=1e-5), 0)


def test_an_int8_input_that_means_no_pixels_is_left_out(tiny_run: TinyRun, variants: ArtifactStore) -> None:
    """Calibrated on images that are never white, the converter would take another scale than 1/255."""
    dim = tiny_run.dataset
    dim = type(dim)(dim.train_images // 2, dim.train_labels, dim.test_images, dim.test_labels)
    import keras

    from mnist_deploy.exporters.source import Source

    model = keras.saving.load_model(variants.model_path(MLP), compile=False)
    with (
        Source(model, Calibration(20).images(dim), Variant.UINT8) as source,
        pytest.raises(ArtifactError, match="so it takes no pixels; calibrate with more images"),
    ):
        EXPORTERS["tflite"]().export(source, Precision.INT8, variants.root / "dim.tflite")


@pytest.mark.parametrize("precision", EXPORTERS["onnx"].precisions)
def test_onnx_scales_pixels_in_one_node(variants_run: Path, precision: Precision) -> None:
    import onnx

    artifact = ArtifactStore(variants_run).find(CNN, "onnx", precision, Variant.UINT8)
    assert artifact is not None
    graph = onnx.load(artifact.path).graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    (first,) = (node for node in graph.node if "image" in node.input)
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    assert first.op_type == "DequantizeLinear"
    assert constants[first.input[1]] == np.float32(1 / 255) and constants[first.input[2]] == 0


def test_the_plain_graph_casts_and_multiplies_and_gives_the_same(tiny_run: TinyRun, tmp_path: Path) -> None:
    import keras
    import onnx

    model = keras.saving.load_model(tiny_run.store.model_path(CNN), compile=False)
    images, scores = Calibration(20).images(tiny_run.dataset), []
    for variant in (Variant.UINT8, Variant.UINT8_PLAIN):
        path = tmp_path / f"{variant}.onnx"
        with Source(model, images, variant) as source:
            EXPORTERS["onnx"]().export(source, Precision.FLOAT32, path)
        operators = [node.op_type for node in onnx.load(path).graph.node]
        assert (operators[:2] == ["Cast", "Mul"]) == (variant is Variant.UINT8_PLAIN)
        artifact = tiny_run.store.find(CNN, "onnx", Precision.FLOAT32)
        assert artifact is not None
        changed = artifact.model_copy(update={"variant": variant, "path": path})
        with RUNTIMES["onnxruntime"](changed, device="cpu", threads=1, batch_size=50) as loaded:
            scores.append(loaded.infer(tiny_run.dataset.test_images[:100]))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-6)


def test_a_single_choice_is_of_the_standard_variant_unless_one_is_named(variants_run: Path) -> None:
    store = ArtifactStore(variants_run)
    named = Wanted(CNN, "onnx", "float32", "onnxruntime")
    assert choosing.for_use(store, named).cell.artifact.variant is Variant.STANDARD
    asked = Wanted(CNN, "onnx", "float32", "onnxruntime", "uint8")
    assert choosing.for_use(store, asked).cell.artifact.label == f"{CNN} onnx float32 uint8"
    with pytest.raises(ArtifactError, match=f"{MLP} onnx float32 uint8: not exported yet; run: .* --input uint8$"):
        choosing.for_use(store, Wanted(MLP, "onnx", "float32", "onnxruntime", "uint8"))
    with pytest.raises(UsageError, match="--variant uint8: keras has none"):
        choosing.for_use(store, Wanted(CNN, "keras", "float32", "keras-call", "uint8"))


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_layers_of_a_variant_are_diagnosed(tiny_run: TinyRun, variants_run: Path, format: str) -> None:
    question = Question(CNN, format, Precision.INT8, variant=Variant.UINT8)
    found = diagnose(ArtifactStore(variants_run), tiny_run.dataset, question, Silent())
    assert (found.variant, found.first, found.unsplit) == ("uint8", None, None)
    shown = [row for row in found.layers if row.tensor]
    assert len(shown) >= len(found.layers) - 1 and all(row.conversion is not None for row in shown)


def test_verify_bench_and_report_tell_variants_apart(tiny_run: TinyRun, variants: ArtifactStore) -> None:
    told = (CNN, "--runtime", "onnxruntime", "--precision", "float32", "--data", tiny_run.data)
    where = ("--artifacts", variants.root)
    verified = mnist_deploy("verify", *told, "--json", *where)
    assert verified.code == 0, verified.err
    rows = json.loads(verified.out)["parity"]
    assert [row["variant"] for row in rows] == ["standard", "uint8", "plain"] and all(row["passed"] for row in rows)
    measured = mnist_deploy("bench", *told, "--quick", "--end-to-end", *where)
    assert measured.code == 0, measured.err
    assert "onnx float32 uint8" in measured.out and "onnx float32 plain" in measured.out
    assert "Speed-up" not in measured.out and "compare them by --end-to-end" not in measured.out
    reported = mnist_deploy("report", "--format", "csv", *where)
    lines = [line.split(",") for line in reported.out.splitlines()]
    place = lines[0].index("variant")
    assert sorted({line[place] for line in lines[1:]}) == ["plain", "standard", "uint8"]
    called = mnist_deploy("bench", *told, "--quick", "--baseline", "onnxruntime", *where)
    assert called.code == 0, called.err
    assert "uint8" in called.out and "compare them by --end-to-end" in " ".join(called.out.split())
    refused = mnist_deploy("bench", *told, "--variant", "uint8", "--quick", "--baseline", "onnxruntime", *where)
    assert refused.code == 2 and "--baseline onnxruntime: not among what is measured" in " ".join(refused.err.split())


BAD = {
    "input": (["export", "--input", "float16"], "unknown input 'float16'"),
    "variant": (["bench", "--variant", "uint9"], "did you mean uint8?"),
    "one variant": (["predict", "x.png", "--variant", "all"], "unknown variant 'all'"),
    "diagnose": (["diagnose", CNN, "--format", "onnx", "--variant", "plane"], "did you mean plain?"),
    "recommend": (["recommend", "--variant", "standart"], "did you mean standard?"),
    "without interleave": (["compare", "a", "b", "--variant", "uint8"], "--variant"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line(arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(capfd, *arguments)
    assert code == 2 and not out and said in one_line(err)
