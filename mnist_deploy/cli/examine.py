"""Commands that look into one artifact: diagnose."""

from typing import Annotated

import typer

from mnist_deploy.cli import options

ImagesOption = Annotated[int, typer.Option("--images", min=64, max=1000, help="Test images, from the first.")]


def diagnose(
    name: options.OneNameArgument,
    format: options.OneFormatOption,
    precision: options.OnePrecisionOption = "float32",
    runtime: options.OneRuntimeOption = None,
    images: ImagesOption = 64,
    data: options.DataOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Compare an artifact with its Keras model layer by layer, and name the first layer past tolerance; exit 1 then.

    For float16, dynamic and int8 the error is split in two by the float32 artifact: conversion and quantization.
    """
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import diagnosing
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.diagnosis import diagnosis

    question = options.question(name, format, precision, runtime, images)
    record = diagnosing.diagnose(options.store(artifacts), options.dataset(data), question, options.progress())
    if json:
        typer.echo(record.model_dump_json(indent=1))
    else:
        layout.console().print(diagnosis(record))
    if record.first:
        raise FailedCheckError(f"{name} {format} {precision}: past tolerance from layer {record.first} on; see above")
