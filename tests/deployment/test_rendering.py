import ast
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.deployment import Deployment, rendering
from mnist_deploy.deployment.engines import ENGINES, requirements
from mnist_deploy.runtimes import RUNTIMES
from tests.records import DEPLOYMENT

BARE = DEPLOYMENT.model_copy(
    update={"training": None, "on_mnist": None, "parity": None, "measurements": [], "measured_at": None,
            "environment": None, "installed_bytes": None, "model_requirements": None,
            "cautions": ["It was not measured."]}
)  # fmt: skip


def test_card(snapshot: SnapshotAssertion) -> None:
    assert rendering.card(DEPLOYMENT) == snapshot


def test_card_of_what_is_unknown(snapshot: SnapshotAssertion) -> None:
    card = rendering.card(BARE)
    assert card == snapshot
    assert "None" not in card and "nan" not in card.lower()
    assert "mnist-deploy verify mlp-relu-128 --format tflite --precision int8 --runtime litert" in card
    assert "mnist-deploy bench mlp-relu-128 --format tflite --precision int8 --runtime litert" in card


def test_the_card_says_what_is_wrong_first() -> None:
    card = rendering.card(DEPLOYMENT)
    assert card.index("failed its parity gate") < card.index("## Use")
    assert "FAILED: keeps 99.874% of the accuracy" in card
    quick = rendering.card(DEPLOYMENT.model_copy(update={"quick": True}))
    assert "in a quick measurement" in quick and "in a quick measurement" not in card
    other = rendering.card(DEPLOYMENT.model_copy(update={"on_mnist": False}))
    assert "Other data than the MNIST" in other and "60,000 images" not in other


def test_no_text_breaks_the_cards_tables() -> None:
    odd = DEPLOYMENT.model_copy(update={"layers": "Dense | 9\nConv"})
    assert "| layers | Dense \\| 9 Conv |" in rendering.card(odd)


def test_the_record_can_be_read_again() -> None:
    assert Deployment.model_validate_json(DEPLOYMENT.model_dump_json()) == DEPLOYMENT


def written(runtime: str, folder: Path) -> Path:
    one = DEPLOYMENT.model_copy(update={"runtime": runtime, "format": RUNTIMES[runtime].formats[0]})
    path = folder / "predict.py"
    path.write_text(rendering.predict(one), encoding="utf-8")
    return path


@pytest.mark.parametrize("runtime", ENGINES)
def test_predict_imports_only_what_is_required(runtime: str, tmp_path: Path) -> None:
    text = written(runtime, tmp_path).read_text(encoding="utf-8")
    tree = ast.parse(text)
    modules = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    modules |= {name.name for one in ast.walk(tree) if isinstance(one, ast.Import) for name in one.names}
    beyond = {str(name).partition(".")[0] for name in modules} - sys.stdlib_module_names
    cls = RUNTIMES[runtime]
    assert beyond == {cls.module, *cls.needs, "numpy", "preprocessing"}
    pinned = set(requirements(runtime))
    assert pinned == {cls.distributions[0], *cls.needs.values(), "numpy", "pillow", "opencv-python-headless"}
    assert not re.search(r"import mnist_deploy|{{|{%", text)


@pytest.mark.parametrize("runtime", ENGINES)
def test_predict_is_tidy(runtime: str, tmp_path: Path) -> None:
    path = written(runtime, tmp_path)
    # The environment must be set before what reads it is imported; preprocessing is not beside it here.
    google = ["--ignore", "E402,I001", "--config", "lint.pydocstyle.convention='google'"]
    for command in (["check", "--select", "E,W,F,I,UP,B,C4,PERF,SIM,D", *google], ["format", "--check"]):
        told = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("model", ["model.tflite", "saved_model"])
def test_dockerfile(model: str) -> None:
    lines = rendering.dockerfile(DEPLOYMENT.model_copy(update={"model": model})).splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    order = [step for step, _ in steps]
    assert dict(map(tuple, steps))["FROM"] == "python:3.11-slim"  # type: ignore[arg-type]
    copied = [rest.split()[:-1] for step, rest in steps if step == "COPY"]
    assert {name for names in copied for name in names} == {"requirements.txt", "predict.py", "preprocessing", model}
    assert order.index("RUN") < order.index("USER") < order.index("ENTRYPOINT"), "it does not run as root"
    assert any(f"COPY {model} ./{model}" == line for line in lines), "a folder's content would lie beside the rest"


@pytest.mark.parametrize("model", ["model.tflite", "saved_model"])
def test_the_dockerfile_is_clean(model: str, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(rendering.dockerfile(DEPLOYMENT.model_copy(update={"model": model})), encoding="utf-8")
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    told = subprocess.run([str(linter), "--no-color", str(path)], capture_output=True, text=True, check=False)
    assert told.returncode == 0 and told.stdout == "", told.stdout + told.stderr
