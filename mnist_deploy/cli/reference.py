"""The reference of the command line in markdown, read from the commands themselves.

    python -m mnist_deploy.cli.reference [--write README.md]

Typer has a generator of its own (`typer utils docs`). It repeats the options that every command takes below each of
them, and what it prints of types changes between versions of Typer; so this one reads no more than names and help.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mnist_deploy import files
from mnist_deploy.cli.app import GROUPS
from mnist_deploy.cli.examples import EXAMPLES
from mnist_deploy.cli.help_pages import OPTIONS, argument_name, arguments, option_groups, options
from mnist_deploy.errors import UsageError

BEGIN, END = "<!-- cli: begin -->", "<!-- cli: end -->"
PROGRAM = "mnist-deploy"
# So that the diff's reader knows what to do.
REMEDY = "python -m mnist_deploy.cli.reference --write README.md"
_DEFAULT = re.compile(r"\s*\[default: (?P<value>[^\]]*)\]")


def section() -> str:
    """Return the commands by group, each with usage, help, its own options and examples, then the shared options."""
    from typer.main import get_command

    from mnist_deploy.cli.app import app

    program: Any = get_command(app)
    commands: dict[str, Any] = program.commands
    common = set.intersection(*({one.name for one in options(command.params)} for command in commands.values()))
    parts = [f"<!-- made by: {REMEDY} -->", ""]
    for title, group in GROUPS.items():
        parts += [f"### {title}", ""]
        for name in group:
            parts += _command(name, commands[name], common)
    shared = [one for one in options(commands["run"].params) if one.name in common]
    parts += ["### Options of every command", "", *_table({OPTIONS: [(f"`{_option(one)}`", one) for one in shared]})]
    return "\n".join(parts) + "\n"


def written(text: str) -> str:
    """Return `text` with the section between its two marks.

    Raises:
        UsageError: the marks are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UsageError(f"no {BEGIN} ... {END} in the file; put both where the section is to stand")
    return f"{before}{BEGIN}\n{section()}{END}{after}"


def _command(name: str, command: Any, common: set[str]) -> Iterator[str]:
    """Return a command's usage, help, arguments and options, without those that are `common` to all, and examples."""
    required = [_option(one) for one in options(command.params) if one.required]
    words = [PROGRAM, name, *map(argument_name, arguments(command.params)), *required]
    yield f"#### `{' '.join([*words, '[OPTIONS]'])}`"
    yield ""
    yield _text(command.help)
    yield ""
    sections = {OPTIONS: [(f"`{argument_name(one)}`", one) for one in arguments(command.params)]}
    for title, group in option_groups(options(command.params)).items():
        rows = [(f"`{_option(one)}`", one) for one in group if one.name not in common]
        sections[title] = sections.get(title, []) + rows
    if any(sections.values()):
        yield from _table(sections)
        yield ""
    yield f"Examples: {' and '.join(f'`{example}`' for example in EXAMPLES[name].values())}"
    yield ""


def _table(sections: Mapping[str, list[tuple[str, Any]]]) -> Iterator[str]:
    yield "| option | what it is for | default |"
    yield "| --- | --- | --- |"
    for title, rows in sections.items():
        if rows and title != OPTIONS:
            yield f"| **{title}** | | |"
        for shown, one in rows:
            help, default = _help(one)
            yield f"| {shown} | {_text(help)} | {_text(default)} |"


def _option(one: Any) -> str:
    return one.opts[0] if one.is_flag else f"{one.opts[0]} {one.metavar or one.name.upper()}"


def _help(one: Any) -> tuple[str, str]:
    """Return what an option is for, and its default: what the help says in brackets, or the value itself."""
    text = one.help or ""
    found = _DEFAULT.search(text)
    if found:
        default = found["value"]
    elif one.required or one.default is None or isinstance(one.default, bool):
        default = "required" if one.required else ""
    else:
        default = str(one.default)
    more = " Repeatable." if getattr(one, "multiple", False) and "repeatable" not in text else ""
    more += f" Environment variable: {one.envvar}." if one.envvar else ""
    return _DEFAULT.sub("", text) + more, default


def _text(text: str | None) -> str:
    """Return a text on one line, to the letter within a table."""
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")


def main(arguments: list[str]) -> None:
    """Print the section, or put it into the file that follows --write."""
    if arguments[:1] == ["--write"] and len(arguments) == 2:
        path = Path(arguments[1])
        files.write_text(path, written(path.read_text(encoding="utf-8")))
    elif not arguments:
        print(section(), end="")
    else:
        sys.exit(f"use: {REMEDY.replace(' --write README.md', ' [--write README.md]')}")


if __name__ == "__main__":
    main(sys.argv[1:])
