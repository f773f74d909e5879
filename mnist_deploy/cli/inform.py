"""Commands that only show: list, report, schema."""

from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import choices, meaning, options
from mnist_deploy.cli.places import STDOUT, place

ListedArgument = Annotated[
    str,
    typer.Argument(metavar="[WHAT]", autocompletion=options.of(choices.listings), help="networks or artifacts."),
]


def list_architectures(
    what: ListedArgument = "networks", artifacts: options.ArtifactsOption = None, debug: options.DebugOption = False
) -> None:
    """List the networks, or the artifacts with what they require.

    Networks: layers, parameters, FLOPs per image, and the accuracy that the notebook reports. Artifacts: size, operator
    set or operator versions, and the oldest version of a runtime in which they were checked.
    """
    from mnist_deploy.architectures import ARCHITECTURES
    from mnist_deploy.errors import ArtifactError, unknown
    from mnist_deploy.reports import layout, requirements, tables

    if what not in choices.listings():
        raise unknown("listing", what, choices.listings())
    console = layout.console()
    if what == "networks":
        console.print(tables.architectures(list(ARCHITECTURES.values())))
        return
    store = meaning.store(artifacts)
    records = store.manifest().artifacts
    if not records:
        raise ArtifactError(f"{store.root}: no artifacts yet; run: mnist-deploy export")
    console.print(*requirements.artifacts(records))


def report(
    results: options.ResultsArgument = None,
    format: options.ReportFormatOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="PATH",
            parser=place("--output"),
            help="Output file; - is stdout. [default: report.html or report.svg, stdout for other formats]",
        ),
    ] = None,
    architecture: options.ArchitectureOption = None,
    data: options.DataOption = None,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Write a report as HTML, Markdown, CSV, JSON or SVG.

    Parity and training rows come from the newest results of the same models. In GitHub Actions, Markdown is also added
    to the summary of the step.
    """
    from mnist_deploy import files
    from mnist_deploy.pipeline.gathering import gather
    from mnist_deploy.reports import formats, report, summary

    chosen, names = formats.chosen(format, output), meaning.networks(architecture)
    gathered = gather(meaning.store(artifacts), results)
    text = chosen.text(report.build(gathered, names, data, pictures=chosen.pictures))
    if output is None and chosen.to_file:
        output = Path(f"report{chosen.suffixes[0]}")
    if output is None or output == STDOUT:
        # Bytes: a document is UTF-8 with its own line ends, whatever the terminal is.
        typer.echo(text.encode(), nl=False)
    else:
        files.write_output("--output", output, text)
        typer.echo(f"Report: {output}")
    if chosen.name == formats.MARKDOWN:
        summary.append_to_step_summary(text)


def schema(
    output: options.FileOutputOption = None,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Print the JSON Schema of results files."""
    import json

    from mnist_deploy import files, results

    text = json.dumps(results.json_schema(), indent=2) + "\n"
    if output is None or output == STDOUT:
        typer.echo(text, nl=False)
    else:
        files.write_output("--output", output, text)
