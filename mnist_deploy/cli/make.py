"""Commands that make something: train, train-all, export."""

from typing import Annotated

import typer

from mnist_deploy import resource_limits
from mnist_deploy.cli import choices, finish, meaning, options
from mnist_deploy.cli.help_pages import SELECTION

CALIBRATION = "Calibration of int8"
InputOption = Annotated[
    str,
    typer.Option("--input", metavar="TYPE", rich_help_panel=SELECTION, autocompletion=options.of(choices.inputs),
                 help="Input of the model: float32, already scaled to [0, 1]; or uint8, raw pixels that the model "
                 "scales itself."),
]  # fmt: skip
PlainOption = Annotated[
    bool,
    typer.Option("--no-optimize", rich_help_panel=SELECTION,
                 help="Export the network as trained, without graph rewrites."),
]  # fmt: skip


def train(
    names: options.SomeNamesArgument,
    epochs: options.EpochsOption = None,
    seed: options.SeedOption = 0,
    compute_dtype: options.ComputeDtypeOption = "auto",
    data: options.DataOption = None,
    force: Annotated[bool, typer.Option("--force", help="Retrain existing models.")] = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Train networks as the notebook does.

    Prints the accuracy reached beside the notebook's. A model that was trained with the same settings is kept; one that
    is replaced moves to previous/.
    """
    from mnist_deploy.architectures import ARCHITECTURES
    from mnist_deploy.pipeline.training import TrainingOptions, train_all
    from mnist_deploy.reports import layout, tables

    resource_limits.require_for_tensorflow()
    wanted = meaning.networks(names) or list(ARCHITECTURES)
    dtype = meaning.compute_dtype(compute_dtype)
    how = TrainingOptions(epochs=epochs, seed=seed, force=force, compute_dtype=dtype)
    store, loaded, progress = meaning.store(artifacts), meaning.dataset(data, training=True), meaning.progress()
    with store.claimed("mnist-deploy train", progress, makes=True):
        rows = train_all(store, loaded, wanted, how, progress)
    layout.console().print(tables.training(rows))


def train_all(
    epochs: options.EpochsOption = None,
    seed: options.SeedOption = 0,
    compute_dtype: options.ComputeDtypeOption = "auto",
    data: options.DataOption = None,
    force: Annotated[bool, typer.Option("--force", help="Retrain existing models.")] = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Train all six networks, as `train all` does."""
    train(["all"], epochs, seed, compute_dtype, data, force, artifacts, debug)


def export(
    names: options.NamesArgument = None,
    format: options.FormatOption = None,
    precision: options.PrecisionOption = None,
    input: InputOption = "float32",
    plain: PlainOption = False,
    calibration_size: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, rich_help_panel=CALIBRATION, help="Number of training images for calibration."
        ),
    ] = 500,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=options.MAX_SEED,
            rich_help_panel=CALIBRATION,
            help="Random seed for the choice of calibration images.",
        ),
    ] = 0,
    emulate: options.AutomaticEmulateOption = None,
    data: options.DataOption = None,
    force: Annotated[bool, typer.Option("--force", help="Export existing artifacts again.")] = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Export trained networks to every format and precision.

    Existing artifacts are kept; all are listed in manifest.json. --input uint8 and --no-optimize make variants, which
    are stored beside the standard artifacts. Exit 1 if an export fails or does not run.
    """
    from mnist_deploy.artifacts import Precision
    from mnist_deploy.errors import FailedCheckError, ModelError
    from mnist_deploy.pipeline.exporting import Calibration, export_all, targets
    from mnist_deploy.pipeline.processors import check_exported
    from mnist_deploy.reports import layout, processors, tables
    from mnist_deploy.results import SkipKind

    resource_limits.require_for_tensorflow()
    chosen, kinds = meaning.networks(names), meaning.precisions(precision) or list(Precision)
    variant = meaning.variant(input, optimized=not plain)
    wanted = targets(meaning.export_formats(format), kinds)
    emulation = meaning.automatic_emulation(emulate)
    store, progress = meaning.store(artifacts), meaning.progress()
    calibration = Calibration(calibration_size, seed)
    with store.claimed("mnist-deploy export", progress):
        trained = chosen or store.trained()
        if not trained:
            raise ModelError(f"{store.root}: nothing trained yet; run: mnist-deploy train-all")
        loaded = meaning.dataset(data, training=True)
        exported = export_all(store, loaded, trained, wanted, calibration, progress, variant, force=force)
        rows, skips = check_exported(store, loaded, exported.artifacts, emulation, progress)
    console = layout.console()
    console.print(*tables.artifacts(exported.artifacts, exported.kept))
    for processor_table in processors.tables_of(rows):
        console.print(processor_table)
    skips = [*exported.skips, *skips]
    if skips:
        console.print(tables.skips(skips))
    failed = [skip for skip in skips if skip.kind is SkipKind.FAILED]
    finish.require_resources(skip.reason for skip in failed)
    if failed:
        raise FailedCheckError(f"{len(failed)} exports failed, or do not run; the first: {failed[0].reason}")
    finish.require_same_answers(rows)
