"""The default gates on real artifacts: one hidden unit whose weights are negated fails, in float32 and in int8."""

import json
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
