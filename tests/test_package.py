"""`mnist-deploy package` on real artifacts, and what it writes in an environment of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_deploy import deployment, documents, files, preprocessing
from mnist_deploy.artifacts import ArtifactStore, Precision, Variant
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.dataset import Dataset
from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.deployment import Deployment
from mnist_deploy.pipeline import predicting
from mnist_deploy.pipeline.choosing import Wanted
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, TinyRun
from tests.drawings import encoded, sent
from tests.test_cli import ended as called
from tests.test_cli import one_line

MLP, CNN = NETWORKS
IMAGES = 50
FILES = {"predict.py", "preprocessing", "requirements.txt", "Dockerfile", "README.md", "deployment.json"}


def ended(capfd: pytest.CaptureFixture[str], root: Path, *arguments: str | Path) -> tuple[int, str, str]:
    return called(capfd, "package", *arguments, "--artifacts", root)


def run(
    python: str | Path, folder: Path, *arguments: str | Path, stdin: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a package's predict.py as on a device: without this project on the path."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    command = [str(python), str(folder / "predict.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, input=stdin, cwd=folder.parent, env=clean, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="session")
def drawn(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Test images as PNG: as they are, and every third as people send them."""
    folder = tmp_path_factory.mktemp("drawn")
    paths = [folder / f"{number}.png" for number in range(IMAGES)]
    for number, path in enumerate(paths):
        image = mnist.test_images[number]
        path.write_bytes(encoded(image) if number % 3 else sent(image, number))
    return paths


def own_answers(store: ArtifactStore, one: Deployment, drawn: list[Path]) -> list[dict[str, Any]]:
    artifact = store.find(one.architecture, one.format, Precision(one.precision), Variant(one.variant))
    assert artifact is not None
    cell = Cell(artifact, one.runtime, "cpu", Use(batch_size=1, threads=one.threads))
    return [made.model_dump() for made in predicting.predict(cell, list(map(str, drawn)))]


@dataclass(frozen=True)
class Device:
    """A package in an environment that has its requirements and nothing else."""

    python: Path
    folder: Path
    record: Deployment


