"""The Typer application and its commands' groups."""

from typing import Annotated

import typer

from mnist_deploy import resource_limits
from mnist_deploy.cli import compare, decide, deploy, examine, inform, make, measure
from mnist_deploy.cli.options import ArtifactsOption, DebugOption

app = typer.Typer(
    name="mnist-deploy",
    help="Train six MNIST networks, export them to every format, prove that the exports still give the same answers, "
    "measure them in every runtime, see what each choice costs, and choose what to deploy.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from mnist_deploy import __version__

        typer.echo(f"mnist-deploy {__version__}")
        raise typer.Exit


@app.callback()
def options(
    artifacts: ArtifactsOption = None,
    debug: DebugOption = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command; each command takes them too."""
    resource_limits.require()


COMMANDS = {
    {"list_architectures": "list"}.get(command.__name__, command.__name__.replace("_", "-")): command
    for command in (
        measure.run,
        make.train_all,
        make.train,
        make.export,
        measure.verify,
        measure.bench,
        decide.recommend,
        compare.compare,
        examine.diagnose,
        examine.profile,
        inform.report,
        deploy.package,
        deploy.predict,
        inform.list_architectures,
        examine.doctor,
        inform.schema,
    )
}
for name, command in COMMANDS.items():
    app.command(name=name)(command)
