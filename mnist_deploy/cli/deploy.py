"""Commands that put a model to use: predict, package."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import choices, meaning, options
from mnist_deploy.cli.places import place

ArchitectureOption = Annotated[
    str | None,
    typer.Option("--architecture", metavar="NAME", help="Network. [default: recommended]",
                 autocompletion=lambda incomplete: [one for one in choices.architectures() if incomplete in one]),
]  # fmt: skip
FormatOption = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", help=f"{options.FORMATS_HELP}. [default: recommended]"),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option("--precision", metavar="PRECISION", help=f"{options.PRECISIONS_HELP}. [default: recommended]"),
]
VariantOption = Annotated[
    str | None,
    typer.Option("--variant", metavar="VARIANT",
                 help=f"{options.VARIANTS_HELP}. [default: recommended, or standard]"),
]  # fmt: skip
RuntimeOption = Annotated[
    str | None,
    typer.Option("--runtime", metavar="RUNTIME", help=f"Runtime: {options.RUNTIMES_HELP}. [default: recommended]"),
]
PackagedRuntimeOption = Annotated[
    str | None,
    typer.Option(
        "--runtime", metavar="RUNTIME",
        help="Runtime: litert, onnxruntime, openvino, tensorflow or keras-call. [default: recommended]",
    ),
]  # fmt: skip


def predict(
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...", help="Image files (PNG, JPEG, WebP, BMP, TIFF, GIF, HEIC); - is standard input."
        ),
    ],
    architecture: ArchitectureOption = None,
    format: FormatOption = None,
    precision: PrecisionOption = None,
    variant: VariantOption = None,
    runtime: RuntimeOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Classify images of one handwritten digit each.

    Prints the three most probable digits. Images may have any size, dark on light or light on dark, on ruled paper and
    in shadow too; the digit is cut out, scaled and centered as MNIST's were. A caution stands beside an answer where
    the picture is unlike MNIST's. By default the model and runtime are the most accurate that were measured, or without
    measurements the network that was best in training.
    """
    import json as module

    from mnist_deploy.errors import DataError
    from mnist_deploy.pipeline import choosing, predicting
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.predictions import predictions

    choice = choosing.for_use(
        meaning.store(artifacts), meaning.wanted(architecture, format, precision, runtime, variant)
    )
    label = f"{choice.cell.artifact.label} in {choice.cell.runtime}"
    progress = meaning.progress()
    progress.log(f"{label}: {choice.why}")
    made = predicting.predict(choice.cell, images)
    if json:
        typer.echo(module.dumps([one.model_dump() for one in made], indent=1))
    elif any(one.classes for one in made):
        layout.console().print(predictions(made, label))
    bad = [one.error for one in made if one.error]
    if len(bad) > 1:
        for line in bad:
            progress.log(line)
        raise DataError(f"{len(bad)} of {len(made)} images could not be read; see above")
    if bad:
        raise DataError(bad[0])


def package(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Network. [default: recommended]")] = None,
    format: FormatOption = None,
    precision: PrecisionOption = None,
    variant: VariantOption = None,
    runtime: PackagedRuntimeOption = None,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=1024, help="Default thread count of predict.py. [default: recommended, or 1]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=place("--output"),
            help="Output folder. [default: NAME-FORMAT-PRECISION-RUNTIME]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that package wrote.")] = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Write a deployment folder: model, predict.py and Dockerfile.

    It also holds pinned requirements and a model card. What you do not name is what `recommend` chooses for the CPU.
    If you name network, format, precision and runtime, no measurements are needed; the card then says what is unknown.
    """
    from mnist_deploy import deployment

    store, wanted = meaning.store(artifacts), meaning.wanted(name, format, precision, runtime, variant)
    made = deployment.package(store, wanted, output, threads=threads, force=force)
    progress = meaning.progress()
    for caution in made.record.cautions:
        progress.log(f"caution: {caution}")
    typer.echo(deployment.summary(made))
