"""The reference of the command line in markdown, read from the commands themselves.

    python -m mnist_deploy.cli.reference [--write README.md]

Typer has a generator of its own (`typer utils docs`). It repeats the options that every command takes below each of
them, and what it prints of types changes between versions of Typer; so this one reads no more than names and help.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mnist_deploy import files
from mnist_deploy.errors import UsageError

BEGIN, END = "<!-- cli: begin -->", "<!-- cli: end -->"
PROGRAM = "mnist-deploy"
# So that the diff's reader knows what to do.
REMEDY = "python -m mnist_deploy.cli.reference --write README.md"
_DEFAULT = re.compile(r"\s*\[default: (?P<value>[^\]]*)\]")


def section() -> str:
    """Return each command with its usage, its purpose and its own options, then the options that all commands take."""
    from typer.main import get_command

    from mnist_deploy.cli.app import app

    group: Any = get_command(app)
    commands: dict[str, Any] = group.commands
    common = set.intersection(*({one.name for one in _options(command)} for command in commands.values()))
    parts = [f"<!-- made by: {REMEDY} -->", ""]
    for name, command in commands.items():
        parts += _command(name, command, [one for one in _options(command) if one.name not in common])
    shared = [one for one in _options(commands["run"]) if one.name in common]
    parts += ["### Options of every command", "", *_table((f"`{_option(one)}`", one) for one in shared)]
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


def _command(name: str, command: Any, options: list[Any]) -> Iterator[str]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    words = [one.metavar or one.name.upper() for one in arguments]
    words += [_option(one) for one in options if one.required]
    if any(not one.required for one in options):
        words.append("[OPTIONS]")
    yield f"### `{' '.join([PROGRAM, name, *words])}`"
    yield ""
    yield _text((command.help or "").split("\n\n")[0])
    yield ""
    rows = [(f"`{one.metavar or one.name.upper()}`", one) for one in arguments]
    rows += [(f"`{_option(one)}`", one) for one in options]
    if rows:
        yield from _table(rows)
        yield ""


def _table(rows: Iterable[tuple[str, Any]]) -> Iterator[str]:
    yield "| option | what it is for | default |"
    yield "| --- | --- | --- |"
    for shown, one in rows:
        help, default = _help(one)
        yield f"| {shown} | {_text(help)} | {_text(default)} |"


def _options(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "option" and not one.hidden]


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
    more += f" Also by {one.envvar}." if one.envvar else ""
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
