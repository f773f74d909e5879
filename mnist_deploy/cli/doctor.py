"""The command that tells what works on this machine: doctor."""

from typing import Annotated

import typer

from mnist_deploy.cli import options


def doctor(
    runtime: options.RuntimeOption = None,
    device: options.DeviceOption = None,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long an import or a run may take: 90, 90s, 5m or none. [default: 60s]"),
    ] = None,
    json: options.JsonOption = False,
    artifacts: options.ArtifactsOption = None,
    debug: options.DebugOption = False,
) -> None:
    """Start every runtime, and tell what works on this machine, what doesn't, and the command that mends it.

    Each library is imported in a process of its own and, where artifacts are, runs one image. Exit code 1 only if no
    runtime is ready; what is missing beside one that works is no error.
    """
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.pipeline import doctoring
    from mnist_deploy.reports import layout
    from mnist_deploy.reports.doctor import doctor as tables

    limit_s = doctoring.LIMIT_S if time_limit is None else options.duration_s("--time-limit", time_limit)
    selection = options.selection(None, None, None, runtime, device)
    found = doctoring.diagnose(
        options.store(artifacts),
        options.progress(),
        runtimes=selection.runtimes,
        devices=selection.devices,
        limit_s=limit_s,
    )
    if json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        # A command that is longer than a line must not be cut off.
        layout.console().print(tables(found), crop=False)
    if not found.ready:
        raise FailedCheckError("no runtime is ready; what mends it is said above")
