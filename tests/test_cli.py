"""The command line as users meet it: what it prints, where, and what it exits with."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from mnist_deploy import __version__, cli, files, results
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import ArtifactStore, Precision
from mnist_deploy.benchmark.comparison import Verdict
from mnist_deploy.cli import meaning
from mnist_deploy.exporters import ARTIFACT_KINDS, DEFAULT_FORMATS, EXPORTERS
from mnist_deploy.runtimes import DEVICES, RUNTIMES
from mnist_deploy.runtimes.base import nvidia_gpu_present
from tests.conftest import NETWORKS, TinyRun, mnist_deploy

MLP, CNN = NETWORKS
EXPORTED = [(format, precision) for format, precision in ARTIFACT_KINDS if format in DEFAULT_FORMATS]
COMMANDS = [
    "run", "train", "train-all", "export", "verify", "bench", "recommend", "compare", "report", "package", "predict",
    "diagnose", "profile", "list", "doctor",
    "schema",
]  # fmt: skip
HEAVY = {"tensorflow", "keras", "onnx", "onnxruntime", "openvino", "ai_edge_litert", "scipy", "tf2onnx", "onnxslim"}


def ended(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Run a command in this process, which has the frameworks loaded already."""
    code = cli.run([str(argument) for argument in arguments])
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in text, text
    return lines[0]


