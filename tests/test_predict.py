"""`mnist-deploy predict` on real artifacts."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_deploy import documents, preprocessing
from mnist_deploy.artifacts import ArtifactStore, Precision
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.dataset import Dataset, FloatArray, UInt8Array
from mnist_deploy.decisions.parting import more_accurate
from mnist_deploy.decisions.recommendation import candidates, recommend
from mnist_deploy.decisions.records import Prefer, Wishes
from mnist_deploy.pipeline import choosing, predicting
from mnist_deploy.pipeline.choosing import Wanted
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, TinyRun
from tests.drawings import encoded, pair, sent
from tests.test_cli import ended as called
from tests.test_cli import one_line

MLP, CNN = NETWORKS
IMAGES = 12


def cell(store: ArtifactStore, name: str, format: str, precision: Precision, runtime: str) -> Cell:
    artifact = store.find(name, format, precision)
    assert artifact is not None
    return Cell(artifact, runtime, "cpu", Use(batch_size=1, threads=1))


@pytest.fixture(scope="session")
def drawn(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The first test images as people send them."""
    folder = tmp_path_factory.mktemp("drawn")
    paths = [folder / f"{number}.jpg" for number in range(IMAGES)]
    for number, path in enumerate(paths):
        path.write_bytes(sent(mnist.test_images[number], number))
    return paths


def ended(capfd: pytest.CaptureFixture[str], root: Path, *arguments: str | Path) -> tuple[int, str, str]:
    return called(capfd, *arguments, "--artifacts", root)


def accuracy(scores: FloatArray, labels: UInt8Array) -> float:
    return float((scores.argmax(axis=1) == labels).mean())


def test_a_network_sees_files_nearly_as_well_as_mnist_itself(tiny_run: TinyRun, mnist: Dataset) -> None:
    one = cell(tiny_run.store, CNN, "tflite", Precision.FLOAT32, "litert")
    images, labels = mnist.test_images[:1000], mnist.test_labels[:1000]
    seen = np.stack([preprocessing.preprocess(sent(image, number)).pixels for number, image in enumerate(images)])
    direct, files = (accuracy(predicting.scores(one, pixels), labels) for pixels in (images, seen))
    assert direct > 0.9 and files / direct > 0.98


