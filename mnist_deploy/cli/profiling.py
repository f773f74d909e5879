"""The command that tells where the time goes: profile."""

from typing import Annotated

import typer

from mnist_deploy.cli import options


def profile(
    names: options.NamesArgument = None,
    format: options.ArtifactFormatOption = None,
    precision: options.PrecisionOption = None,
    runtime: options.RuntimeOption = None,
    batch_size: Annotated[
        list[int] | None, typer.Option("--batch-size", min=1, help="Images a call; repeatable. [default: 1]")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option("--threads", min=1, help="Threads; repeatable. [default: 1]")
    ] = None,
    data: options.DataOption = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Show the time of each operator, and what makes int8 slower or faster than float32; by default these two."""
    from mnist_deploy import environment
    from mnist_deploy.benchmark import schedule
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import profiling
    from mnist_deploy.reports import layout, profiles
    from mnist_deploy.results import SkipKind

    # 'all' means all that can be profiled here, not an error for each that cannot.
    wanted = None if runtime and "all" in runtime else runtime
    selection = options.selection(names, format, precision or profiling.DEFAULT_PRECISIONS, wanted, None)
    profiling.runtimes(selection.runtimes)
    cores, progress = environment.usable_cores(), options.progress()
    if any(count > cores for count in threads or []):
        progress.log(f"--threads: capped to {cores}, which is what affinity and cgroup leave to this process")
    uses = schedule.uses(batch_size or [1], threads or [1], cores)
    found = profiling.profile(options.store(artifacts), options.dataset(data), selection, uses, progress)
    if json:
        typer.echo(profiles.as_json(found))
    else:
        layout.console().print(profiles.everything(found))
    failed = [skip for skip in found.skips if skip.kind is SkipKind.FAILED]
    if failed:
        raise FailedCheckError(f"{len(failed)} artifacts could not be profiled; the first: {failed[0].reason}")