# ---- help and what costs nothing


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], *([name, "--help"] for name in COMMANDS)])
def test_these_import_no_framework(arguments: list[str]) -> None:
    program = (
        "import sys; from mnist_deploy import cli; code = cli.run(sys.argv[1:]);"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr.strip() == "[]", done.stderr
    assert done.stdout


def test_help_names_every_command_and_no_arguments_is_help(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended(capfd, "--help")
    assert code == 0 and all(f"  {name} " in out for name in COMMANDS)
    assert ended(capfd) == (0, out, "")


def test_help_names_every_choice(capfd: pytest.CaptureFixture[str]) -> None:
    _, bench, _ = ended(capfd, "bench", "--help")
    _, export, _ = ended(capfd, "export", "--help")
    words = set(re.findall(r"[\w-]+", bench))
    assert words >= {name for name, runtime in RUNTIMES.items() if not runtime.diagnostic}
    assert words >= {format for format, _ in ARTIFACT_KINDS} | set(Precision) | set(DEVICES)
    assert set(re.findall(r"[\w-]+", export)) >= set(EXPORTERS)


def test_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert ended(capfd, "--version") == (0, f"mnist-deploy {__version__}\n", "")


def test_list_shows_sizes_and_marks_the_slip(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ended(capfd, "list")
    assert "101,770" in out and "5,085,450" in out and "0.0990!" in out and "label-shape slip" in out


def test_schema_is_printed_or_written(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, out, _ = ended(capfd, "schema")
    assert json.loads(out) == results.json_schema()
    assert ended(capfd, "schema", "--output", tmp_path / "schema.json") == (0, "", "")
    assert (tmp_path / "schema.json").read_text() == out


def test_completion_offers_networks_and_runtimes() -> None:
    def complete(words: str) -> str:
        asked = {"_MNIST_DEPLOY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()))}
        return mnist_deploy(**asked).out

    assert complete("mnist-deploy train ").split() == list(ARCHITECTURES)
    assert "onnxruntime" in complete("mnist-deploy bench --runtime ").split()
    gates = complete("mnist-deploy verify --gate ").split()
    assert "strict" in gates and "int8:accuracy-kept=" in gates


# ---- bad use: test_bad_options.py has a case for each option


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = mnist_deploy("--debug", "verify", "--artifacts", tmp_path / "none")
    assert done.code == 1 and "Traceback" in done.err and "nothing trained yet" in done.err
    assert "Traceback" not in mnist_deploy("verify", "--artifacts", tmp_path / "none").err


BAD_ARTIFACTS = {
    "unreadable export": (["bench"], f"{MLP}/int8.tflite", "int8.tflite: not what was exported"),
    "unreadable model": (["export", MLP], f"{MLP}/model.keras", "model.keras: not a readable Keras model"),
    "unreadable scores": (["verify"], f"{MLP}/reference.npz", "reference.npz: not readable"),
    "unreadable manifest": (["bench"], "manifest.json", "manifest.json: not a manifest"),
}


@pytest.mark.parametrize("case", BAD_ARTIFACTS)
def test_corrupt_files_are_named_and_nothing_is_overwritten(
    case: str, capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path
) -> None:
    arguments, broken, words = BAD_ARTIFACTS[case]
    (root / broken).write_bytes(b"nonsense")
    before = files.sha256(root)
    code, _, err = ended(capfd, *arguments, "--artifacts", root, "--data", tiny_data)
    assert code == 2 and words in one_line(err) and "run: mnist-deploy" in one_line(err)
    assert files.sha256(root) == before


def test_what_the_message_advises_mends_it(capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path) -> None:
    common = ["--artifacts", root, "--data", tiny_data]
    for broken in ("int8.tflite", "reference.npz", "dynamic.onnx"):
        (root / MLP / broken).write_bytes(b"nonsense")
    assert ended(capfd, "export", MLP, *common)[0] == 0
    code, out, _ = ended(capfd, "verify", MLP, "--runtime", "litert", "--runtime", "onnxruntime", *common)
    assert code == 0 and out.count(" ok") == 7


def test_bad_data_leaves_trained_models_alone(capfd: pytest.CaptureFixture[str], root: Path, tmp_path: Path) -> None:
    before = files.sha256(root)
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nonsense")
    code, _, err = ended(capfd, "train", MLP, "--force", "--artifacts", root, "--data", tmp_path / "bad.npz")
    assert code == 2 and "bad.npz: not a readable .npz" in one_line(err)
    assert files.sha256(root) == before


def test_other_data_than_trained_with(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    for command in ("export", "verify"):
        code, _, err = ended(capfd, command, MLP, "--artifacts", root)
        assert code == 2 and "--data" in one_line(err)


def test_too_many_calibration_images(capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path) -> None:
    arguments = ["export", MLP, "--calibration-size", "1000000", "--artifacts", root, "--data", tiny_data]
    code, _, err = ended(capfd, *arguments)
    assert code == 2 and "--calibration-size 1000000" in one_line(err)


def test_a_runtime_that_reads_nothing_selected(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    code, _, err = ended(capfd, "bench", "--runtime", "litert", "--format", "onnx", "--artifacts", root)
    assert code == 2 and "litert: reads none of the formats selected (onnx)" in one_line(err)


def test_a_runtime_without_a_model_cannot_be_verified(
    capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path
) -> None:
    code, _, err = ended(capfd, "verify", "--runtime", "null", "--artifacts", root, "--data", tiny_data)
    assert code == 2 and "--runtime null: it runs no model" in one_line(err)


@pytest.mark.skipif(nvidia_gpu_present(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_here(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    code, _, err = ended(capfd, "bench", "--device", "gpu", "--runtime", "onnxruntime", "--artifacts", root)
    assert code == 2 and "no NVIDIA GPU on this machine" in one_line(err)


# ---- the main job


def test_run_prints_quick_tables_in_100_columns(tiny_run: TinyRun) -> None:
    out, err = tiny_run.ended.out, tiny_run.ended.err
    tables = out.partition("\nResults: ")[0].splitlines()
    titles = [line for line in tables if line.startswith("[quick] ")]
    rules = [line for line in tables if set(line.strip()) == {"─"}]
    # The legend has a title and no head, so no rule.
    assert len(titles) == len(rules) + 1 > 4 * len(NETWORKS), "every table has its title, and every title says so"
    assert max(map(len, tables)) <= 100
    for words in ("Training: results on the test set", f"{MLP}: agreement", f"{CNN}: batch 1, 1 thread", "Results: "):
        assert words in out
    assert "trained in" in err and "bench" in err and "Traceback" not in err
    chatter = ("tensorflow", "oneDNN", "WARNING", "I0000", "absl")
    assert not [line for line in err.splitlines() if line.startswith(chatter)], "frameworks are silent"


@pytest.mark.skipif(nvidia_gpu_present(), reason="this machine has a GPU")
def test_what_cannot_be_measured_is_listed_with_its_remedy(tiny_run: TinyRun) -> None:
    left_out = tiny_run.ended.out.partition("Left out")[2]
    assert "no NVIDIA GPU on this machine" in left_out and '".[gpu]"' in left_out.replace("\n", "")


def test_everything_done_is_kept(capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path) -> None:
    before = files.sha256(root)
    common = ["--artifacts", root, "--data", tiny_data]
    code, out, _ = ended(capfd, "train", MLP, "--epochs", "1", *common)
    assert code == 0 and "kept" in out
    code, out, _ = ended(capfd, "export", MLP, *common)
    assert code == 0 and out.count("kept") == len(EXPORTED)
    assert files.sha256(root) == before


def test_another_calibration_exports_int8_anew_and_only_that(
    capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path
) -> None:
    arguments = ["export", MLP, "--calibration-size", "64", "--artifacts", root, "--data", tiny_data]
    code, out, _ = ended(capfd, *arguments)
    calibrated = [format for format, precision in EXPORTED if precision is Precision.INT8]
    assert {"tflite", "onnx", "openvino"} <= set(calibrated)
    assert code == 0 and out.count("kept") == len(EXPORTED) - len(calibrated)
    for format in calibrated:
        found = ArtifactStore(root).find(MLP, format, Precision.INT8)
        assert found is not None and found.provenance.calibration_size == 64


def test_a_changed_model_makes_its_exports_stale(
    capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path
) -> None:
    common = ["--artifacts", root, "--data", tiny_data]
    old = files.sha256(root / MLP / "model.keras")
    assert ended(capfd, "train", MLP, "--epochs", "1", "--seed", "5", *common)[0] == 0
    assert files.sha256(root / MLP / "previous" / old[:12] / "model.keras") == old, "nothing a user made is lost"

    code, out, err = ended(capfd, "verify", *common, "--runtime", "litert")
    assert code == 1 and "stale" in out and f"mnist-deploy export {MLP}" in out
    assert f"{CNN}: agreement" in out and f"{MLP}: agreement" not in out
    assert "stale" in one_line(err)
    code, out, _ = ended(capfd, "bench", *common, "--runtime", "litert", "--precision", "int8", "--quick")
    assert code == 0 and "stale" in out and f"{MLP}: batch" not in out
    code, _, err = ended(capfd, "bench", MLP, "--format", "tflite", *common)
    assert code == 2 and f"{MLP}: stale" in one_line(err)

    assert ended(capfd, "export", MLP, *common)[0] == 0
    code, out, _ = ended(capfd, "verify", MLP, "--runtime", "litert", *common)
    assert code == 0 and "stale" not in out


def test_a_model_that_its_user_replaced_can_be_exported(
    capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path
) -> None:
    common = ["--artifacts", root, "--data", tiny_data]
    shutil.copy(root / CNN / "model.keras", root / MLP / "model.keras")
    assert ended(capfd, "verify", MLP, *common)[0] == 2
    assert ended(capfd, "export", MLP, "--format", "tflite", *common)[0] == 0
    assert ended(capfd, "verify", MLP, "--format", "tflite", *common)[0] == 0


def test_wrong_answers_fail_in_red_with_exit_code_1(
    capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path
) -> None:
    store = ArtifactStore(root)
    good, other = (store.find(name, "tflite", Precision.FLOAT16) for name in NETWORKS)
    assert good and other
    shutil.copy(other.path, good.path)
    store.record(MLP, "tflite", Precision.FLOAT16, good.path, good.provenance)
    arguments = ["verify", MLP, "--format", "tflite", "--artifacts", root, "--data", tiny_data]
    code, out, err = ended(capfd, *arguments)
    assert code == 1 and "FAIL tflite float16 in litert (gate float16)" in out and out.count("FAIL tfl") == 1
    assert f"1 of 4 rows fail their gate; the first: {MLP} tflite float16 in litert max abs error" in one_line(err)
    code, out, _ = ended(capfd, *arguments, "--json")
    rows = json.loads(out)["parity"]
    assert code == 1 and {row["precision"]: row["passed"] for row in rows}["float16"] is False


def test_runtimes_on_request_are_selected_by_name_or_by_all() -> None:
    on_request = {name for name, runtime in RUNTIMES.items() if runtime.on_request}
    diagnostic = {name for name, runtime in RUNTIMES.items() if runtime.diagnostic}

    def selected(*names: str) -> set[str] | None:
        found = meaning.selection(None, None, None, list(names), None).runtimes
        return None if found is None else set(found)

    assert on_request and diagnostic and not on_request & diagnostic
    assert selected() is None, "matrix() then takes what is neither"
    assert selected("all") == set(RUNTIMES) - diagnostic
    assert selected("null", "all") == set(RUNTIMES)
    assert selected("litert", min(on_request)) == {"litert", min(on_request)}


def test_gates_are_the_users_to_set(capfd: pytest.CaptureFixture[str], tiny_run: TinyRun, root: Path) -> None:
    """2,000 images cannot show that nothing is lost, and no float32 export is exact to the last bit."""
    arguments = ["verify", CNN, "--format", "tflite", "--artifacts", root, "--data", tiny_run.data]
    assert ended(capfd, *arguments, "--precision", "int8")[0] == 0
    code, out, _ = ended(capfd, *arguments, "--precision", "int8", "--gate", "strict", "--json")
    (row,) = json.loads(out)["parity"]
    assert code == (row["accuracy_kept_low"] < 0.999), "strict asks for 99.9 %"
    everything = ["--gate", "strict", "--gate", "int8:accuracy-kept=1"]
    code, out, _ = ended(capfd, *arguments, "--precision", "int8", *everything)
    text = " ".join(out.split())
    assert code == 1 and "2,000 images are too few to show it" in text
    assert re.search(r"keeps [\d.]+ % of the accuracy by point estimate, [\d.]+ % by the one-sided 95 % bound", text)
    refined = ["--gate", "int8:accuracy-kept=none", "--gate", "strict"]
    assert ended(capfd, *arguments, "--precision", "int8", *refined)[0] == 0
    code, out, _ = ended(capfd, *arguments, "--precision", "float32", "--gate", "float32:max-abs-error=0")
    assert code == 1 and "(gate float32): max abs error" in out


BENCH = ["bench", MLP, "--runtime", "litert", "--precision", "int8", "--batch-size", "1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--baseline", "keras-cal"], "unknown runtime 'keras-cal': did you mean keras-call?"),
        (["--baseline", "litert:int9"], "unknown precision 'int9': did you mean int8?"),
        (["--baseline", "onnxruntime"], "--baseline onnxruntime: not among what is measured; select it too"),
        (["--time-limit", "soon"], "--time-limit soon: not a time"),
        (["--time-limit", "0"], "--time-limit 0: not a time"),
        (["--time-limit", "-5s"], "--time-limit -5s: not a time"),
        (["--quick", "--rigorous"], "--quick and --rigorous contradict each other"),
        (["--quick", "--self-check"], "--self-check has a plan of its own; leave out --quick"),
        (["--self-check", "--runtime", "null"], "--self-check measures a model beside the null runtime"),
    ],
)
def test_bad_options_of_bench(capfd: pytest.CaptureFixture[str], root: Path, arguments: list[str], words: str) -> None:
    before = sorted((root / "results").iterdir())
    options = ["bench", MLP, *([] if "null" in arguments else BENCH[2:]), *arguments, "--artifacts", str(root)]
    code, out, err = ended(capfd, *options)
    assert code == 2 and not out and words in one_line(err)
    assert sorted((root / "results").iterdir()) == before


def test_a_time_limit_stops_on_whole_passes(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    code, out, _ = ended(capfd, *BENCH, "--time-limit", "0.1s", "--artifacts", root)
    found = results.load(root / "results" / "latest.json")
    assert code == 0 and found.complete and found.time_limited and found.passes_done == 1
    assert "1 of 5 passes were done within 0.1 s" in out
    assert "verdicts need 3 passes, and there are 1" in " ".join(out.split())


def test_end_to_end_is_measured_recorded_and_said(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    arguments = ["--quick", "--end-to-end", "--baseline", "litert:int8", "--artifacts", root]
    code, out, _ = ended(capfd, *BENCH, *arguments)
    found = results.load(root / "results" / "latest.json")
    assert code == 0 and "from pixels to label" in out
    assert {one.timed for one in found.measurements} == {"end-to-end"} and found.baseline == "litert:int8"
    assert {one.roof_share for one in found.measurements} == {None}, "the roof is that of the network alone"


def test_rigorous_looks_again_where_verdicts_are_open(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    """Two precisions of one file's cells in ten short passes at most; how many depends on what the first five show."""
    arguments = ["bench", MLP, "--runtime", "litert", "--batch-size", "1", "--threads", "1", "--rigorous"]
    code, _, _ = ended(capfd, *arguments, "--artifacts", root)
    found = results.load(root / "results" / "latest.json")
    assert code == 0 and found.plan is not None and found.plan.more_passes == 10 and found.plan.time_limit_s is None
    assert found.passes_done in {5, 10}
    assert found.noise is not None
    if found.passes_done == 5 and found.noise.no_verdicts is None:
        verdicts = {one.against_best.verdict for one in found.measurements if one.against_best}
        assert Verdict.UNDECIDED not in verdicts


def test_self_check_prints_a_verdict_for_each_check(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    code, out, err = ended(capfd, "bench", MLP, "--self-check", "--artifacts", root)
    found = results.load(root / "results" / "latest.json")
    assert [check.name for check in found.checks] == ["floor", "A/A", "bare loop"]
    assert code == (0 if all(check.passed for check in found.checks) else 1), err
    for check in found.checks:
        assert f"{check.value:.4f}" in out
    assert out.count(" pass") + out.count(" FAIL") == 3
    floor, twin, bare = (check.value for check in found.checks)
    # Wide: that the limits hold is the check's own business, and depends on the machine.
    assert 0 < floor < 0.5 and 0.5 < twin < 2 and 0.5 < bare < 2


def test_bench_json_holds_the_combinations_asked_for(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    arguments = ["bench", MLP, "--runtime", "litert", "--runtime", "null", "--precision", "int8", "--format", "tflite"]
    arguments += ["--batch-size", "1", "--batch-size", "8", "--threads", "1", "--threads", "2"]
    code, out, err = ended(capfd, *arguments, "--quick", "--json", "--artifacts", root)
    assert code == 0 and "bench" in err
    content = json.loads(out)
    jsonschema.validate(content, results.json_schema())
    found = {(one["runtime"], one["batch_size"], one["threads"]) for one in content["measurements"]}
    assert found == {(name, batch, count) for name in ("litert", "null") for batch in (1, 8) for count in (1, 2)}
    p50 = {
        (one["runtime"], one["batch_size"], one["threads"]): one["latency_quiet_s"] for one in content["measurements"]
    }
    assert p50["null", 1, 1] < p50["litert", 1, 1] < p50["litert", 8, 1]
    assert json.loads((root / "results" / "latest.json").read_text()) == content


def test_artifacts_option_before_the_command_and_from_the_environment(root: Path, tmp_path: Path) -> None:
    asked = ["verify", "--format", "onnx", "--precision", "float16"]
    for done in (
        mnist_deploy("--artifacts", root, *asked),
        mnist_deploy(*asked, MNIST_DEPLOY_ARTIFACTS=str(root)),
        mnist_deploy(*asked, "--artifacts", root, MNIST_DEPLOY_ARTIFACTS=str(tmp_path / "wrong")),
    ):
        assert done.code == 2 and "no artifact matches" in done.err


def test_a_device_without_the_model_files_still_verifies_and_measures(
    capfd: pytest.CaptureFixture[str], root: Path, tiny_data: Path
) -> None:
    for name in NETWORKS:
        (root / name / "model.keras").unlink()
        (root / name / "training.json").unlink()
    common = ["--format", "onnx", "--runtime", "onnxruntime", "--artifacts", root]
    assert ended(capfd, "verify", *common, "--data", tiny_data)[0] == 0
    assert ended(capfd, "bench", *common, "--quick")[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_an_interrupted_training_goes_on_where_it_stopped(tiny_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "artifacts"
    command = [sys.executable, "-m", "mnist_deploy", "train-all", "--epochs", "1", "--data", str(tiny_data)]
    command += ["--artifacts", str(root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("mlp-tanh-128: trained"):
            process.send_signal(signal.SIGINT)
            break
    rest = process.stderr.read()
    assert process.wait() == 130 and "interrupted" in one_line(rest)
    trained = ArtifactStore(root).trained()
    assert trained[:2] == ["mlp-relu-128", "mlp-tanh-128"] and len(trained) < 6
    assert not list(root.rglob(".writing-*"))
    done = mnist_deploy("train", *trained, "--epochs", "1", "--data", tiny_data, "--artifacts", root)
    assert done.code == 0 and done.out.count("kept") == len(trained)
