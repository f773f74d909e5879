"""`mnist-deploy recommend` as users meet it, on results that lie in a folder without any model."""

import json
import subprocess
import sys
from pathlib import Path

from pytest import CaptureFixture, MonkeyPatch, fixture, mark

from mnist_deploy import files
from mnist_deploy.artifacts import ArtifactStore, Precision, Provenance
from mnist_deploy.decisions.records import Recommendation
from mnist_deploy.results import Results
from tests.records import RACE, race
from tests.test_cli import ended


@fixture
def folder(tmp_path: Path) -> Path:
    RACE.save(tmp_path / "artifacts" / "results")
    return tmp_path / "artifacts"


def test_what_fits_is_told_on_stdout(capfd: CaptureFixture[str], folder: Path) -> None:
    code, out, err = ended(capfd, "recommend", "--artifacts", folder)
    assert (code, err) == (0, "")
    assert out.startswith("Deploy cnn-relu-16-32 tflite dynamic in litert\n") and "not in this store" in out
    words = " ".join(out.split())
    assert (
        "within 1 point of the best measured, 0.9903, are considered; to consider all: --max-accuracy-drop none"
        in words
    )
    assert all(len(line) <= 100 for line in out.splitlines())


def test_the_file_and_the_next_command_are_told_where_the_artifact_is(capfd: CaptureFixture[str], folder: Path) -> None:
    store, path = ArtifactStore(folder), folder / "mlp-tanh-128" / "int8.tflite"
    path.parent.mkdir()
    path.write_bytes(b"a model")
    made = Provenance(source_sha256="1" * 64, versions={}, created_at=RACE.created_at)
    store.record("mlp-tanh-128", "tflite", Precision.INT8, path, made)
    assert "not in this store" in ended(capfd, "recommend", "--artifacts", folder)[1], "other bytes than were measured"
    rows = [row.model_copy(update={"artifact_sha256": files.sha256(path)}) if row.precision == "int8" else row
            for row in [*RACE.measurements, *RACE.parity] if row.architecture == "mlp-tanh-128"]  # fmt: skip
    parted = {"measurements": [row for row in rows if hasattr(row, "calls")],
              "parity": [row for row in rows if not hasattr(row, "calls")]}  # fmt: skip
    Results.model_validate(RACE.model_dump() | parted).save(folder / "results")
    _, out, _ = ended(capfd, "recommend", "--artifacts", folder)
    assert str(path) in out.replace("\n           ", "")
    assert "  mnist-deploy package mlp-tanh-128 --format tflite --precision int8 --runtime litert --output " in out


def test_all_limits_at_once(capfd: CaptureFixture[str], folder: Path) -> None:
    limits = ("--max-latency", "50us", "--min-accuracy", "98.5%", "--max-size", "100KB", "--max-memory", "50MB",
              "--min-throughput", "20000", "--max-install-size", "0.2GB", "--batch-size", "1", "--device",
              "cpu")  # fmt: skip
    code, out, _ = ended(capfd, "recommend", *limits, "--json", "--artifacts", folder)
    found = Recommendation.model_validate_json(out)
    assert code == 0 and found.chosen is not None and found.chosen.measurement.architecture == "cnn-relu-16-32"
    assert json.loads(out)["wishes"] == {
        "max_latency_s": 50e-6, "min_accuracy": 0.985, "max_accuracy_drop": None,
        "max_size_bytes": 100_000, "max_memory_bytes": 50_000_000,
        "min_throughput_images_per_s": 20_000, "max_install_bytes": 200_000_000, "batch_size": 1, "device": "cpu",
        "prefer": "latency", "ignore_gates": False,
    }  # fmt: skip


def test_nothing_that_fits_is_a_failed_check(capfd: CaptureFixture[str], folder: Path) -> None:
    code, out, err = ended(capfd, "recommend", "--max-latency", "1us", "--artifacts", folder)
    assert code == 1 and "Nearest misses" in out and "It would fit with --max-latency 2.9us" in out
    assert err == (
        "error: nothing keeps every limit; nearest: mlp-tanh-128 tflite int8 in litert, 1 thread: --max-latency 1.00 "
        "us against its 2.90 us (2.90x)\n"
    )
    code, out, err = ended(capfd, "recommend", "--max-latency", "1us", "--json", "--artifacts", folder)
    assert code == 1 and Recommendation.model_validate_json(out).chosen is None and err.startswith("error: nothing")


