"""The examples of every command's help are run as they stand there."""

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_deploy import dataset
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.cli.examples import EXAMPLES
from tests.comparisons import many, run
from tests.conftest import NETWORKS, TinyRun
from tests.test_cli import ended

# What makes an example short, appended to it: the tiny run's data, one epoch, one runtime.
SHORTER = {
    "train": "--data tiny.npz --epochs 1",
    "train-all": "--data few.npz --epochs 1",
    "doctor": "--runtime litert --device cpu",
    "export": "--data tiny.npz",
    "verify": "--data tiny.npz --runtime litert",
    "diagnose": "--data tiny.npz",
    "bench": f"--data tiny.npz --quick --runtime litert {NETWORKS[0]}",
    "profile": "--data tiny.npz",
}
WRITES = {
    "report": ["report.html", "report.md"],
    "package": ["deployed/predict.py", "mlp-tanh-128-tflite-int8-litert/predict.py"],
    "schema": ["results.schema.json"],
    "train-all": [f"artifacts/{name}/model.keras" for name in ARCHITECTURES],
}


@pytest.fixture
def here(
    root: Path, tiny_run: TinyRun, mnist: dataset.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with the files that the examples name; the artifacts are where commands look for them by default."""
    assert root == tmp_path / "artifacts"
    Image.fromarray(mnist.test_images[0]).save(tmp_path / "digit.png")
    (tmp_path / "tiny.npz").symlink_to(tiny_run.data)
    np.savez(tmp_path / "few.npz", **{name: array[:300] for name, array in mnist.arrays().items()})
    for hour, name in enumerate(("before.json", "after.json")):
        (tmp_path / name).write_text(run(many(4), hour=hour).text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", [command for command in EXAMPLES if command != "run"])
def test_examples_do_what_they_say(command: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for example in EXAMPLES[command].values():
        program, *words = shlex.split(f"{example} {SHORTER.get(command, '')}")
        code, out, err = ended(capfd, *words)
        assert (program, code) == ("mnist-deploy", 0), (example, err)
        assert out or "--output" in words, example
    assert all((here / path).is_file() for path in WRITES.get(command, []))


def test_the_examples_of_run_are_what_the_tiny_run_is(tiny_run: TinyRun) -> None:
    """It takes more than a minute: the run that made the other tests' artifacts is one with options appended."""
    assert tiny_run.ended.code == 0
    for example in EXAMPLES["run"].values():
        words = shlex.split(example)[1:]
        assert sorted(words) == sorted(word for word in tiny_run.command if word in words), example
