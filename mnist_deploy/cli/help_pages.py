"""Layout of `--help`: commands and options in groups, examples at the end.

Typer shows `rich_help_panel` only in its Rich mode, which imports Rich and draws boxes even into a pipe. These classes
show the same parameter as plain headings, by overriding the methods that click provides for this.
"""

import textwrap
from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

SELECTION, CHECKS, MEASUREMENT, DURATION = "Selection", "Checks", "Measurement", "Duration"
OPTIONS, OTHER_OPTIONS = "Options", "Other options"
# So many options, beside --help, still read as one list.
MAX_UNGROUPED = 10
# Longer names stand on a line of their own, so that the texts keep 50 of 80 columns.
NAME_COLUMNS = 24


class GroupedCommand(TyperCommand):
    """A command whose help shows its options in groups, and the lines of its epilog as examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what follows the command in its usage; Typer would put further brackets around the metavars."""
        return [self.options_metavar or "", *map(argument_name, arguments(self.get_params(ctx)))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then each group of options."""
        params = self.get_params(ctx)
        # Of arguments Typer would show the type too, e.g. `[NAME]... <list[str]>`.
        sections = {"Arguments": [(argument_name(one), one.get_help_record(ctx)[1]) for one in arguments(params)]}
        for title, group in option_groups(options(params)).items():
            sections[title] = [option.get_help_record(ctx) for option in group]
        _write(formatter, sections)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples as they are: a command that is broken over two lines cannot be copied."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in self.epilog.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class GroupedCommands(TyperGroup):
    """A program whose help shows its commands in groups, a whole line each, before its own options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the program's options."""
        self.format_commands(ctx, formatter)
        _write(formatter, {OPTIONS: [option.get_help_record(ctx) for option in options(self.get_params(ctx))]})

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each command with the first sentence of its help; on a narrow terminal it is broken, never cut."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            text = command.get_short_help_str(limit=1000).removesuffix(".")
            sections.setdefault(command.rich_help_panel, []).append((name, text))
        _write(formatter, sections)


def arguments(params: Iterable[Any]) -> list[Any]:
    """Return those of a command's parameters that are arguments."""
    return [param for param in params if param.param_type_name == "argument"]


def options(params: Iterable[Any]) -> list[Any]:
    """Return those of a command's parameters that are options and not hidden."""
    return [param for param in params if param.param_type_name == "option" and not param.hidden]


def argument_name(param: Any) -> str:
    """Return an argument as usage and reference show it, e.g. `[NAME]...`."""
    return str(param.metavar or param.name.upper())


def option_groups(options: list[Any]) -> dict[str, list[Any]]:
    """Return a command's options by the heading of their group; up to `MAX_UNGROUPED` are a single group.

    Groups come in the order of their first option, those without a group last.
    """
    if sum(option.name != "help" for option in options) <= MAX_UNGROUPED:
        return {OPTIONS: options}
    groups: dict[str, list[Any]] = {}
    for option in options:
        groups.setdefault(option.rich_help_panel or OTHER_OPTIONS, []).append(option)
    groups[OTHER_OPTIONS] = groups.pop(OTHER_OPTIONS)
    return groups


def _write(formatter: Any, sections: dict[str, list[tuple[str, str]]]) -> None:
    """Write sections of names with their texts, which begin in the same column throughout."""
    lengths = [len(name) for rows in sections.values() for name, _ in rows]
    width = max((length for length in lengths if length <= NAME_COLUMNS), default=0)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), _wrapped(text, formatter.width - width - 4)) for name, text in rows],
                    col_max=width,
                )


def _wrapped(text: str, columns: int) -> str:
    """Return a text in lines that click leaves as they are: its own would break `onnxruntime-exact` at the hyphen."""
    lines = textwrap.wrap(" ".join(text.split()), max(columns, 20), break_on_hyphens=False, break_long_words=False)
    return "\n".join(["\b", *lines])
