"""The command that decides between two results: compare."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_deploy.cli import effort, meaning, options, quantities
from mnist_deploy.cli.measure import BatchOption, ThreadsOption
from mnist_deploy.cli.places import STDOUT, place

if TYPE_CHECKING:
    from mnist_deploy.decisions.change_records import Changes


class ReportFormat(StrEnum):
    """How a comparison is told."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def compare(
    base: Annotated[
        Path,
        typer.Argument(metavar="BASE", parser=place("BASE"), help="Results from before: a file, or a folder with one."),
    ],
    head: Annotated[
        Path, typer.Argument(metavar="HEAD", parser=place("HEAD"), help="Results of the change, likewise.")
    ],
    max_regression: Annotated[
        str, typer.Option(metavar="SHARE", help="How much longer a call may take: 5% or 0.05.")
    ] = "5%",
    interleave: Annotated[
        bool,
        typer.Option("--interleave", help="BASE and HEAD are artifacts folders: measure both now, in turn."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Compare even different machines, data or models, or a measurement with itself."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a cell is undecided, too.")] = False,
    format: Annotated[ReportFormat, typer.Option("--format", help="What to print.")] = ReportFormat.TABLE,
    output: options.FileOutputOption = None,
    architecture: Annotated[
        list[str] | None,
        typer.Option("--architecture", metavar="NAME", help="With --interleave: networks; repeatable."),
    ] = None,
    artifact_format: Annotated[
        list[str] | None,
        typer.Option("--artifact-format", metavar="FORMAT", help="As --format of bench; repeatable."),
    ] = None,
    runtime: options.RuntimeOption = None,
    precision: options.PrecisionOption = None,
    variant: options.VariantOption = None,
    device: options.DeviceOption = None,
    batch_size: BatchOption = None,
    threads: ThreadsOption = None,
    rigorous: Annotated[
        bool, typer.Option("--rigorous", help="Up to 10 passes where 5 leave cells undecided.")
    ] = False,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Most time to measure in: 90, 90s, 5m or none. [default: none]"),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="DIR",
            parser=place("--record", folder=True),
            help="Where --interleave saves what it measured. [default: comparison]",
        ),
    ] = None,
    quick: options.QuickOption = False,
    data: options.DataOption = None,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Compare results cell by cell, for CI; exit 1 if one is slower beyond noise and by more than is allowed.

    Different machines, data or models are refused, and a measurement against itself. With --interleave two folders of
    artifacts are measured side by side, which holds on a shared machine too; the options from --architecture on choose
    what and how.
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
