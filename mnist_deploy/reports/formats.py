"""The formats of a report: each a name, the ending of its files, and the function that writes it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from mnist_deploy.errors import UsageError, unknown

if TYPE_CHECKING:
    from mnist_deploy.reports.report import Report

DEFAULT, MARKDOWN = "html", "markdown"


@dataclass(frozen=True)
class Format:
    """One way to write a report.

    Attributes:
        name: what --format takes.
        suffixes: the endings that mean this format, the usual one first; none if a file's ending cannot tell.
        text: returns the whole file.
        to_file: whether it goes to a file rather than to stdout if nothing is said.
        pictures: whether it shows images of the data.
    """

    name: str
    suffixes: tuple[str, ...]
    text: "Callable[[Report], str]"
    to_file: bool = False
    pictures: bool = False


# Imported when asked for: what one format needs, another must not wait for, nor lack.
def _html(report: "Report") -> str:
    from mnist_deploy.reports.html import page

    return page(report)


def _markdown(report: "Report") -> str:
    from mnist_deploy.reports.markdown import page

    return page(report)


def _csv(report: "Report") -> str:
    from mnist_deploy.reports.sheet import sheet

    return sheet(report.gathered.results)


def _json(report: "Report") -> str:
    return report.gathered.results.text()


def _pytest_benchmark(report: "Report") -> str:
    from mnist_deploy.reports.pytest_json import document

    return document(report)


def _svg(report: "Report") -> str:
    from mnist_deploy.reports import picture

    return picture.picture(report.gathered.results)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format(DEFAULT, (".html", ".htm"), _html, to_file=True, pictures=True),
        Format(MARKDOWN, (".md", ".markdown"), _markdown),
        Format("csv", (".csv",), _csv),
        Format("json", (".json",), _json),
        Format("pytest-benchmark", (), _pytest_benchmark),
        Format("svg", (".svg",), _svg, to_file=True),
    )
}


def chosen(name: str | None, output: PurePath | None) -> Format:
    """Return the format of that name; without one the format that the ending of `output` means, else HTML.

    Raises:
        UsageError: there is no such format, or the ending means none.
    """
    if name is not None:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
        return FORMATS[name]
    if output is None or output == PurePath("-"):
        return FORMATS[DEFAULT]
    by_suffix = {suffix: one for one in FORMATS.values() for suffix in one.suffixes}
    if output.suffix.lower() not in by_suffix:
        raise UsageError(f"--output {output}: its ending tells no format; end it in {', '.join(by_suffix)} or --format")
    return by_suffix[output.suffix.lower()]
