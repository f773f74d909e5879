"""The Typer application and its commands' groups."""

from collections.abc import Callable
from typing import Annotated

import typer

from mnist_deploy import resource_limits
from mnist_deploy.cli import compare, decide, deploy, examine, examples, inform, make, measure
from mnist_deploy.cli.help_pages import GroupedCommand, GroupedCommands
from mnist_deploy.cli.options import ArtifactsOption, DebugOption

app = typer.Typer(
    name="mnist-deploy",
    cls=GroupedCommands,
    help="Train six MNIST networks, export them to every format, check that the exports give the same answers, measure "
    "them in every runtime, and choose what to deploy.\n\nmnist-deploy COMMAND --help shows the options and examples "
    "of a command.",
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


# By purpose, in the order of use: what `--help` and the README list.
GROUPS: dict[str, dict[str, Callable[..., None]]] = {
    "Start here": {"run": measure.run, "doctor": examine.doctor},
    "Make": {"train": make.train, "train-all": make.train_all, "export": make.export},
    "Check": {"verify": measure.verify, "diagnose": examine.diagnose},
    "Measure": {"bench": measure.bench, "profile": examine.profile},
    "Decide": {"recommend": decide.recommend, "compare": compare.compare, "report": inform.report},
    "Deploy": {"package": deploy.package, "predict": deploy.predict},
    "Inspect": {"list": inform.list_architectures, "schema": inform.schema},
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
for title, group in GROUPS.items():
    for name, command in group.items():
        app.command(name=name, cls=GroupedCommand, rich_help_panel=title, epilog=examples.epilog(name))(command)