@pytest.fixture(scope="session", params=[("tflite", "int8", "litert"), ("onnx", "dynamic", "onnxruntime")])
def device(request: pytest.FixtureRequest, tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Device:
    home = tmp_path_factory.mktemp("device")
    made = deployment.package(tiny_run.store, Wanted(CNN, *request.param), home / "package")
    environment = home / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [str(python), "-m", "pip", "install", "-q", "-r", str(made.folder / "requirements.txt")]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = subprocess.run(install, capture_output=True, text=True, env=clean, check=False)
    assert told.returncode == 0, told.stderr
    return Device(python, made.folder, made.record)


def test_its_requirements_are_enough_and_it_answers_as_the_artifact(
    device: Device, tiny_run: TinyRun, mnist: Dataset, drawn: list[Path]
) -> None:
    absent = subprocess.run([str(device.python), "-I", "-c", "import mnist_deploy"], capture_output=True, check=False)
    assert absent.returncode != 0, "it stands alone"
    told = run(device.python, device.folder, "--json", *drawn)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    expected = own_answers(tiny_run.store, device.record, drawn)
    assert found == expected, "to the last bit: the same library, the same pixels, one image a call"
    right = [one["classes"][0]["digit"] for one in found] == mnist.test_labels[:IMAGES]
    assert np.mean(right) > 0.85


def test_it_reads_standard_input_and_prints_lines(device: Device, drawn: list[Path]) -> None:
    told = run(device.python, device.folder, "-", "--threads", "1", stdin=drawn[0].read_bytes())
    named = run(device.python, device.folder, drawn[0])
    assert told.returncode == named.returncode == 0 and told.stdout.startswith("-: 7 (")
    assert told.stderr == "", "the libraries' own chatter is silent"
    assert told.stdout.removeprefix("-") == named.stdout.removeprefix(str(drawn[0]))


def test_a_damaged_package_is_refused(device: Device, drawn: list[Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(device.folder, tmp_path / "copy"))
    model = folder / device.record.model
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    told = run(device.python, folder, drawn[0])
    assert told.returncode == 2 and told.stdout == ""
    assert one_line(told.stderr).endswith(
        "not the model that was packaged (SHA-256 differs); copy the whole folder again"
    )
    model.unlink()
    told = run(device.python, folder, drawn[0])
    assert told.returncode == 2 and "missing; copy the whole folder again" in one_line(told.stderr)


def test_bad_images_are_named_and_the_others_classified(device: Device, drawn: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("no image")
    told = run(device.python, device.folder, text, drawn[1])
    assert (
        told.returncode == 2
        and one_line(told.stderr) == f"error: {text}: not a PNG, JPEG, WebP, BMP, TIFF or GIF image; convert it to one"
    )
    assert told.stdout.startswith(f"{drawn[1]}: 2 (")
    told = run(device.python, device.folder, drawn[1], "--threads", "0")
    assert told.returncode == 2 and "--threads 0: give 1 or more" in told.stderr


def test_a_missing_requirement_is_named(device: Device, tiny_run: TinyRun, drawn: list[Path], tmp_path: Path) -> None:
    other = "openvino"
    made = deployment.package(tiny_run.store, Wanted(CNN, "openvino", "float32", other), tmp_path / "package")
    told = run(device.python, made.folder, drawn[0])
    assert told.returncode == 2
    assert f"No module named 'openvino'; run: pip install -r {made.folder / 'requirements.txt'}" in one_line(
        told.stderr
    )


@pytest.mark.parametrize("missing", ["numpy", "PIL", "cv2"])
def test_a_python_that_lacks_what_reads_pictures_is_named(
    missing: str, device: Device, drawn: list[Path], tmp_path: Path
) -> None:
    here = Path(np.__file__).parents[1]
    for name in ["numpy", "PIL", "cv2"][: ["numpy", "PIL", "cv2"].index(missing)]:
        for path in (*here.glob(name), *here.glob(f"{name.lower()}*.libs"), *here.glob("pillow.libs")):
            if not (tmp_path / path.name).exists():
                (tmp_path / path.name).symlink_to(path)
    command = [sys.executable, "-S", str(device.folder / "predict.py"), str(drawn[0])]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}, check=False)
    assert done.returncode == 2 and done.stdout == ""
    line = f"No module named '{missing}'; run: pip install -r {device.folder / 'requirements.txt'}"
    assert one_line(done.stderr) == f"error: {line}"


def test_an_older_python_is_named(device: Device, drawn: list[Path]) -> None:
    program = (
        "import runpy, sys; sys.version_info = (3, 8, 1, 'final', 0); sys.argv = sys.argv[1:];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-S", "-c", program, str(device.folder / "predict.py"), str(drawn[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and one_line(done.stderr) == "error: Python 3.8 is too old; use 3.11 or newer"


@pytest.mark.parametrize(
    ("format", "precision", "runtime"),
    [
        ("tflite", "float32", "litert"),
        ("tflite", "float16", "litert"),
        ("tflite", "dynamic", "litert"),
        ("onnx", "float32", "onnxruntime"),
        ("onnx", "int8", "onnxruntime"),
        ("openvino", "float16", "openvino"),
        ("openvino", "int8", "openvino"),
        ("onnx", "float32", "openvino"),
        ("saved_model", "float32", "tensorflow"),
        ("keras", "float32", "keras-call"),
    ],
)
def test_every_kind_answers_as_in_the_program(
    tiny_run: TinyRun, drawn: list[Path], tmp_path: Path, format: str, precision: str, runtime: str
) -> None:
    made = deployment.package(tiny_run.store, Wanted(MLP, format, precision, runtime), tmp_path / "package")
    told = run(sys.executable, made.folder, "--json", *drawn[:10])
    assert (told.returncode, told.stderr) == (0, "")
    found, expected = json.loads(told.stdout), own_answers(tiny_run.store, made.record, drawn[:10])
    assert [one["image"] for one in found] == [one["image"] for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one["classes"][0]["digit"] == other["classes"][0]["digit"]
        probabilities = [[guess["probability"] for guess in which["classes"]] for which in (one, other)]
        assert probabilities[0] == pytest.approx(probabilities[1], abs=1e-6)


@pytest.mark.parametrize(
    ("format", "precision", "runtime"),
    [
        ("tflite", "float32", "litert"),
        ("tflite", "int8", "litert"),
        ("onnx", "float32", "onnxruntime"),
        ("openvino", "int8", "openvino"),
        ("saved_model", "float32", "tensorflow"),
    ],
)
def test_with_uint8_input_pixels_are_handed_on_as_they_are(
    variants_run: Path, drawn: list[Path], tmp_path: Path, format: str, precision: str, runtime: str
) -> None:
    store = ArtifactStore(variants_run)
    made = deployment.package(store, Wanted(CNN, format, precision, runtime, "uint8"), tmp_path / "package")
    assert (made.record.variant, made.record.input_type) == ("uint8", "uint8")
    assert "--variant uint8" in made.record.command
    assert "/ np.float32(255" not in (made.folder / "predict.py").read_text(encoding="utf-8")
    card = (made.folder / "README.md").read_text(encoding="utf-8")
    assert "Input: pixels, uint8 (1, 28, 28, 1)" in card and "[0, 1]" not in card
    told = run(sys.executable, made.folder, "--json", *drawn[:10])
    assert told.returncode == 0, told.stderr
    expected = own_answers(store, made.record, drawn[:10])
    standard = store.find(CNN, format, Precision(precision))
    assert standard is not None
    ordinary = own_answers(store, made.record.model_copy(update={"variant": "standard"}), drawn[:10])
    for one, other, plain in zip(json.loads(told.stdout), expected, ordinary, strict=True):
        found, own, usual = ([(guess["digit"], guess["probability"]) for guess in which["classes"]]
                             for which in (one, other, plain))  # fmt: skip
        assert found[0][0] == own[0][0] == usual[0][0]
        assert [one for _, one in found] == pytest.approx([one for _, one in own], abs=1e-6)


def test_what_the_folder_holds(
    tiny_run: TinyRun, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = ended(capfd, tiny_run.root)
    gathered = gather(tiny_run.store)
    chosen = recommend(gathered.results, Wishes()).chosen
    assert code == 0 and chosen is not None
    row = chosen.measurement
    folder = tmp_path / f"{row.architecture}-{row.format}-{row.precision}-{row.runtime}"
    record = Deployment.model_validate_json((folder / "deployment.json").read_bytes())
    assert {path.name for path in folder.iterdir()} == FILES | {record.model}
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in folder.iterdir()), "others may read it"
    for name, digest in record.files.items():
        assert files.sha256(folder / name) == digest and name in out
    assert record.files[record.model] == record.artifact_sha256 == row.artifact_sha256
    assert row in record.measurements and record.threads == row.threads
    assert record.parity is not None and record.parity.accuracy == chosen.accuracy
    assert record.quick and record.on_mnist is False
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"{chosen.accuracy:.4f}" in card and row.artifact_sha256 in card and "in a quick measurement" in card
    modules = {path.name: path.read_bytes() for path in Path(preprocessing.__file__).parent.glob("*.py")}
    assert {path.name: path.read_bytes() for path in (folder / "preprocessing").iterdir()} == modules
    pins = (folder / "requirements.txt").read_text().splitlines()
    assert pins == [f"{name}=={version}" for name, version in record.requirements.items()]
    assert not list(tmp_path.glob(".writing-*"))


def test_the_named_command_writes_the_same_again(tiny_run: TinyRun, tmp_path: Path) -> None:
    first = deployment.package(tiny_run.store, Wanted(CNN), tmp_path / "first")
    words = first.record.command.split()
    options = dict(zip(words[3::2], words[4::2], strict=True))
    wanted = Wanted(words[2], options["--format"], options["--precision"], options["--runtime"])
    second = deployment.package(tiny_run.store, wanted, tmp_path / "second", threads=int(options["--threads"]))
    assert first.record.model_dump(exclude={"created_at"}) == second.record.model_dump(exclude={"created_at"})


def test_without_results_all_must_be_named(
    store: ArtifactStore, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in store.results.iterdir():
        path.unlink()
    output = tmp_path / "package"
    code, _, err = ended(capfd, store.root, CNN, "--output", output)
    assert code == 2 and not output.exists()
    assert "nothing to recommend from: " in one_line(err) and "or name all of NAME" in one_line(err)
    options = ("--format", "tflite", "--precision", "float32", "--runtime", "litert", "--threads", "2")
    code, _, err = ended(capfd, store.root, CNN, *options, "--output", output)
    assert code == 0 and "its accuracy here is unknown" in err and "its speed and memory are unknown" in err
    record = Deployment.model_validate_json((output / "deployment.json").read_bytes())
    assert record.parity is None and record.measurements == [] and record.environment is None and record.threads == 2
    assert "unknown; it was not verified" in (output / "README.md").read_text(encoding="utf-8")
    assert run(sys.executable, output, "--help").returncode == 0


def test_what_failed_its_gate_is_packaged_if_named_and_says_so(
    store: ArtifactStore, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in store.results.glob("*.json"):
        content = json.loads(path.read_text())
        for row in content["parity"]:
            if row["architecture"] == CNN:
                row |= {"passed": False, "failures": ["keeps too little"], "warnings": ["accuracy fell"]}
        path.write_text(documents.sealed(json.dumps(content)))
    code, _, err = ended(capfd, store.root, CNN, "--output", tmp_path / "package")
    assert code == 2 and "keeps its parity gate" in one_line(err) and f"mnist-deploy bench {CNN}" in one_line(err)
    options = ("--format", "tflite", "--precision", "int8", "--runtime", "litert")
    code, _, err = ended(capfd, store.root, CNN, *options, "--output", tmp_path / "package")
    assert code == 0 and "caution: It failed its parity gate int8: keeps too little." in err
    assert "caution: Parity warning: accuracy fell." in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["mlp-relu-129"], "unknown architecture 'mlp-relu-129': did you mean mlp-relu-128?"),
        (["mlp-relu-256"], "mlp-relu-256: not trained yet; run: mnist-deploy train mlp-relu-256"),
        (["--runtime", "iree"], "--runtime iree: no package runs in it; give one of litert, onnxruntime, openvino"),
        ([MLP, "--runtime", "litert", "--format", "onnx", "--precision", "float32"], "litert: does not read onnx"),
        ([MLP, "--runtime", "onnxruntime", "--format", "onnx", "--precision", "float16"], "onnx: has no float16"),
        (["--threads", "0"], "'--threads'"),
    ],
)
def test_bad_options(
    tiny_run: TinyRun, tmp_path: Path, capfd: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    output = tmp_path / "package"
    code, out, err = ended(capfd, tiny_run.root, *options, "--output", output)
    assert code == 2 and out == "" and says in one_line(err) and not output.exists()


def test_a_runtime_that_is_not_here(
    tiny_run: TinyRun, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RUNTIMES["openvino"], "module", "surely_absent")
    code, _, err = ended(capfd, tiny_run.root, MLP, "--runtime", "openvino", "--output", tmp_path / "package")
    assert code == 2 and "openvino is not installed; pip install openvino" in one_line(err)
    assert not (tmp_path / "package").exists()


def test_a_damaged_artifact_is_not_packaged(
    store: ArtifactStore, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    artifact = store.find(CNN, "onnx", Precision.FLOAT32)
    assert artifact is not None
    artifact.path.write_bytes(artifact.path.read_bytes() + b" ")
    options = ("--format", "onnx", "--precision", "float32", "--runtime", "onnxruntime")
    code, _, err = ended(capfd, store.root, CNN, *options, "--output", tmp_path / "package")
    assert code == 2 and "not what was exported (SHA-256 differs)" in one_line(err)
    assert not (tmp_path / "package").exists()


def test_what_is_there_is_not_lost(
    tiny_run: TinyRun, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "package"

    def attempt(*options: str | Path) -> str:
        code, _, err = ended(capfd, tiny_run.root, MLP, "--runtime", "litert", *options)
        assert code in {0, 2}
        return one_line(err) if code else ""

    output.mkdir()
    assert attempt("--output", output) == "", "an empty folder may be filled"
    before = (output / "predict.py").read_bytes()
    assert f"--output {output}: not empty; give --force" in attempt("--output", output)
    (output / "predict.py").write_text("broken")
    (output / "__pycache__").mkdir()
    assert attempt("--output", output, "--force") == ""
    assert (output / "predict.py").read_bytes() == before and not (output / "__pycache__").exists()
    (output / "notes.txt").write_text("mine")
    assert "holds notes.txt, which package did not write" in attempt("--output", output, "--force")
    assert (output / "notes.txt").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.tflite").write_text("mine")
    assert "holds model.tflite, which package did not" in attempt("--output", tmp_path / "other", "--force")
    (tmp_path / "file").write_text("mine")
    assert "not a folder" in attempt("--output", tmp_path / "file", "--force")
    monkeypatch.chdir(tmp_path / "other")
    assert "this is where you are" in attempt("--output", ".", "--force")
    assert "this is where you are" in attempt("--output", tmp_path, "--force")


def test_no_framework_is_imported_to_package(tiny_run: TinyRun, tmp_path: Path) -> None:
    program = (
        "import sys; from mnist_deploy import cli; code = cli.run(sys.argv[1:]);"
        "print(sorted({'tensorflow', 'keras', 'jax', 'torch', 'onnxruntime', 'openvino'} & set(sys.modules)));"
        "sys.exit(code)"
    )
    options = ["package", MLP, "--output", str(tmp_path / "package"), "--artifacts", str(tiny_run.root)]
    done = subprocess.run([sys.executable, "-c", program, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[]", done.stderr
