import json

import pytest

from mnist_deploy import documents
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark.schedule import Use
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.pipeline.training import TrainingOptions, train_all
from mnist_deploy.progress import Silent
from mnist_deploy.training import ComputeDtype
from tests.conftest import NETWORKS, TinyRun

MLP = NETWORKS[0]


@pytest.mark.parametrize(
    ("options", "kept", "epochs"),
    [
        (TrainingOptions(epochs=1), True, 1),
        (TrainingOptions(epochs=2), False, 2),
        (TrainingOptions(epochs=1, seed=1), False, 1),
        (TrainingOptions(epochs=1, force=True), False, 1),
        (TrainingOptions(epochs=1, compute_dtype=ComputeDtype.FLOAT32), True, 1),
        (TrainingOptions(epochs=1, compute_dtype=ComputeDtype.BFLOAT16), False, 1),
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


def test_auto_keeps_a_training_in_either_dtype_and_the_record_says_which(
    tiny_run: TinyRun, store: ArtifactStore
) -> None:
    asked = TrainingOptions(epochs=1, compute_dtype=ComputeDtype.BFLOAT16)
    (trained,) = train_all(store, tiny_run.dataset, [MLP], asked, Silent())
    (row,) = train_all(store, tiny_run.dataset, [MLP], TrainingOptions(epochs=1), Silent())
    assert (trained.kept, row.kept, row.compute_dtype) == (False, True, "bfloat16")
    record = json.loads(store.training_path(MLP).read_text())
    assert record["settings"]["compute_dtype"] == "bfloat16"


def test_a_record_from_before_there_was_a_choice_says_float32(tiny_run: TinyRun, store: ArtifactStore) -> None:
    record = json.loads(store.training_path(MLP).read_text())
    del record["settings"]["compute_dtype"]
    store.training_path(MLP).write_text(documents.sealed(json.dumps(record)))
    (row,) = train_all(store, tiny_run.dataset, [MLP], TrainingOptions(epochs=1), Silent())
    assert row.kept and row.compute_dtype == "float32"


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


def test_a_runtime_works_on_its_own_format_unless_others_are_named(tiny_run: TinyRun, store: ArtifactStore) -> None:
    def formats(store: ArtifactStore, network: str, **named: list[str]) -> set[str]:
        cells = matrix(store, Selection(**named), [Use(batch_size=1, threads=1)]).cells
        mine = [cell for cell in cells if (cell.runtime, cell.artifact.architecture) == ("openvino", network)]
        return {cell.artifact.format for cell in mine}

    for name in NETWORKS:
        assert formats(tiny_run.store, name) == {"openvino"}
        assert formats(tiny_run.store, name, runtimes=["openvino"]) == {"openvino", "onnx"}
        assert formats(tiny_run.store, name, formats=["onnx"]) == {"onnx"}
        assert formats(tiny_run.store, name, precisions=["dynamic"]) == {"onnx"}
    manifest = json.loads((store.root / "manifest.json").read_text())
    kept = [one for one in manifest["artifacts"] if (one["architecture"], one["format"]) != (MLP, "openvino")]
    (store.root / "manifest.json").write_text(documents.sealed(json.dumps(manifest | {"artifacts": kept})))
    assert formats(store, MLP) == {"onnx"}, "where its own is missing, the other serves"
    assert formats(store, NETWORKS[1]) == {"openvino"}
