"""Commands that only tell: list, schema."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import options


def list_architectures(artifacts: options.ArtifactsOption = None, debug: options.DebugOption = False) -> None:
    """Show the six networks: layers, parameters, FLOPs for one image, and what the notebook reports."""
    from mnist_deploy.architectures import ARCHITECTURES
    from mnist_deploy.reports import layout, tables

    layout.console().print(tables.architectures(list(ARCHITECTURES.values())))


def schema(
    output: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write there, not to stdout.")] = None,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Write the JSON Schema of the results files."""
    import json

    from mnist_deploy import files, results

    text = json.dumps(results.json_schema(), indent=2) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        files.write_text(output, text)
