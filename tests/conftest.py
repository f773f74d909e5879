"""One tiny run of the real program serves every test that needs real artifacts."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy import dataset, environment
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark import schedule
from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.exporters.metadata import ModelFacts
from mnist_deploy.pipeline import running
from mnist_deploy.pipeline.benching import bench
from mnist_deploy.pipeline.figures import Baseline
from mnist_deploy.pipeline.selection import Selection
from mnist_deploy.progress import Silent
from mnist_deploy.results import Results

# Tests that call the program in this process emulate only where they ask for it, too.
os.environ["MNIST_DEPLOY_EMULATE"] = "none"

# One dense network with sparse labels and one convolutional one: every kind of layer, loss and optimizer state.
NETWORKS = ["mlp-tanh-128", "cnn-relu-16-32"]
TRAIN_IMAGES, TEST_IMAGES = 19_200, 2_000  # 300 and 150 steps of one epoch


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def clean_environment() -> dict[str, str]:
    """The environment without what would change our commands; `run` and `export` emulate only where a test asks."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MNIST_DEPLOY")}
    return {**kept, "MNIST_DEPLOY_EMULATE": "none"}


def mnist_deploy(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Ended:
    """Run the command line as a user does, in a process of its own."""
    command = [sys.executable, "-m", "mnist_deploy", *map(str, arguments)]
    env = {**clean_environment(), **environment}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class TinyRun:
    root: Path
    data: Path
    command: list[str] = field(hash=False)
    ended: Ended
    written: dict[Path, int] = field(hash=False, repr=False)

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.root)

    @property
    def dataset(self) -> dataset.Dataset:
        return dataset.load(self.data)

    def facts(self, network: str) -> ModelFacts:
        """What the exported files of a network must say of its model."""
        scores, labels = np.load(self.root / network / "reference.npz")["scores"], np.load(self.data)["y_test"]
        accuracy = float((scores.argmax(axis=1) == labels).mean())
        return ModelFacts(network, hashlib.sha256(self.store.model_path(network).read_bytes()).hexdigest(), accuracy)


def written(root: Path) -> dict[Path, int]:
    """When each file below a folder was last written, in ns."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def mnist() -> dataset.Dataset:
    return dataset.load()


@pytest.fixture(scope="session")
def tiny_data(mnist: dataset.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    counts = {"train": TRAIN_IMAGES, "test": TEST_IMAGES}
    np.savez(path, **{name: array[: counts[name[2:]]] for name, array in mnist.arrays().items()})
    return path


@pytest.fixture
def root(tiny_run: "TinyRun", tmp_path: Path) -> Path:
    """A copy of the tiny run's artifacts, to change as a test likes."""
    return Path(shutil.copytree(tiny_run.root, tmp_path / "artifacts"))


@pytest.fixture
def store(root: Path) -> ArtifactStore:
    return ArtifactStore(root)


@pytest.fixture(scope="session")
def tiny_run(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """The main job on two networks and part of the data. Tests that change artifacts work on a copy."""
    root = tmp_path_factory.mktemp("tiny") / "artifacts"
    command = ["run", *NETWORKS, "--quick", "--data", str(tiny_data), "--artifacts", str(root)]
    ended = mnist_deploy(*command)
    assert ended.code == 0, ended.err
    on_request = mnist_deploy("export", "--format", "mnn", "--data", tiny_data, "--artifacts", root)
    assert on_request.code == 0, on_request.err
    return TinyRun(root, tiny_data, command, ended, written(root))


# Two are enough: all formats are converted from the same network.
PLAIN_FORMATS = ("tflite", "onnx")


@pytest.fixture(scope="session")
def variants_run(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tiny run's artifacts with other variants of one network beside them; read only."""
    root = Path(shutil.copytree(tiny_run.root, tmp_path_factory.mktemp("variants") / "artifacts"))
    plain = [word for name in PLAIN_FORMATS for word in ("--format", name)]
    for options in (["--input", "uint8", "--format", "all"], ["--no-optimize", *plain]):
        told = ("--data", tiny_run.data, "--artifacts", root)
        ended = mnist_deploy("export", NETWORKS[1], *options, *told)
        assert ended.code == 0, ended.err
    return root


@pytest.fixture(autouse=True)
def _the_shared_run_is_left_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """What one test writes there another would read: the outcome would hang on their order."""
    if "tiny_run" not in request.fixturenames:
        yield
        return
    shared: TinyRun = request.getfixturevalue("tiny_run")
    yield
    assert written(shared.root) == shared.written, "write to a copy: the fixtures root and store are one"


@pytest.fixture(scope="session")
def measured(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """Three passes of the default protocol over the light runtimes and one network: what verdicts and noise need."""
    root = Path(shutil.copytree(tiny_run.root, tmp_path_factory.mktemp("measured") / "artifacts"))
    found = running.new_results("bench", tiny_run.dataset, quick=False)
    selection = Selection(
        architectures=NETWORKS[:1], formats=["tflite", "onnx"], precisions=["int8", "float32"],
        runtimes=["litert", "onnxruntime"],
    )  # fmt: skip
    plan = Plan(passes=3, sweeps=20)
    store, uses = ArtifactStore(root), schedule.uses(None, None, environment.usable_cores())
    bench(store, tiny_run.dataset, selection, uses, found, Silent(), plan, Baseline("litert"))
    return root, found
