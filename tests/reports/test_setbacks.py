import html as markup
from collections.abc import Sequence
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.reports import html, tables
from mnist_deploy.reports.markdown import page
from mnist_deploy.reports.setbacks import setbacks
from mnist_deploy.results import Measurement
from tests.records import RECORDS, measurement
from tests.reports.fixed import report
from tests.test_reports import text

CALM = (1.0, 1.01, 0.99, 1.0, 1.0)
COMMAND = "mnist-deploy profile cnn-relu-16-32 --format onnx --runtime onnxruntime"


def row(precision: str, p50: float, drift: Sequence[float] = CALM, **changes: object) -> Measurement:
    passes = {"pass_quiet_s": [p50 * one for one in drift], "passes": len(drift)}
    names = {"format": "onnx", "runtime": "onnxruntime"} | {
        name: str(changes.pop(name)) for name in ("format", "runtime") if name in changes
    }
    return measurement(
        "cnn-relu-16-32", names["format"], precision, names["runtime"], p50, **{"rank": 1} | passes | changes
    )


FLOAT32, INT8 = row("float32", 20e-6), row("int8", 30e-6)


def test_int8_that_is_slower_is_named_with_the_command_that_shows_why() -> None:
    (found,) = setbacks([INT8, FLOAT32])
    assert (
        found
        == f"onnx int8 in onnxruntime takes 1.50x as long as float32 (95 %: 1.47x to 1.53x). To see why: {COMMAND}"
    )


@pytest.mark.parametrize(
    "rows",
    [
        [row("int8", 10e-6), FLOAT32],
        [row("int8", 20.2e-6), FLOAT32],
        [row("int8", 30e-6, (0.5, 2, 1, 0.4, 3)), FLOAT32],
        [row("int8", 30e-6, (1, 1)), row("float32", 20e-6, (1, 1))],
        [row("int8", 30e-6, rank=None), row("float32", 20e-6, rank=None)],
        [row("dynamic", 30e-6), FLOAT32],
        [INT8],
        [row("int8", 30e-6, runtime="openvino"), FLOAT32],
        [row("int8", 30e-6, format="tflite"), FLOAT32],
        [row("int8", 30e-6, device="gpu"), FLOAT32],
    ],
    ids=["faster", "tie", "undecided", "two passes", "no verdicts", "other precision", "no twin", "other runtime",
         "other format", "other device"],
)  # fmt: skip
def test_nothing_is_said_of(rows: list[Measurement]) -> None:
    assert setbacks(rows) == []


def test_the_command_names_the_use() -> None:
    (found,) = setbacks([one.model_copy(update={"batch_size": 256, "threads": 2}) for one in (FLOAT32, INT8)])
    assert found.endswith(f"{COMMAND} --batch-size 256 --threads 2")


@pytest.mark.parametrize("place", [{"runtime": "iree"}, {"device": "gpu"}])
def test_no_command_where_no_profiler_is(place: dict[str, str]) -> None:
    (found,) = setbacks([row("float32", 20e-6, **place), row("int8", 30e-6, **place)])
    assert "1.50x" in found and "mnist-deploy" not in found


def test_it_stands_below_the_table(snapshot: SnapshotAssertion) -> None:
    only = {"measurements": [FLOAT32, INT8], "skips": [], "parity": [], "training": [], "runtimes": []}
    shown = text(tables.everything(RECORDS.model_copy(update=only)))
    assert shown == snapshot
    assert "1.50x as long as float32" in shown


def test_it_stands_in_the_page_and_in_markdown(tmp_path: Path) -> None:
    found = report(tmp_path, RECORDS.model_copy(update={"measurements": [FLOAT32, INT8]}), samples=False)
    assert COMMAND in markup.unescape(html.page(found))
    assert COMMAND in page(found) and "batch 1, 1 thread: onnx int8 in onnxruntime takes 1.50x" in page(found)
