"""What the tables of speed say agrees with the times in them."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnist_deploy.pipeline import figures
from mnist_deploy.pipeline.figures import Baseline
from mnist_deploy.reports import tables
from mnist_deploy.reports.layout import plain
from mnist_deploy.results import Measurement, Results
from tests.records import NOISY, QUIET, RECORDS, measurement

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
# The first four figures of a line: rank and word, then quiet p50, its interval, and the speed-up.
LINE = re.compile(r"^(\d+) +(fastest|tie|undecided|slower) .*? ([\d.]+) (ns|us|ms|s)\*? +\S+ +(-|~?[\d.,]+x) ")


def judged(passes: list[list[float]]) -> Results:
    """Results of one quiet run, of a baseline and others, with these times in each pass."""
    rows = [
        measurement(
            "mlp-relu-128", "onnx", "float32", "keras-predict" if number == 0 else f"runtime-{number}",
            sorted(times)[len(times) // 2], pass_quiet_s=times, passes=len(times),
        )
        for number, times in enumerate(passes)
    ]  # fmt: skip
    return alone(figures.compare(rows, QUIET, Baseline("keras-predict"), 0.05))


def alone(rows: list[Measurement], **changes: object) -> Results:
    nothing: dict[str, object] = {"training": [], "parity": [], "skips": [], "runtimes": []}
    return RECORDS.model_copy(update=nothing | {"measurements": rows, "noise": QUIET} | changes)


def table(shown: str, title: str = "mlp-relu-128: batch 1, 1 thread") -> list[str]:
    """The lines of one table, with those below it."""
    return shown[shown.index(title) :].split("\n\n")[0].splitlines()


TIMES = st.floats(1e-6, 3e-2)
PASSES = st.lists(TIMES.flatmap(lambda time: st.lists(st.floats(time, time * 1.3), min_size=5, max_size=5)), min_size=2)


@settings(max_examples=40, deadline=None)
@given(PASSES)
@example([[1e-6] * 5, [0.015625] * 5])  # a speed-up of 0.0000640x
def test_ranks_words_and_speed_ups_follow_the_times_shown(passes: list[list[float]]) -> None:
    found = judged(passes[:6])
    lines = [match for line in table(plain(tables.everything(found))) if (match := LINE.match(line))]
    assert len(lines) == len(found.measurements)
    ranks, words = [int(line[1]) for line in lines], [line[2] for line in lines]
    seconds = [float(line[3]) * UNITS[line[4]] for line in lines]
    assert ranks == sorted(ranks) and seconds == sorted(seconds)
    assert words[0] == "fastest" and "fastest" not in words[1:]
    assert all(rank == 1 for rank, word in zip(ranks, words, strict=True) if word == "tie")
    assert all(word != "slower" for rank, word in zip(ranks, words, strict=True) if rank == 1)
    baseline = next(time for time, line in zip(seconds, lines, strict=True) if line[5] == "-")
    for time, line in zip(seconds, lines, strict=True):
        if line[5] != "-":
            # Three digits each: half a unit of the last of 1.00 is 0.5 %.
            assert float(line[5].strip("~x").replace(",", "")) == pytest.approx(baseline / time, rel=0.016)


def test_words_and_symbols_are_spelled_out_below_the_table_they_stand_in() -> None:
    plenty = table(plain(tables.everything(judged([[9e-6] * 5, [2e-6] * 5, [2.01e-6] * 5]))))
    assert [line for line in plenty if line.startswith("tie: ")]
    assert not [line for line in plenty if line.startswith("undecided: ")]
    assert [line for line in plenty if line.startswith("* best")]
    assert [line for line in plenty if line.startswith("~ not to rely on")], "p99 is of few calls"
    sure = [row.model_copy(update={"latency_p99_half_width": 0.01}) for row in judged([[9e-6] * 5] * 2).measurements]
    assert not [line for line in table(plain(tables.everything(alone(sure)))) if line.startswith("~")]


def test_a_roof_beyond_100_percent_is_explained_where_it_stands() -> None:
    beyond = [RECORDS.measurements[1].model_copy(update={"roof_share": share}) for share in (0.9, 12.04)]
    assert "1204%" in plain(tables.everything(alone(beyond)))
    assert any(line.startswith("roof beyond 100%: ") for line in table(plain(tables.everything(alone(beyond)))))
    assert "roof beyond" not in plain(tables.everything(alone(beyond[:1])))


@pytest.mark.parametrize(
    ("column", "row", "run", "reason"),
    [
        ("speed-up", {"speed_up": None}, {"baseline": "tensorflow"}, "the baseline, tensorflow; --baseline"),
        ("rank", {"rank": None}, {"noise": NOISY}, "No ranks and verdicts: a cell measured twice differs"),
        ("+-", {"latency_quiet_low_s": None}, {}, "No intervals: they take 3 passes."),
        ("roof", {"roof_share": None}, {}, "No roof: it is of the network on the CPU"),
        ("roof", {"roof_share": None, "timed": "end-to-end"}, {}, "No roof: it is of the network alone"),
        ("engine", {"engine_s": None}, {}, "No engine: none of these libraries"),
        ("GPU memory", {"device": "gpu"}, {}, "No GPU memory: the driver (NVML)"),
    ],
)
def test_a_column_that_is_empty_is_left_out_and_missed_where_it_would_be(
    column: str, row: dict[str, object], run: dict[str, object], reason: str
) -> None:
    filled = {"engine_s": 8e-6, "device_memory_bytes": 5 * 10**8}
    rows = [one.model_copy(update=filled) for one in RECORDS.measurements[1:4]]
    assert column in " ".join(heads(plain(tables.everything(alone(rows)))))
    empty = {"device_memory_bytes": None} if column == "GPU memory" else {}
    shown = plain(tables.everything(alone([one.model_copy(update=empty | row) for one in rows], **run)))
    assert column not in " ".join(heads(shown)) and reason in shown


def test_nobody_misses_gpu_memory_on_a_cpu() -> None:
    assert "GPU memory" not in plain(tables.everything(alone(RECORDS.measurements[:4])))


def heads(shown: str) -> list[str]:
    found = [line for line in shown.splitlines() if re.match(r"(rank +)?artifact ", line)]
    assert len(found) == 2, "of speed and of costs"
    return found
