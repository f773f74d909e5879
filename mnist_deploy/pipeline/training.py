"""Train the networks that are not trained yet, and keep the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mnist_deploy import interruption, training
from mnist_deploy.architectures import ARCHITECTURES, Architecture
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.dataset import MNIST_SHA256, Dataset
from mnist_deploy.pipeline.registering import is_registered, load_model, register
from mnist_deploy.progress import Progress, task
from mnist_deploy.quiet import quiet
from mnist_deploy.results import TrainingRow
from mnist_deploy.training import Checkpoint, ComputeDtype, Settings, TrainingRecord, checkpoints
from mnist_deploy.versions import versions


@dataclass(frozen=True)
class TrainingOptions:
    """How to train.

    Attributes:
        epochs: None means as many as the notebook takes.
        seed: of the weights and of the order of the images.
        force: train anew what is trained already.
        longer_will_do: keep a model that differs only in having been trained for more epochs.
        compute_dtype: what the steps are computed in; with auto, a model is kept whichever it was.
    """

    epochs: int | None = None
    seed: int = 0
    force: bool = False
    longer_will_do: bool = False
    compute_dtype: ComputeDtype = ComputeDtype.AUTO


def train_all(
    store: ArtifactStore, dataset: Dataset, names: Sequence[str], options: TrainingOptions, progress: Progress
) -> list[TrainingRow]:
    """Train the networks `names`; an interruption costs one epoch at most: what is finished is kept."""
    wanted = {
        name: training.settings_for(
            ARCHITECTURES[name],
            dataset,
            epochs=options.epochs,
            seed=options.seed,
            compute_dtype=options.compute_dtype,
        )
        for name in names
    }
    kept = {} if options.force else _kept(store, wanted, options)
    todo = {name: settings for name, settings in wanted.items() if name not in kept}
    if todo:
        with quiet():
            training.require_tensorflow()
    total = sum(settings.epochs for settings in todo.values())
    with interruption.advising(interruption.GO_ON), task(progress, "train", total):
        for name in kept:
            progress.log(f"{name}: kept, already trained with these settings")
            if not is_registered(store, dataset, name):  # killed right after it was trained
                with quiet():
                    register(store, dataset, name, load_model(store, name))
            store.discard_checkpoint(wanted[name])
        for settings in todo.values():
            _train_one(store, dataset, settings, progress)
    return [_row(store.training(name), ARCHITECTURES[name], name in kept) for name in names]


def _kept(store: ArtifactStore, wanted: dict[str, Settings], options: TrainingOptions) -> dict[str, TrainingRecord]:
    kept = {}
    for name, settings in wanted.items():
        record = store.training(name)
        if record is None or store.model_sha256(name) is None:
            continue
        as_it_is: dict[str, object] = {}
        if options.longer_will_do and record.settings.epochs >= settings.epochs:
            as_it_is["epochs"] = record.settings.epochs
        if options.compute_dtype is ComputeDtype.AUTO:
            as_it_is["compute_dtype"] = record.settings.compute_dtype
        if record.settings == settings.model_copy(update=as_it_is):
            kept[name] = record
    return kept


def _train_one(store: ArtifactStore, dataset: Dataset, settings: Settings, progress: Progress) -> None:
    architecture = ARCHITECTURES[settings.architecture]
    name = architecture.name

    path = store.checkpoint_path(settings)
    begun = checkpoints.load(path, settings)
    if begun is not None:
        progress.log(f"{name}: going on after epoch {begun.epochs} of {settings.epochs}, where a training stopped")
        for epoch in range(1, begun.epochs + 1):
            progress.advance(f"{name}: epoch {epoch}/{settings.epochs}, done before")

    def on_epoch(epoch: int, done: Checkpoint) -> None:
        checkpoints.save(done, path)
        figures = f"loss {done.history['loss'][-1]:.4f}, accuracy {done.history['accuracy'][-1]:.4f}"
        progress.advance(f"{name}: epoch {epoch}/{settings.epochs}, {figures}")

    with quiet():
        model, done = training.train(architecture, dataset, settings, on_epoch, begun)
        loss, accuracy = training.evaluate(model, architecture, dataset)

        def record(model_sha256: str) -> TrainingRecord:
            return TrainingRecord(
                settings=settings,
                history=done.history,
                test_loss=loss,
                test_accuracy=accuracy,
                duration_s=done.duration_s,
                versions=versions("tensorflow", "keras", "numpy"),
                created_at=datetime.now(UTC),
                model_sha256=model_sha256,
            )

        store.save_model(name, model.save, record)
        register(store, dataset, name, model)
    store.discard_checkpoint(settings)
    progress.log(f"{name}: trained in {done.duration_s:.1f} s, test loss {loss:.4f}, test accuracy {accuracy:.4f}")


def _row(record: TrainingRecord | None, architecture: Architecture, kept: bool) -> TrainingRow:
    assert record is not None, "every training writes its record"
    reported = architecture.reported if record.settings.data_sha256 == MNIST_SHA256 else None
    return TrainingRow(
        architecture=architecture.name,
        epochs=record.settings.epochs,
        seed=record.settings.seed,
        duration_s=record.duration_s,
        test_loss=record.test_loss,
        test_accuracy=record.test_accuracy,
        reported_loss=reported and reported.loss,
        reported_accuracy=reported and reported.accuracy,
        caveat=reported and reported.caveat,
        kept=kept,
        history=record.history,
        model_sha256=record.model_sha256,
        compute_dtype=record.settings.compute_dtype,
    )
