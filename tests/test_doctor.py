"""What the doctor says of this machine, of one without artifacts, and of libraries that are really broken."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_deploy.artifacts import ArtifactStore, Precision
from mnist_deploy.benchmark import attempts
from mnist_deploy.benchmark.trial import Finding, Trial
from mnist_deploy.exporters import ARTIFACT_KINDS
from mnist_deploy.pipeline import doctoring
from mnist_deploy.pipeline.readiness import Diagnosis, RuntimeState, Standing
from mnist_deploy.progress import Silent
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, Ended, TinyRun, mnist_deploy
from tests.test_cli import HEAVY, one_line

Break = Callable[[str, str], dict[str, str]]


@pytest.fixture
def broken(tmp_path: Path) -> Break:
    """Put a package of that name before the real one, and return the environment for it."""

    def broken(name: str, source: str) -> dict[str, str]:
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "__init__.py").write_text(source, encoding="utf-8")
        rest = os.environ.get("PYTHONPATH", "")
        return {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path / "broken"), rest]))}

    return broken


def told(done: Ended) -> dict[tuple[str, str], RuntimeState]:
    found = Diagnosis.model_validate_json(done.out)
    return {(one.runtime, one.device): one for one in found.runtimes}


@pytest.fixture(scope="module")
def healthy(tiny_run: TinyRun) -> Ended:
    return mnist_deploy("doctor", "--json", "--artifacts", tiny_run.root)


def test_every_runtime_of_the_main_job_runs_here(healthy: Ended) -> None:
    assert healthy.code == 0 and "doctor" in healthy.err
    found = told(healthy)
    assert set(found) == {
        (one.name, device) for one in RUNTIMES.values() if not one.diagnostic for device in one.devices
    }
    for (name, device), state in found.items():
        if state.standing is Standing.RUNS:
            assert state.proof is not None and state.artifact is not None and state.reason is None
            assert state.artifact.split()[1] in RUNTIMES[name].formats
            assert device.upper() in state.proof.executed_on.upper() or device == "gpu"
            assert state.version and state.installed_bytes
        else:
            assert state.standing is Standing.NOT_READY and state.reason and state.remedy
        assert state.standing is Standing.RUNS or device == "gpu" or RUNTIMES[name].on_request, state.reason


def test_everything_can_be_exported_here(healthy: Ended) -> None:
    found = Diagnosis.model_validate_json(healthy.out)
    assert [(one.format, one.precision) for one in found.exporters] == ARTIFACT_KINDS
    assert all(one.ready and one.reason is None for one in found.exporters), found.exporters


def test_places_and_machine(healthy: Ended, tiny_run: TinyRun) -> None:
    found = Diagnosis.model_validate_json(healthy.out)
    assert found.places.artifacts == tiny_run.root and found.places.problem is None
    assert found.places.states == {"current": len(tiny_run.store.manifest().artifacts)}
    assert found.environment.usable_cores >= 1 and found.environment.memory_bytes > 10**8


def test_the_table_says_it_too_and_the_parent_imports_no_framework(tiny_run: TinyRun) -> None:
    program = (
        "import sys; from mnist_deploy import cli; code = cli.run(sys.argv[1:]);"
        f"print(sorted({HEAVY!r} - {{'scipy'}} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    asked = ["doctor", "--runtime", "litert", "--runtime", "onnxruntime", "--device", "cpu"]
    command = [sys.executable, "-c", program, *asked, "--artifacts", str(tiny_run.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows if "runs" in row] == ["litert", "onnxruntime"]
    assert "CPU features" in done.stdout and str(tiny_run.root) in done.stdout.replace("\n", "")
    assert "What can be exported" not in done.stdout, "a question about runtimes has no answer about exporters"


def test_without_artifacts_it_only_imports_and_writes_nothing(tmp_path: Path) -> None:
    done = mnist_deploy("doctor", "--runtime", "litert", "--json", "--artifacts", tmp_path / "none")
    state = told(done)["litert", "cpu"]
    assert done.code == 0 and state.standing is Standing.IMPORTS and state.proof is None
    assert state.reason == "no tflite artifact here to run" and state.remedy == "mnist-deploy run --quick"
    assert not list(tmp_path.iterdir())


def test_damaged_artifacts_are_told_and_not_run(root: Path) -> None:
    for artifact in ArtifactStore(root).manifest().artifacts:
        if artifact.format == "tflite" and artifact.precision is Precision.FLOAT32:
            artifact.path.write_bytes(b"TFL3" * 100)
    done = mnist_deploy("doctor", "--runtime", "litert", "--json", "--artifacts", root)
    state = told(done)["litert", "cpu"]
    assert state.standing is Standing.RUNS and "float32" not in str(state.artifact)
    assert f'"corrupt": {len(NETWORKS)}' in done.out
    (root / "manifest.json").write_text("{", encoding="utf-8")
    done = mnist_deploy("doctor", "--runtime", "litert", "--artifacts", root)
    assert done.code == 0 and "imports" in done.out and "not a manifest" in done.out


BROKEN = {
    "import error": ("raise ImportError('libgone.so.1: cannot open')", "ImportError: libgone.so.1: cannot open"),
    "shared object": ("import ctypes; ctypes.CDLL('libgone.so.1')", "OSError: libgone.so.1: cannot open shared object"),
    "wrapped": (
        "try:\n    import gone\nexcept ImportError as error:\n    raise RuntimeError('Pages\\nof advice') from error",
        "ModuleNotFoundError: No module named 'gone'",
    ),
    "abort": (
        "import os, sys; sys.stderr.write('last gasp\\n'); sys.stderr.flush(); os.abort()",
        "the worker process was killed by SIGABRT; its last words: last gasp",
    ),
    "exit": ("import sys; sys.exit(3)", "the worker process ended with exit code 3"),
}


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_library_is_not_ready_and_harms_no_other(case: str, broken: Break, tiny_run: TinyRun) -> None:
    source, reason = BROKEN[case]
    asked = ["doctor", "--runtime", "litert", "--runtime", "onnxruntime", "--device", "cpu", "--json"]
    done = mnist_deploy(*asked, "--artifacts", tiny_run.root, **broken("ai_edge_litert", source))
    state = told(done)["litert", "cpu"]
    assert done.code == 0, "one that is broken beside one that works is no error"
    assert state.standing is Standing.NOT_READY and state.version, "it is installed"
    assert state.reason is not None and state.reason.startswith(f"import ai_edge_litert: {reason}")
    assert "\n" not in state.reason and state.remedy == "pip install --force-reinstall ai-edge-litert"
    assert told(done)["onnxruntime", "cpu"].standing is Standing.RUNS


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_cpu_that_is_too_old_is_not_helped_by_reinstalling(broken: Break) -> None:
    source = "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    done = mnist_deploy("doctor", "--runtime", "litert", "--json", **broken("ai_edge_litert", source))
    state = told(done)["litert", "cpu"]
    assert "killed by SIGILL (the library uses an instruction that this CPU lacks)" in str(state.reason)
    assert state.remedy == "install a build of ai-edge-litert that is made for this CPU"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX timers")
def test_a_library_that_hangs_is_given_up_and_nothing_ready_is_exit_code_1(broken: Break, tiny_run: TinyRun) -> None:
    asked = ["doctor", "--runtime", "litert", "--time-limit", "2", "--artifacts", tiny_run.root]
    done = mnist_deploy(*asked, **broken("ai_edge_litert", "import time; time.sleep(600)"))
    assert done.code == 1 and "no runtime is ready" in one_line(done.err)
    words = " ".join(done.out.split())
    assert "not ready" in words and "took longer than 2 s" in words
    assert "  pip install --force-reinstall ai-edge-litert" in done.out.splitlines()


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_crash_while_running_costs_that_runtime_alone(broken: Break, tiny_run: TinyRun) -> None:
    """A Keras that crashes when it loads a model; TensorFlow, from the same import, still runs."""
    real = "import os, sys; sys.path.remove(os.path.dirname(os.path.dirname(__file__))); del sys.modules['keras'];"
    crash = "import keras; keras.saving.load_model = lambda *given, **named: os.abort()"
    names = ["keras-predict", "tensorflow", "keras-call"]
    asked = [word for name in names for word in ("--runtime", name)]
    ruined = broken("keras", real + crash)
    done = mnist_deploy("doctor", *asked, "--device", "cpu", "--json", "--artifacts", tiny_run.root, **ruined)
    found = told(done)
    assert done.code == 0 and found["tensorflow", "cpu"].standing is Standing.RUNS
    for name in ("keras-predict", "keras-call"):
        state = found[name, "cpu"]
        assert state.standing is Standing.NOT_READY and "killed by SIGABRT" in str(state.reason)
        assert state.remedy == f"mnist-deploy doctor --runtime {name} --debug"


def test_what_is_not_installed_is_named_with_its_command(broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RUNTIMES["litert"], "module", "surely_absent")
    found = doctoring.diagnose(ArtifactStore(Path("nowhere")), Silent(), runtimes=["litert"])
    (state,) = found.runtimes
    assert state.standing is Standing.NOT_READY and not found.ready
    assert (state.reason, state.remedy) == ("ai-edge-litert is not installed", "pip install ai-edge-litert")


def test_exporters_name_the_library_that_is_broken_not_those_that_import_it(tiny_run: TinyRun) -> None:
    gone = Finding(reason="ImportError: libgone.so", broken="tensorflow")
    imports = {
        "tensorflow": gone,
        "tf2onnx": gone.model_copy(update={"broken": "tf2onnx"}),
        "onnx": Finding(),
    }
    state = doctoring.exporter_state("onnx", Precision.INT8, ("tensorflow", "tf2onnx", "onnx", "onnxslim"), imports)
    assert not state.ready
    assert state.reason == "onnxslim is not installed; import tensorflow: ImportError: libgone.so"
    assert state.remedy == "pip install onnxslim && pip install --force-reinstall tensorflow"


def test_float32_is_tried_first_and_then_the_smallest(tiny_run: TinyRun) -> None:
    artifacts = tiny_run.store.manifest().artifacts
    chosen = doctoring.choose(RUNTIMES["litert"], artifacts)
    assert chosen is not None and chosen.precision is Precision.FLOAT32 and chosen.format == "tflite"
    tflite = [one for one in artifacts if one.format == "tflite"]
    assert chosen.size_bytes == min(one.size_bytes for one in tflite if one.precision is Precision.FLOAT32)
    quantised = [one for one in tflite if one.precision is not Precision.FLOAT32]
    smallest = doctoring.choose(RUNTIMES["litert"], quantised)
    assert smallest is not None and smallest.size_bytes == min(one.size_bytes for one in quantised)
    assert doctoring.choose(RUNTIMES["openvino"], tflite) is None


def test_modules_after_one_that_crashes_are_tried_in_another_process(
    broken: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", broken("crashes", "import os; os._exit(7)")["PYTHONPATH"])
    ended: list[Trial] = []
    trials = [Trial(module=name) for name in ("json", "crashes", "surely_absent", "numpy")]
    findings = attempts.attempt(trials, 60.0, ended.append)
    assert [one.broken for one in findings] == [None, "crashes", "surely_absent", None]
    assert findings[1].reason == "the worker process ended with exit code 7"
    assert ended == trials
