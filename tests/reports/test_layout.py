"""Which columns a table shows, what is said of those that it does not, and that no name moves the others."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import RenderableType

from mnist_deploy.reports.layout import ReportConsole, row, table, titled


def shown(body: RenderableType, width: int = 100) -> list[str]:
    stream = io.StringIO()
    ReportConsole(file=stream, width=width, highlight=False, markup=False).print(body)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_a_column_that_says_nothing_in_any_row_is_left_out_and_the_reason_stands_below() -> None:
    body = table(("name", "of"), ("size", "speed-up", "memory"), ("", "note"))
    body.add_row(*row(("a", "x", "1 kB", "-", "-", "", "kept")))
    body.add_row(*row(("b", "", "2 kB", "-", "-", " ", "")))
    lines = shown(titled("Title", body, ["A note."], missing={"speed-up": "No speed-ups.", "size": "No sizes."}))
    assert lines[1].split() == ["name", "of", "size", "note"]
    assert [line.split() for line in lines[3:5]] == [["a", "x", "1", "kB", "kept"], ["b", "2", "kB"]]
    assert lines[5:7] == ["A note.", "No speed-ups."], "only of what is left out"


def test_a_table_without_rows_keeps_its_columns() -> None:
    assert shown(titled("Title", table(("name",), ("size",))))[1].split() == ["name", "size"]


# Wide, combining, half-wide, bidirectional, joined and picture characters, control characters, markup and long words.
ODD = [
    *("网络", "e\u0301\u0300", "ｱ", "한글", "\u202eevil\u202c", "👩\u200d👩\u200d👧", "❤\ufe0f", "🇩🇪"),
    *("\x1b[31mred", "\x9b1m", "\x07\x00", "a\tb", "a\nb\r\nc", "\u2028"),
    *("[red]x[/red]", "[/]", "\\[", "x" * 90, ""),
]
NAMES = st.lists(st.one_of(st.sampled_from(ODD), st.text(max_size=8)), min_size=1, max_size=4).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=5), st.sampled_from([40, 80, 100]))
def test_no_name_moves_a_column(names: list[str], width: int) -> None:
    body = table(("name",), ("figure", "other"))
    for number, name in enumerate(names):
        body.add_row(*row((name, f"{number}#", f"{number}$")))
    lines = shown(titled(names[0], body, names), width)
    # As the terminal sees it: no escape sequence, and as wide as rich thinks.
    assert all(line.isprintable() and cell_len(line) <= width for line in lines)
    for mark in "#$":
        ends = {
            cell_len(line[: line.index(cell) + len(cell)])
            for number in range(len(names))
            for cell in [f" {number}{mark}"]
            for line in lines
            if cell in line and line.endswith("$")
        }
        assert len(ends) == 1


@pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "网络", "🇩🇪", "e\u0301"])
def test_a_name_that_a_terminal_can_show_is_shown_to_the_letter(name: str) -> None:
    body = table(("name",), ("figure",))
    body.add_row(*row((name, "1")))
    assert name in shown(titled("", body))[3]
