import pytest

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.pipeline.training import TrainingOptions, train_all
from mnist_deploy.progress import Silent
from tests.conftest import NETWORKS, TinyRun

MLP = NETWORKS[0]


@pytest.mark.parametrize(
    ("options", "kept", "epochs"),
    [
        (TrainingOptions(epochs=1), True, 1),
        (TrainingOptions(epochs=2), False, 2),
        (TrainingOptions(epochs=1, seed=1), False, 1),
        (TrainingOptions(epochs=1, force=True), False, 1),
        (TrainingOptions(epochs=1, seed=1, longer_will_do=True), False, 1),
        (TrainingOptions(epochs=2, longer_will_do=True), False, 2),
    ],
)
def test_same_settings_are_kept_and_others_trained(
    tiny_run: TinyRun, store: ArtifactStore, options: TrainingOptions, kept: bool, epochs: int
) -> None:
    before = store.model_sha256(MLP)
    (row,) = train_all(store, tiny_run.dataset, [MLP], options, Silent())
    assert (row.kept, row.epochs, row.seed) == (kept, epochs, options.seed)
    assert (store.model_sha256(MLP) == before) == kept


def test_a_quick_run_keeps_a_longer_training(tiny_run: TinyRun, store: ArtifactStore) -> None:
    train_all(store, tiny_run.dataset, [MLP], TrainingOptions(epochs=2), Silent())
    (row,) = train_all(store, tiny_run.dataset, [MLP], TrainingOptions(epochs=1, longer_will_do=True), Silent())
    assert row.kept and row.epochs == 2
    (row,) = train_all(store, tiny_run.dataset, [MLP], TrainingOptions(epochs=1), Silent())
    assert not row.kept and len(list((store.root / MLP / "previous").iterdir())) == 2


def test_a_damaged_training_record_does_not_pass_for_one(tiny_run: TinyRun, store: ArtifactStore) -> None:
    store.training_path(MLP).write_text("{}")
    (row,) = train_all(store, tiny_run.dataset, [MLP], TrainingOptions(epochs=1), Silent())
    assert not row.kept