def test_names_choose_among_networks(capfd: CaptureFixture[str], folder: Path) -> None:
    code, out, _ = ended(capfd, "recommend", "cnn-relu-16-32", "mlp-relu-256", "--artifacts", folder)
    assert code == 0 and out.startswith("Deploy cnn-relu-16-32") and "Not measured: mlp-relu-256." in out


BAD = {
    "latency": (["--max-latency", "50"], "--max-latency 50: not a time; give a number with ns, us, ms"),
    "negative": (["--max-latency", "-5us"], "--max-latency -5us: not a time"),
    "accuracy": (["--min-accuracy", "98.5"], "--min-accuracy 98.5: above 1; give a share or a percent sign"),
    "drop": (["--max-accuracy-drop", "1"], "--max-accuracy-drop 1: give percent or a share below 1, as 5% or 0.05"),
    "drop above all": (["--max-accuracy-drop", "101%"], "--max-accuracy-drop 101%: give 0% to 100%"),
    "size": (["--max-size", "small"], "--max-size small: not a size; give bytes or a unit, as 100KB"),
    "memory": (["--max-memory", "0"], "--max-memory 0: not a size"),
    "throughput": (["--min-throughput", "nan"], "--min-throughput nan: not a rate"),
    "installed": (["--max-install-size", "1TBB"], "--max-install-size 1TBB: not a size"),
    "batch": (["--batch-size", "0"], "--batch-size"),
    "batch not measured": (["--batch-size", "8"], "--batch-size 8: not measured, but 1, 256; run: mnist-deploy bench"),
    "device": (["--device", "tpu"], "unknown device 'tpu': did you mean gpu? known: cpu, gpu"),
    "device not measured": (["--device", "gpu"], "--device gpu: not measured; run: mnist-deploy bench --device gpu"),
    "preference": (["--prefer", "lateny"], "unknown preference 'lateny': did you mean latency?"),
    "network": (["resnet"], "unknown architecture 'resnet'"),
    "network not measured": (["mlp-relu-256"], "mlp-relu-256: not measured; run: mnist-deploy bench mlp-relu-256"),
    "no such file": (["--results", "none.json"], "none.json: no such results; run: mnist-deploy run"),
    "a folder": (["--results", "."], ".: a folder, not a results file"),
    "no results": (["--artifacts", "elsewhere"], "results: no finished results; run: mnist-deploy run"),
}  # fmt: skip


@mark.parametrize("case", BAD)
def test_bad_use_is_one_line(case: str, capfd: CaptureFixture[str], folder: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    arguments, words = BAD[case]
    before = files.sha256(folder)
    code, out, err = ended(capfd, "recommend", *arguments)
    assert (code, out) == (2, "") and words in err and len(err.splitlines()) == 1 and "Traceback" not in err
    assert files.sha256(folder) == before and list(folder.parent.iterdir()) == [folder]


def test_results_without_measurements(capfd: CaptureFixture[str], tmp_path: Path) -> None:
    path = race(parity=RACE.parity).save(tmp_path)
    code, _, err = ended(capfd, "recommend", "--results", path)
    assert code == 2 and "these results hold no measurements; run: mnist-deploy bench" in err


def test_no_framework_is_imported(folder: Path) -> None:
    program = (
        "import sys; from mnist_deploy import cli; code = cli.run(sys.argv[1:]); heavy = {'tensorflow', 'keras', 'jax',"
        "'torch', 'onnx', 'onnxruntime', 'openvino', 'ai_edge_litert'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    arguments = [sys.executable, "-c", program, "recommend", "--artifacts", str(folder)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr.strip() == "[]", done.stderr
    assert done.stdout.startswith("Deploy ")
