"""A number that is cut off is a wrong number, so every table shows all of them on every terminal."""

import io
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.reports import tables
from mnist_deploy.reports.doctor import doctor
from mnist_deploy.reports.layout import row, table
from tests.records import CHECKS, DIAGNOSIS, NOISY, RECORDS

PAGES: dict[str, RenderableType] = {
    "run": tables.everything(RECORDS),
    "noisy": tables.everything(RECORDS.model_copy(update={"noise": NOISY, "checks": CHECKS, "quick": True})),
    "list": tables.architectures(list(ARCHITECTURES.values())),
    "doctor": doctor(DIAGNOSIS),
}


def text(page: RenderableType, width: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, highlight=False, markup=False).print(page)
    return stream.getvalue()


def numbers(shown: str) -> Counter[str]:
    return Counter(re.findall(r"\S*\d\S*", shown))


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("page", [name for name in PAGES if name != "doctor"])
def test_every_number_is_whole_at_every_width(page: str, width: int) -> None:
    wide, shown = text(PAGES[page], 200), text(PAGES[page], width)
    # Where cells are named, a column's '1st call' is said once a row.
    assert not numbers(wide) - numbers(shown), "cut or lost"
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown and "\x1b" not in shown


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_doctor_loses_nothing_either(width: int) -> None:
    assert not numbers(text(PAGES["doctor"], 200)) - numbers(text(PAGES["doctor"], width))


@pytest.mark.parametrize("width", [40, 60])
def test_speed_on_narrow_terminals(width: int, snapshot: SnapshotAssertion) -> None:
    empty = {"training": [], "parity": [], "noise": None, "runtimes": [], "roofs": []}
    rows = RECORDS.measurements[:4]
    assert text(tables.everything(RECORDS.model_copy(update={"measurements": rows} | empty)), width) == snapshot


WORDS = st.lists(st.text("abcxyz", min_size=1, max_size=12), min_size=1, max_size=4).map(" ".join)
FIGURES = st.floats(0, 1e9, allow_nan=False).map(lambda one: f"{one:,.2f} us")
ROWS = st.lists(st.tuples(WORDS, WORDS, FIGURES, FIGURES, FIGURES, WORDS), min_size=1, max_size=4)


@given(ROWS, st.integers(30, 140))
def test_any_table_holds_its_words_whole_and_in_the_width(rows: list[tuple[str, ...]], width: int) -> None:
    body = table(("one", "two"), ("three", "four", "five"), ("six",))
    for one in rows:
        body.add_row(*row(one))
    shown = text(body, width)
    assert max(map(len, shown.splitlines())) <= width
    assert not Counter(" ".join(" ".join(one) for one in rows).split()) - Counter(shown.replace(":", " ").split())


def test_a_table_may_be_drawn_wide_after_it_was_drawn_narrow() -> None:
    body = table(("name",), ("figure",))
    body.add_row(*row(("a name of several words", "12.5 us")))
    wide = text(body, 80)
    assert text(body, 20) != wide
    assert text(body, 80) == wide
