"""Every text of every record is hostile, and stays a text in each format of a report."""

import csv
import io
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from pydantic import BaseModel

from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.deployment import rendering
from mnist_deploy.pipeline.gathering import Gathered
from mnist_deploy.reports import html, markdown, sheet
from mnist_deploy.reports.report import Report
from mnist_deploy.results import Results
from tests.records import DEPLOYMENT, RECORDS

TEXT = "</script><script>alert(1)</script>\"'&|\n](javascript:x)<img src=x onerror=alert(1)>"


def infected(one: Any, text: str = TEXT) -> Any:
    """A record of the same shape, each text of which, names of fields in dictionaries too, begins with another."""
    if isinstance(one, BaseModel):
        return one.model_copy(update={name: infected(getattr(one, name), text) for name in type(one).model_fields})
    if isinstance(one, dict):
        return {infected(name, text): infected(value, text) for name, value in one.items()}
    if isinstance(one, list | tuple):
        return type(one)(infected(value, text) for value in one)
    return text + one if isinstance(one, str) and not isinstance(one, Enum) else one


@pytest.fixture(scope="module")
def report() -> Report:
    results: Results = infected(RECORDS)
    return Report(Gathered(results, [Path("fixed.json")], None), recommend(results, Wishes()), None)


class Seen(HTMLParser):
    """The elements of a page, and its attributes that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts, self.images, self.handlers, self.links = 0, 0, [], []  # type: ignore[var-annotated]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script" and ("type", "application/json") not in attrs
        self.images += tag == "img"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value for name, value in attrs if name in {"href", "src"}]


def test_html(report: Report) -> None:
    page = html.page(report)
    seen = Seen()
    seen.feed(page)
    assert (seen.scripts, seen.images, seen.handlers) == (3, 0, [])
    assert all(link.startswith(("#", "data:")) for link in seen.links)
    assert "<script>alert" not in page and "alert(1)" in page


def test_markdown(report: Report) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown.page(report))
    links = [child for token in tokens for child in token.children or [] if child.type in {"link_open", "image"}]
    assert not links
    columns = 0
    for token in tokens:
        assert "<script" not in token.content or token.type == "inline"
        assert token.type != "html_block" or "alert" not in token.content
        assert not any(child.type == "html_inline" for child in token.children or [])
        columns += token.type == "th_open"
    assert columns


def test_card() -> None:
    named = {name: getattr(DEPLOYMENT, name) for name in ("architecture", "format", "runtime")}  # of what is known here
    card = rendering.card(infected(DEPLOYMENT).model_copy(update=named))
    tokens = MarkdownIt("commonmark").enable("table").parse(card)
    children = [child for token in tokens for child in token.children or []]
    assert not [token for token in tokens if token.type == "html_block"]
    assert not [one for one in children if one.type == "html_inline"]
    assert not [one for one in children if one.type == "link_open" and "javascript" in str(one.attrGet("href"))]


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t"])
def test_no_cell_of_a_sheet_is_a_formula(begins: str) -> None:
    rows = list(csv.DictReader(io.StringIO(sheet.sheet(infected(RECORDS, f"{begins}cmd|' /C calc'!A0")), newline="")))
    cells = [cell for row in rows for cell in row.values() if "calc" in cell]
    assert len(rows) >= len(RECORDS.measurements) and cells
    assert all(cell.startswith(f"'{begins}") for cell in cells)
