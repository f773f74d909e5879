"""One hidden unit whose weights are negated: it fails the default gates, in float32 and in int8, and a run says so."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision
from tests.conftest import NETWORKS, TinyRun
from tests.test_cli import ended
from tests.test_diagnose import AXES, find, kernel, plant_unit, renew, replace_bytes, strongest_unit

MLP, CNN = NETWORKS
# A hidden layer of each network that every format has in int8.
HIDDEN = {MLP: "dense_2", CNN: "dense_6"}
RUNTIMES = {"tflite": "litert", "onnx": "onnxruntime"}


def plant_float_unit(run: TinyRun, artifact: Artifact, layer: str) -> None:
    """Negate the float32 weights of the unit whose output is the strongest."""
    old = kernel(run, artifact.architecture, layer)
    new = old.copy()
    new[..., strongest_unit(run, artifact.architecture, layer)] *= -1
    axes = AXES[artifact.format][old.ndim]
    replace_bytes(artifact.path, *(np.ascontiguousarray(weights.transpose(axes)) for weights in (old, new)))


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.INT8])
@pytest.mark.parametrize("format", ["tflite", "onnx"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_negated_unit_fails_the_default_gate(
    capfd: pytest.CaptureFixture[str],
    tiny_run: TinyRun,
    root: Path,
    store: ArtifactStore,
    name: str,
    format: str,
    precision: Precision,
) -> None:
    artifact = find(store, name, format, precision)
    plant = plant_unit if precision is Precision.INT8 else plant_float_unit
    command = ["verify", name, "--format", format, "--precision", precision, "--runtime", RUNTIMES[format],
               "--artifacts", root, "--data", tiny_run.data, "--json"]  # fmt: skip
    assert ended(capfd, *command)[0] == 0, "healthy as exported"
    plant(tiny_run, artifact, HIDDEN[name])
    renew(store, artifact)
    code, out, err = ended(capfd, *command)
    (row,) = json.loads(out)["parity"]
    assert code == 1 and "1 of 1 rows fail their gate" in " ".join(err.split())
    assert row["gate"] == precision and not row["passed"] and row["failures"]
    assert any("top-1 agreement" in reason for reason in row["failures"]), row["failures"]


SUMMARY = ["What worked", "What to use", "What failed", "What to do"]


def headings(out: str) -> list[str]:
    return [line.removeprefix("[quick] ") for line in out.splitlines() if line.removeprefix("[quick] ") in SUMMARY]


def test_a_run_that_finds_it_ends_with_what_worked_what_to_use_what_failed_and_what_to_do(
    capfd: pytest.CaptureFixture[str], tiny_run: TinyRun, root: Path, store: ArtifactStore
) -> None:
    assert headings(tiny_run.ended.out) == SUMMARY[:2], "healthy as exported"
    artifact = find(store, MLP, "tflite", Precision.INT8)
    plant_unit(tiny_run, artifact, HIDDEN[MLP])
    renew(store, artifact)
    code, out, err = ended(
        capfd, "run", MLP, "--quick", "--emulate", "none", "--data", tiny_run.data, "--artifacts", root
    )
    assert code == 1 and "rows fail their gate" in " ".join(err.split())
    assert headings(out) == SUMMARY
    summary = [line.strip() for line in out[out.rindex("What worked") :].splitlines()]
    assert re.fullmatch(r"1 network trained", summary[1])
    (done, all_of_them) = re.findall(r"(\d+) of (\d+) pairs of artifact and runtime verified", " ".join(summary))[0]
    assert 0 < int(done) < int(all_of_them)
    use = summary[summary.index("What to use") : summary.index("What failed")]
    assert any(line.startswith(f"mnist-deploy package {MLP} --format ") for line in use)
    assert not any("--format tflite --precision int8" in line for line in use), "what failed is not recommended"
    failed = " ".join(summary[summary.index("What failed") : summary.index("What to do")])
    assert f"{MLP} tflite int8 in litert: another digit than the trained network for" in failed
    command = f"mnist-deploy diagnose {MLP} --format tflite --precision int8 --runtime litert"
    assert command in summary
    code, out, _ = ended(capfd, *command.split()[1:], "--data", tiny_run.data, "--artifacts", root, "--json")
    assert code == 1 and json.loads(out)["first"] == HIDDEN[MLP], "the command that it gives finds the layer"
