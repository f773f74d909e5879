import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mnist_deploy.progress import Board, Standing
from mnist_deploy.reports.board import MAX_ROWS, standings
from mnist_deploy.reports.progress import BarProgress, LineProgress, Remaining
from mnist_deploy.reports.units import seconds

GROUPS = [f"mlp-relu-{size}, batch {batch}, 1 thread" for size in (128, 256) for batch in (1, 256)]


def board(groups: int = 2, members: int = 3, **changes: object) -> Board:
    found = tuple(
        Standing(GROUPS[group], f"tflite int8 in runtime-{place}", (group * 10 + place + 1) * 1e-6)
        for group in range(groups)
        for place in range(members)
    )
    plain: dict[str, object] = {
        "cells": 14, "passes": 5, "passes_done": 1, "bursts": 42, "disturbed": 3,
        "standings": found,
    }  # fmt: skip
    return Board(**(plain | changes))  # type: ignore[arg-type]


def lines(shown: Board, width: int, height: int) -> list[str]:
    return [one.plain for one in standings(shown, width, height)]


def test_a_wide_terminal_has_each_group_in_one_column() -> None:
    assert lines(board(members=2), 100, 24) == [
        "Fastest so far, after pass 1 of 5: 14 cells, 3 of 42 bursts disturbed",
        "mlp-relu-128, batch 1, 1 thread    tflite int8 in runtime-0  1.00 us",
        "                                   tflite int8 in runtime-1  2.00 us",
        "mlp-relu-128, batch 256, 1 thread  tflite int8 in runtime-0  11.0 us",
        "                                   tflite int8 in runtime-1  12.0 us",
    ]


def test_a_narrow_one_has_the_groups_names_above() -> None:
    assert lines(board(members=1), 60, 24) == [
        "after pass 1 of 5: 14 cells, 3 of 42 bursts disturbed",
        "mlp-relu-128, batch 1, 1 thread",
        "  tflite int8 in runtime-0  1.00 us",
        "mlp-relu-128, batch 256, 1 thread",
        "  tflite int8 in runtime-0  11.0 us",
    ]


def test_a_low_one_has_fewer_of_each_group_and_the_lowest_none() -> None:
    assert len(lines(board(groups=4, members=3), 100, 9)) == 1 + 4 * 2
    assert len(lines(board(groups=4, members=3), 100, 4)) == 1, "not the fastest of some networks alone"
    assert lines(board(), 100, 0) == [] and lines(board(standings=()), 100, 9)[1:] == []


@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 120), st.integers(-2, 60))
def test_it_fits_and_cuts_nothing(groups: int, members: int, width: int, height: int) -> None:
    shown = lines(board(groups, members), width, height)
    assert len(shown) <= min(MAX_ROWS + 1, max(0, height)) and all(len(one) <= width for one in shown)
    whole = tuple(f"{one.label} {seconds(one.quiet_s)}" for one in board(groups, members).standings)
    rows = [" ".join(one.split()) for one in shown if "pass" not in one and one not in GROUPS]
    assert all(one.endswith(whole) for one in rows)


def drawn(kind: type[BarProgress | LineProgress], width: int = 80) -> str:
    stream = io.StringIO()
    progress = kind(Console(file=stream, width=width, height=24, force_terminal=kind is BarProgress))
    progress.start("bench", 1570)
    for done in range(5):
        progress.advance("mlp-relu-128 tflite int8 in litert on cpu, batch 256, 2 threads")
        progress.expect(61.4)
        progress.show(board(passes_done=done))
    progress.finish()
    return stream.getvalue()


def test_a_log_has_a_line_a_pass() -> None:
    shown = drawn(LineProgress).splitlines()
    assert [one for one in shown if "pass" in one] == [
        f"bench pass {done} of 5 done: 3 of 42 bursts disturbed so far" for done in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_bar_keeps_its_figures_on_narrow_terminals(width: int) -> None:
    shown = drawn(BarProgress, width)
    assert "4/1570" in shown and "1:01 min" in shown and "…" not in shown


def test_each_table_takes_the_place_of_the_one_before() -> None:
    shown = drawn(BarProgress)
    height = len(lines(board(), 80, 22))
    # As many lines are erased as were drawn: the table's of each of four shows after the first, and at the end.
    assert shown.count("\x1b[1A\x1b[2K") == 5 * height


def test_time_left_is_what_was_told_else_what_the_steps_took(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    left = Remaining(10)
    assert str(left) == ""
    left.done, now = 2, 104.0
    assert str(left) == "16 s"
    left.told(3700)
    assert str(left) == "1:01 h"
    now = 104.0 + 3700 - 65
    assert str(left) == "1:05 min"
    now = 1e6
    assert str(left) == "0 s"
    left.told(None)
    assert str(left) != "0 s"
