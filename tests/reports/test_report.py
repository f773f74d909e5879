from pathlib import Path

import pytest

from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import UsageError
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.reports.report import build, narrowed
from tests.records import RECORDS
from tests.reports.fixed import stored


def test_the_embedded_data_is_shown_only_if_it_is_that_of_the_results(mnist: Dataset, tmp_path: Path) -> None:
    of_mnist = gather(stored(tmp_path / "a", RECORDS.model_copy(update={"data_sha256": mnist.sha256})))
    found = build(of_mnist, pictures=True).dataset
    assert found is not None and found.sha256 == mnist.sha256
    assert build(of_mnist).dataset is None, "not read where nothing is pictured"
    assert build(gather(stored(tmp_path / "b")), pictures=True).dataset is None


def test_data_that_is_named_must_be_that_of_the_results(mnist: Dataset, tiny_data: Path, tmp_path: Path) -> None:
    gathered = gather(stored(tmp_path, RECORDS.model_copy(update={"data_sha256": mnist.sha256})))
    with pytest.raises(UsageError, match=r"--data .*tiny\.npz: not what these results were made with"):
        build(gathered, data=tiny_data)


def test_the_recommendation_is_about_the_networks_named(tmp_path: Path) -> None:
    gathered = gather(stored(tmp_path))
    every, one = build(gathered).recommendation, build(gathered, ["cnn-relu-16-32"]).recommendation
    assert every and every.chosen and every.chosen.measurement.architecture == "mlp-relu-128"
    assert one and one.chosen and one.chosen.measurement.architecture == "cnn-relu-16-32"
    assert one.considered == 3


def test_nothing_measured_is_nothing_recommended(tmp_path: Path) -> None:
    alone = RECORDS.model_copy(update={"measurements": [], "samples": None})
    assert build(gather(stored(tmp_path, alone))).recommendation is None


def test_narrowing_to_all_changes_nothing_of_them() -> None:
    names = ["mlp-relu-128", "mlp-tanh-128", "cnn-relu-16-32"]
    same = narrowed(RECORDS, names)
    assert same.measurements == RECORDS.measurements and same.training == RECORDS.training
    assert narrowed(RECORDS, names[:1]).training == RECORDS.training[:1]
    with pytest.raises(UsageError, match="they hold mlp-relu-128"):
        narrowed(RECORDS, ["mlp-relu-256"])