def test_images_get_the_artifacts_own_answers(
    tiny_run: TinyRun, mnist: Dataset, drawn: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--architecture", CNN, "--format", "tflite", "--precision", "int8", "--runtime", "litert")
    code, out, err = ended(capfd, tiny_run.root, "predict", *options, "--json", *drawn)
    assert code == 0 and f"{CNN} tflite int8 in litert: as named" in err
    records = json.loads(out)
    pixels = np.stack([preprocessing.load(str(path)).pixels for path in drawn])
    scores = predicting.scores(cell(tiny_run.store, CNN, "tflite", Precision.INT8, "litert"), pixels)
    for record, path, row in zip(records, drawn, scores, strict=True):
        assert record["image"] == str(path) and record["error"] is None
        best = np.argsort(-row, kind="stable")[:3]
        assert [guess["digit"] for guess in record["classes"]] == best.tolist()
        assert [guess["probability"] for guess in record["classes"]] == row[best].tolist()
    assert np.mean([record["classes"][0]["digit"] for record in records] == mnist.test_labels[:IMAGES]) > 0.7


@pytest.mark.parametrize("runtime", ["litert", "onnxruntime", "openvino", "tensorflow", "keras-call", "keras-jax"])
def test_every_runtime_answers_alike(tiny_run: TinyRun, mnist: Dataset, runtime: str) -> None:
    chosen = choosing.first(tiny_run.store, Wanted(CNN, None, "float32", runtime)).cell
    assert chosen.runtime == runtime
    scores = predicting.scores(chosen, mnist.test_images[:20])
    reference = tiny_run.store.reference(CNN)
    assert reference is not None
    assert scores == pytest.approx(reference.scores[:20], abs=1e-4)


def test_the_neighbours_of_an_image_do_not_matter(tiny_run: TinyRun, mnist: Dataset) -> None:
    # Dynamic ONNX takes the range of activations over all of a batch.
    one = cell(tiny_run.store, MLP, "onnx", Precision.DYNAMIC, "onnxruntime")
    together = predicting.scores(one, mnist.test_images[:30])
    alone = np.concatenate([predicting.scores(one, mnist.test_images[number : number + 1]) for number in (0, 7)])
    assert np.array_equal(together[[0, 7]], alone)


def test_standard_input(tiny_run: TinyRun, drawn: list[Path]) -> None:
    command = [sys.executable, "-m", "mnist_deploy", "predict", "-", "--architecture", CNN, "--json"]
    clean = {**os.environ, "MNIST_DEPLOY_ARTIFACTS": str(tiny_run.root)}
    answers = []
    for arguments in (["-"], [str(drawn[0])]):
        done = subprocess.run([*command[:4], *arguments, *command[5:]], input=drawn[0].read_bytes(),
                              capture_output=True, env=clean, check=True)  # fmt: skip
        answers.append(json.loads(done.stdout)[0])
    assert answers[0]["image"] == "-" and answers[0]["classes"] == answers[1]["classes"]


def test_by_default_the_most_accurate_of_what_is_recommended(
    tiny_run: TinyRun, drawn: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    gathered = gather(tiny_run.store)
    chosen = recommend(gathered.results, Wishes(batch_size=1, prefer=Prefer.ACCURACY)).chosen
    assert chosen is not None and not any(more_accurate(other, chosen) for other in candidates(gathered.results))
    one = chosen.measurement
    code, out, err = ended(capfd, tiny_run.root, "predict", drawn[0])
    assert code == 0
    assert f"{one.architecture} {one.format} {one.precision} in {one.runtime}: recommended by" in err
    assert gathered.sources[0].name in err
    assert f"Digits by {one.architecture} {one.format} {one.precision} in {one.runtime}" in out and "0.jpg" in out
    _, _, err = ended(capfd, tiny_run.root, "predict", drawn[0], "--runtime", "openvino")
    assert "in openvino: recommended by" in err, "among what is left open"


def test_what_is_not_installed_is_not_recommended(tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    before = choosing.for_use(tiny_run.store, Wanted()).cell
    monkeypatch.setattr(RUNTIMES[before.runtime], "module", "surely_absent")
    after = choosing.for_use(tiny_run.store, Wanted())
    assert after.cell.runtime != before.runtime and "recommended" in after.why


def test_what_was_exported_anew_is_not_recommended(store: ArtifactStore) -> None:
    before = choosing.for_use(store, Wanted(CNN)).cell
    with before.artifact.path.open("ab") as stream:
        stream.write(b" ")
    after = choosing.for_use(store, Wanted(CNN))
    assert "recommended" in after.why and after.cell.artifact.path != before.artifact.path


def test_without_results_the_best_network_in_the_lightest_runtime(store: ArtifactStore) -> None:
    for path in store.results.iterdir():
        path.unlink()
    accuracies = {name: record.test_accuracy for name in NETWORKS if (record := store.training(name))}
    best = max(accuracies, key=lambda name: accuracies[name])
    found = choosing.for_use(store, Wanted())
    artifact = found.cell.artifact
    assert (artifact.architecture, artifact.format, artifact.precision) == (best, "tflite", "float32")
    assert found.cell.runtime == "litert" and "the best network in training" in found.why
    assert choosing.for_use(store, Wanted(MLP)).cell.artifact.architecture == MLP


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--architecture", "mlp-relu-129"], "unknown architecture 'mlp-relu-129': did you mean mlp-relu-128?"),
        (["--format", "onx"], "unknown format 'onx': did you mean onnx?"),
        (["--precision", "int4"], "unknown precision 'int4'"),
        (["--runtime", "litrt"], "unknown runtime 'litrt': did you mean litert?"),
        (["--architecture", "mlp-relu-256"], "mlp-relu-256: not trained yet; run: mnist-deploy train mlp-relu-256"),
        (["--runtime", "litert", "--format", "onnx"], "--runtime litert: does not read onnx; it reads tflite"),
        (["--runtime", "null"], "--runtime null: it runs no model; name another"),
        (
            ["--architecture", MLP, "--format", "onnx", "--precision", "float16"],
            "--format onnx: has no float16; it has",
        ),
        (["--architecture", MLP, "--runtime", "onnxruntime-tensorrt"], "onnxruntime-tensorrt on cpu: "),
    ],
)
def test_bad_options(
    tiny_run: TinyRun, drawn: list[Path], capfd: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    code, out, err = ended(capfd, tiny_run.root, "predict", drawn[0], *options)
    assert code == 2 and out == "" and says in one_line(err)


def test_nothing_trained_and_a_runtime_that_is_not_here(
    tiny_run: TinyRun, drawn: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    code, _, err = ended(capfd, tmp_path, "predict", drawn[0])
    assert code == 2 and "nothing exported yet; run: mnist-deploy run" in one_line(err)
    monkeypatch.setattr(RUNTIMES["litert"], "module", "surely_absent")
    code, _, err = ended(capfd, tiny_run.root, "predict", drawn[0], "--runtime", "litert")
    assert code == 2
    assert "litert on cpu: ai-edge-litert is not installed; pip install ai-edge-litert" in one_line(err)


def test_an_artifact_that_is_gone_damaged_or_not_exported(
    store: ArtifactStore, drawn: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--architecture", CNN, "--format", "onnx", "--precision", "int8", "--runtime", "onnxruntime")
    artifact = store.find(CNN, "onnx", Precision.INT8)
    assert artifact is not None
    artifact.path.write_bytes(artifact.path.read_bytes()[:-1])
    code, _, err = ended(capfd, store.root, "predict", drawn[0], *options)
    assert code == 2 and "int8.onnx: not what was exported (SHA-256 differs)" in one_line(err)
    artifact.path.unlink()
    code, _, err = ended(capfd, store.root, "predict", drawn[0], *options)
    assert code == 2 and "int8.onnx: missing; run: mnist-deploy export" in one_line(err)
    manifest = store.root / "manifest.json"
    content = json.loads(manifest.read_text())
    content["artifacts"] = [
        one for one in content["artifacts"] if (one["format"], one["precision"]) != ("onnx", "int8")
    ]
    manifest.write_text(documents.sealed(json.dumps(content)))
    code, _, err = ended(capfd, store.root, "predict", drawn[0], *options)
    command = f"run: mnist-deploy export {CNN} --format onnx --precision int8"
    assert code == 2 and f"{CNN} onnx int8: not exported yet; {command}" in one_line(err)


def test_what_is_good_is_classified_beside_what_is_not(
    tiny_run: TinyRun, drawn: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text, blank = tmp_path / "text.png", tmp_path / "blank.png"
    text.write_text("no image")
    blank.write_bytes(encoded(Image.new("L", (50, 50), 255)))
    options = ("--architecture", CNN)
    code, out, err = ended(capfd, tiny_run.root, "predict", *options, text, drawn[0])
    assert code == 2 and "0.jpg" in out and "text.png" not in out
    assert one_line(err) == f"error: {text}: not a PNG, JPEG, WebP, BMP, TIFF or GIF image; convert it to one"
    code, out, err = ended(capfd, tiny_run.root, "predict", *options, "--json", blank, drawn[0], text)
    first, second, third = json.loads(out)
    assert code == 2 and second["classes"] and second["error"] is None
    assert first["classes"] == third["classes"] == [] and "blank: no digit" in first["error"]
    assert f"{blank}: blank" in err and f"{text}: not a PNG," in err
    assert one_line(err) == "error: 2 of 3 images could not be read; see above"
    code, out, err = ended(capfd, tiny_run.root, "predict", *options, tmp_path / "none.png")
    assert code == 2 and out == "" and "none.png: No such file or directory" in one_line(err)


def test_a_caution_stands_beside_the_answer(
    tiny_run: TinyRun, mnist: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    both, alone = Path("both.png"), Path("alone.png")
    both.write_bytes(pair(mnist.test_images[0], 0, mnist.test_images[1]))
    alone.write_bytes(encoded(mnist.test_images[0]))
    code, out, _ = ended(capfd, tiny_run.root, "predict", "--architecture", CNN, both, alone)
    assert code == 0 and "caution" in out and "2 shapes side by side" in " ".join(out.split())
    code, out, _ = ended(capfd, tiny_run.root, "predict", "--architecture", CNN, "--json", both, alone)
    first, second = json.loads(out)
    assert code == 0 and first["cautions"][0] == "2 shapes side by side; give an image of one digit"
    assert second["cautions"] == []
    _, out, _ = ended(capfd, tiny_run.root, "predict", "--architecture", CNN, alone)
    assert "caution" not in out, "a column that would be empty is not shown"


def test_a_stream_serves_as_standard_input(tiny_run: TinyRun, drawn: list[Path]) -> None:
    one = cell(tiny_run.store, CNN, "tflite", Precision.FLOAT32, "litert")
    (made,) = predicting.predict(one, ["-"], io.BytesIO(drawn[3].read_bytes()))
    (expected,) = predicting.predict(one, [str(drawn[3])])
    assert made.classes == expected.classes and len(made.classes) == predicting.TOP
