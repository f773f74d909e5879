"""The command that decides between two results: compare."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_deploy.cli import effort, meaning, options, quantities
from mnist_deploy.cli.help_pages import DURATION, SELECTION
from mnist_deploy.cli.places import STDOUT, place

if TYPE_CHECKING:
    from mnist_deploy.decisions.change_records import Changes

VERDICT, INTERLEAVED = "Verdict", "Interleaved measurement"


class ReportFormat(StrEnum):
    """Output formats of a comparison."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def compare(
    base: Annotated[
        Path,
        typer.Argument(
            metavar="BASE", parser=place("BASE"), help="Results before the change: a file, or a folder with one."
        ),
    ],
    head: Annotated[
        Path,
        typer.Argument(
            metavar="HEAD", parser=place("HEAD"), help="Results after the change: a file, or a folder with one."
        ),
    ],
    max_regression: Annotated[
        str,
        typer.Option(metavar="SHARE", rich_help_panel=VERDICT, help="Maximum allowed slowdown of a call: 5% or 0.05."),
    ] = "5%",
    interleave: Annotated[
        bool,
        typer.Option(
            "--interleave",
            rich_help_panel=INTERLEAVED,
            help="Measure now, in turn: BASE and HEAD are folders of artifacts.",
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            rich_help_panel=VERDICT,
            help="Compare even if machines, data or models differ, or a measurement with itself.",
        ),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", rich_help_panel=VERDICT, help="Also exit 1 if a measurement is undecided.")
    ] = False,
    format: Annotated[
        ReportFormat, typer.Option("--format", metavar="FORMAT", help="Output format: table, markdown or json.")
    ] = ReportFormat.TABLE,
    output: options.FileOutputOption = None,
    architecture: Annotated[
        list[str] | None,
        typer.Option(
            "--architecture", metavar="NAME", rich_help_panel=SELECTION, help="Network; repeatable. [default: all]"
        ),
    ] = None,
    artifact_format: Annotated[
        list[str] | None,
        typer.Option(
            "--artifact-format",
            metavar="FORMAT",
            rich_help_panel=SELECTION,
            help=f"{options.FORMATS_HELP} or all; repeatable. [default: all]",
        ),
    ] = None,
    runtime: options.RuntimeOption = None,
    precision: options.PrecisionOption = None,
    variant: options.VariantOption = None,
    device: options.DeviceOption = None,
    batch_size: options.BatchOption = None,
    threads: options.ThreadsOption = None,
    quick: options.QuickOption = False,
    rigorous: options.RigorousOption = False,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            rich_help_panel=DURATION,
            help="Maximum measuring time: 90, 90s, 5m or none. [default: none]",
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="DIR",
            parser=place("--record", folder=True),
            rich_help_panel=INTERLEAVED,
            help="Folder for the measurements. [default: comparison]",
        ),
    ] = None,
    data: options.DataOption = None,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Compare two results measurement by measurement, for CI.

    Exit 1 if one is slower by more than noise and more than --max-regression allows. Different machines, data or models
    are refused, and a measurement against itself. With --interleave both sides are measured now and in turn, which is
    reliable on a shared machine too; --data and the options on selection, measurement and duration need it.
    """
    from mnist_deploy.decisions.changes import compare as judge
    from mnist_deploy.pipeline import comparing

    limit = quantities.allowance("--max-regression", max_regression)
    if not interleave:
        given = {
            "--architecture": architecture, "--artifact-format": artifact_format, "--runtime": runtime,
            "--precision": precision, "--variant": variant, "--device": device, "--batch-size": batch_size,
            "--threads": threads, "--rigorous": rigorous, "--time-limit": time_limit, "--quick": quick, "--data": data,
            "--record": record,
        }  # fmt: skip
        effort.only_with("--interleave", given)
        names = (str(base), str(head))
        found = judge(comparing.read(base), comparing.read(head), names, max_regression=limit, force=force)
    else:
        from mnist_deploy import environment
        from mnist_deploy.benchmark import schedule
        from mnist_deploy.pipeline import interleaving

        selection = meaning.selection(architecture, artifact_format, precision, runtime, device, variant)
        plan = effort.plan(quick=quick, rigorous=rigorous, time_limit=time_limit, interleaved=True)
        cores, progress, record = environment.usable_cores(), meaning.progress(), record or Path("comparison")
        meaning.say_capped(threads, cores, progress)
        found = interleaving.interleave(
            (base, head),
            meaning.dataset(data), selection, schedule.uses(batch_size, threads, cores), plan, record, progress,
            max_regression=limit, force=force,
        )  # fmt: skip
        typer.echo(f"Measurements: {record}", err=True)
    _tell(found, format, None if output == STDOUT else output)
    _require_no_regression(found, strict=strict)


def _tell(found: "Changes", format: ReportFormat, output: Path | None) -> None:
    from mnist_deploy import files
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.changes import changes
    from mnist_deploy.reports.changes_markdown import markdown
    from mnist_deploy.reports.summary import append_to_step_summary

    if format is ReportFormat.MARKDOWN:
        text = markdown(found)
    elif format is ReportFormat.JSON:
        text = found.model_dump_json(indent=1) + "\n"
    else:
        text = layout.plain(changes(found)) if output else ""
    if output is not None:
        files.write_output("--output", output, text)
    elif text:
        typer.echo(text, nl=False)
    else:
        layout.console().print(changes(found))
    append_to_step_summary(markdown(found))


def _require_no_regression(found: "Changes", *, strict: bool) -> None:
    from mnist_deploy.decisions.change_records import Outcome
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.reports.changes import headline

    undecided = found.having(Outcome.UNDECIDED)
    if found.having(Outcome.REGRESSION) or found.broken or (strict and undecided):
        raise FailedCheckError(
            headline(found) + ("; --strict allows no undecided cell" if strict and undecided else "")
        )
    if not found.decided:
        why = f": {found.undecided}" if found.undecided else ""
        typer.echo(f"warning: {headline(found)}{why}", err=True)
