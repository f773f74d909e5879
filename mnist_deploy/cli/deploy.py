"""Commands that put a model to use: predict, package."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import choices, meaning, options
from mnist_deploy.cli.places import place

ArchitectureOption = Annotated[
    str | None,
    typer.Option("--architecture", metavar="NAME", help="A network. [default: the recommended one's]",
                 autocompletion=lambda incomplete: [one for one in choices.architectures() if incomplete in one]),
]  # fmt: skip
FormatOption = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", help="keras, saved_model, tflite, onnx, openvino or mnn."),
]
PrecisionOption = Annotated[
    str | None, typer.Option("--precision", metavar="PRECISION", help="float32, float16, dynamic or int8.")
]
VariantOption = Annotated[
    str | None,
    typer.Option("--variant", metavar="VARIANT",
                 help="standard, uint8, plain or uint8-plain. [default: recommended, or standard]"),
]  # fmt: skip
RuntimeOption = Annotated[
    str | None, typer.Option("--runtime", metavar="RUNTIME", help=f"{options.RUNTIMES_HELP}. [default: recommended]")
]
PackagedRuntimeOption = Annotated[
    str | None,
    typer.Option(
        "--runtime", metavar="RUNTIME",
        help="litert, onnxruntime, openvino, tensorflow or keras-call. [default: recommended]",
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
    """Classify images of one digit each, of any size, on the CPU: the three most probable digits.

    Dark on light or light on dark, on ruled paper and in shadow too; the digit is cut out, scaled and centered as
    MNIST's were. A caution stands beside an answer where the picture is unlike MNIST's. By default what `recommend`
    chooses among the measurements that are here, else the best network in training.
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
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A network. [default: the recommended one's]")
    ] = None,
    format: FormatOption = None,
    precision: PrecisionOption = None,
    variant: VariantOption = None,
    runtime: PackagedRuntimeOption = None,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=1024, help="Threads that predict.py takes by default. [default: recommended, or 1]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=place("--output"),
            help="The folder to write. [default: NAME-FORMAT-PRECISION-RUNTIME]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that package wrote before.")] = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Write a folder to deploy: the model, predict.py, pinned requirements, a model card and a Dockerfile.

    By default what `recommend` chooses for the CPU among the measurements that are here and what you name. With all
    of NAME, --format, --precision and --runtime none are needed; the card then says what is unknown.
    """
    from mnist_deploy import deployment

    store, wanted = meaning.store(artifacts), meaning.wanted(name, format, precision, runtime, variant)
    made = deployment.package(store, wanted, output, threads=threads, force=force)
    progress = meaning.progress()
    for caution in made.record.cautions:
        progress.log(f"caution: {caution}")
    typer.echo(deployment.summary(made))
