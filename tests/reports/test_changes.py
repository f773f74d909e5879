import re

import pytest
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.decisions.change_records import Changes
from mnist_deploy.decisions.changes import compare
from mnist_deploy.reports.changes import change, changes, headline
from mnist_deploy.reports.changes_markdown import COMMENT_CHARACTERS, markdown
from mnist_deploy.reports.layout import plain
from mnist_deploy.results import Skip, SkipKind
from tests.comparisons import CNN, cell, many, run
from tests.records import ENVIRONMENT, FLIPS, NOISY, QUIET, parity_row

WIDE = (0.8, 1.3, 1.0, 0.9, 1.1)
FAILED = Skip(kind=SkipKind.FAILED, architecture=CNN, runtime="tensorflow", reason="it broke")
ORT = {"format": "onnx", "precision": "float32", "runtime": "onnxruntime"}
BEFORE = run(
    [
        cell(3.3e-6), cell(10e-6, **ORT), cell(90e-6, WIDE, **ORT, batch_size=256, threads=2),
        cell(5e-6, precision="float32"), cell(25e-6, architecture=CNN), cell(30e-6, **ORT, architecture=CNN),
        cell(350e-6, architecture=CNN, format="saved_model", precision="float32", runtime="tensorflow"),
    ],
    parity=[parity_row("tflite", "int8", "litert"), parity_row("onnx", "float32", "onnxruntime")],
)  # fmt: skip
AFTER = run(
    [
        cell(4.29e-6, size_bytes=106_901), cell(10.4e-6, **ORT), cell(93e-6, WIDE, **ORT, batch_size=256, threads=2),
        cell(3e-6, precision="float32"), cell(25e-6, architecture=CNN, memory_bytes=31_000_000),
        cell(75e-6, **ORT, architecture=CNN), cell(20e-6, **ORT, architecture=CNN, device="gpu"),
    ],
    hour=3,
    noise=QUIET.model_copy(update={"noisy": True}),
    environment=ENVIRONMENT.model_copy(update={"libraries": {"numpy": "2.1.0"}}),
    parity=[
        parity_row("tflite", "int8", "litert", accuracy=0.9513, flips=FLIPS),
        parity_row("onnx", "float32", "onnxruntime"),
    ],
    skips=[FAILED],
)  # fmt: skip
NAMES = ("base.json", "head.json")
SOME = compare(BEFORE, AFTER, NAMES)
NOTHING = compare(BEFORE, AFTER.model_copy(update={"noise": NOISY}), NAMES)
FORCED = compare(
    run(many(10)), run(many(10, 1.2), hour=1, data_sha256="4" * 64, quick=True, complete=False), NAMES, force=True
)
PAIRED = compare(run(many(2)), run(many(2, 1.01)), NAMES)


@pytest.mark.parametrize("found", [SOME, NOTHING, FORCED, PAIRED], ids=["some", "nothing", "forced", "paired"])
def test_a_comparison(found: Changes, snapshot: SnapshotAssertion) -> None:
    assert plain(changes(found)) == snapshot(name="table")
    assert markdown(found) == snapshot(name="markdown")


def test_it_fits_a_pipe_of_100_and_ends_with_what_it_comes_to() -> None:
    for found in (SOME, NOTHING, FORCED, PAIRED):
        lines = plain(changes(found)).splitlines()
        assert max(map(len, lines)) <= 100
        assert " ".join(line.strip() for line in lines[-3:]).endswith(headline(found))


def test_a_long_comparison_fits_a_comment_and_says_what_is_left_out() -> None:
    found = compare(run(many(1500)), run(many(1500), hour=1))
    shown = markdown(found)
    assert len(shown) <= COMMENT_CHARACTERS
    kept = sum(line.startswith("| mlp") for line in shown.splitlines())
    left = re.search(r"(\d+) rows more in the records", shown)
    assert left is not None and kept > 500 and kept + int(left[1]) == 1500
    assert shown.count("<details>") == shown.count("</details>") == 1
    assert "more in the records" not in markdown(SOME)


def test_names_are_shown_to_the_letter_in_markdown() -> None:
    hostile = "a|b`c*<script>[x](y).json"
    shown = markdown(compare(BEFORE, AFTER, (hostile, "head.json")))
    assert r"a\|b\`c\*&lt;script&gt;\[x\](y).json" in shown and "<script>" not in shown


def test_an_interval_has_one_unit_and_a_reason_one_line() -> None:
    wide = (0.6, 2.2, 1.0, 0.9, 1.1)
    before = [cell(3e-6, wide), *(cell(1e-5, passes, batch_size=n) for n, passes in ((2, (1,)), (3, (1, 1))))]
    after = [cell(3.2e-6, wide), *(cell(1e-5, passes, batch_size=n) for n, passes in ((2, (1, 1)), (3, (1,))))]
    shown = plain(changes(compare(run(before), run(after, hour=1))))
    rows = [line for line in shown.splitlines() if line.startswith("mlp")]
    assert any(re.search(r"1\.07x +0\.\d\d\.\.\d\.\d\dx$", line.rstrip()) for line in rows), rows
    assert not any("%" in line and "x" in line.split("litert")[1] for line in rows)
    assert shown.count("fewer than 3 passes in BASE or in HEAD") == 1


def test_changes_in_words() -> None:
    assert [change(ratio) for ratio in (1.0, 0.9999, 0.5, 1.034, 2.0, 150.0)] == [
        "+0.0%",
        "+0.0%",
        "-50.0%",
        "+3.4%",
        "2.00x",
        "150x",
    ]
