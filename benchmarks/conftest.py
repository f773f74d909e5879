"""Artifacts for the suite: those of MNIST_DEPLOY_ARTIFACTS or ./artifacts, or else ones trained for it on the spot."""

import os
import sys
from pathlib import Path

import pytest

from mnist_deploy import dataset
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import ArtifactStore, Precision
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.pipeline.exporting import Calibration, export_all, targets
from mnist_deploy.pipeline.training import TrainingOptions, train_all
from mnist_deploy.progress import Silent


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mnist-deploy")
    group.addoption("--threads", type=int, default=1, help="threads of one call, in every runtime (default: 1)")
    group.addoption("--networks", default="", help="comma-separated names (default: all six)")


def networks(config: pytest.Config) -> list[str]:
    return [name for name in config.getoption("--networks").split(",") if name] or list(ARCHITECTURES)


@pytest.fixture(scope="session")
def mnist() -> dataset.Dataset:
    return dataset.load()


@pytest.fixture(scope="session")
def store(
    pytestconfig: pytest.Config, mnist: dataset.Dataset, tmp_path_factory: pytest.TempPathFactory
) -> ArtifactStore:
    """The user's artifacts where there are any; speed depends on the networks' shapes, not on how well they learned."""
    here = ArtifactStore(Path(os.environ.get("MNIST_DEPLOY_ARTIFACTS", "artifacts")))
    if here.manifest().artifacts:
        return here
    made = ArtifactStore(tmp_path_factory.mktemp("artifacts"))
    print("\nno artifacts yet: training for one epoch and exporting", file=sys.stderr)
    names = networks(pytestconfig)
    train_all(made, mnist, names, TrainingOptions(epochs=1), Silent())
    export_all(made, mnist, names, targets(list(EXPORTERS), list(Precision)), Calibration(), Silent())
    return made
