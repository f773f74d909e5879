import io

import pytest
from rich.console import Console, RenderableType
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.reports import tables
from mnist_deploy.reports.doctor import doctor
from mnist_deploy.reports.layout import WIDTH
from mnist_deploy.reports.progress import BarProgress, LineProgress
from tests.records import CHECKS, DIAGNOSIS, NOISY, RECORDS


def text(*renderables: RenderableType, width: int = WIDTH, colour: bool = False, crop: bool = True) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=colour, highlight=False, markup=False, legacy_windows=False
    )
    console.print(*renderables, sep="\n", crop=crop)
    return stream.getvalue()


def test_all_tables_of_a_run(snapshot: SnapshotAssertion) -> None:
    assert text(tables.everything(RECORDS)) == snapshot


def test_all_tables_of_a_quick_run(snapshot: SnapshotAssertion) -> None:
    quick = RECORDS.model_copy(update={"quick": True})
    assert text(tables.everything(quick)) == snapshot


def test_measurements_on_a_noisy_machine(snapshot: SnapshotAssertion) -> None:
    rows = [
        one.model_copy(
            update={"latency_p99_s": None, "latency_mean_s": None, "throughput_images_per_s": None, "rank": None}
        )
        for one in RECORDS.measurements[:2]
    ]
    noisy = RECORDS.model_copy(update={"noise": NOISY, "measurements": rows, "skips": [], "parity": [], "training": []})
    shown = text(tables.everything(noisy))
    assert shown == snapshot
    assert "NOISY MACHINE" in shown and "no verdicts" in shown


def test_checks_of_the_harness(snapshot: SnapshotAssertion) -> None:
    empty = {"measurements": [], "skips": [], "parity": [], "training": []}
    assert text(tables.everything(RECORDS.model_copy(update={"checks": CHECKS} | empty))) == snapshot


def test_gpu_memory_is_a_column_where_a_row_has_it(snapshot: SnapshotAssertion) -> None:
    rows = [RECORDS.measurements[5].model_copy(update={"device_memory_bytes": 512 * 2**20}), RECORDS.measurements[4]]
    alone = {"measurements": rows, "skips": [], "parity": [], "training": [], "noise": None, "runtimes": []}
    shown = text(tables.everything(RECORDS.model_copy(update=alone)))
    assert shown == snapshot
    assert "GPU memory" in shown and "537 MB" in shown
    assert "GPU memory" not in text(tables.everything(RECORDS))


def test_what_the_doctor_says(snapshot: SnapshotAssertion) -> None:
    assert text(doctor(DIAGNOSIS)) == snapshot


def test_the_doctor_breaks_no_command() -> None:
    command = 'pip uninstall -y onnxruntime && pip install "onnxruntime-gpu[cuda,cudnn]" ' + "--no-cache-dir " * 4
    states = [DIAGNOSIS.runtimes[0].model_copy(update={"remedy": command.strip()})]
    shown = text(doctor(DIAGNOSIS.model_copy(update={"runtimes": states})), width=60, crop=False)
    assert f"  {command.strip()}" in [line.rstrip() for line in shown.splitlines()]


def test_end_to_end_is_said_in_the_title() -> None:
    rows = [one.model_copy(update={"timed": "end-to-end"}) for one in RECORDS.measurements]
    assert "batch 1, 1 thread, from pixels to label" in text(
        tables.everything(RECORDS.model_copy(update={"measurements": rows}))
    )


def test_list(snapshot: SnapshotAssertion) -> None:
    assert text(tables.architectures(list(ARCHITECTURES.values()))) == snapshot


def test_every_table_of_a_quick_run_says_so() -> None:
    plain = text(tables.everything(RECORDS)).splitlines()
    quick = text(tables.everything(RECORDS.model_copy(update={"quick": True}))).splitlines()
    changed = [(old, new) for old, new in zip(plain, quick, strict=True) if old != new]
    rules = sum("───" in line for line in plain) + 1
    assert len(changed) == rules, "one title above each table's rule, and one above the legend, which has none"
    assert all(new == f"[quick] {old}"[:WIDTH].rstrip() or new.startswith("[quick] ") for old, new in changed)


def test_fits_a_pipe_and_hides_nothing() -> None:
    shown = text(tables.everything(RECORDS))
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "…" not in shown
    assert 'pip install ".[gpu]"' in shown and "RuntimeError: [x] broke" in shown


def test_fastest_first_and_best_marked() -> None:
    shown = text(tables.everything(RECORDS)).splitlines()
    start = shown.index("mlp-relu-128: batch 1, 1 thread")
    rows = shown[start + 3 : start + 7]
    assert [row.split()[0:5] for row in rows] == [
        ["1", "fastest", "tflite", "int8", "litert"],
        ["1", "tie", "tflite", "float32", "litert"],
        ["3", "slower", "onnx", "float32", "onnxruntime"],
        ["4", "slower", "keras", "float32", "keras-predict"],
    ]
    assert "3.30 us*" in rows[0] and "3.37 us*" in rows[1], "2 % apart: joint best"
    assert "10.0 us " in rows[2] and "13,300x" in rows[0]
    start = shown.index("mlp-relu-128: batch 256, 2 threads")
    assert "onnxruntime gpu" in shown[start + 3], "not on the CPU"
    costs = shown[shown.index("mlp-relu-128: what each costs besides") + 3 :]
    assert "107 kB*" in costs[0] and "406 kB " in costs[1] and "8.00 us" in costs[2]


def test_failures_are_red_on_a_terminal() -> None:
    lines = text(tables.everything(RECORDS), colour=True).splitlines()
    red = [line for line in lines if "\x1b[31m" in line]
    assert any("FAIL" in line for line in red) and any("broke" in line for line in red)
    assert not any("keras-predict" in line for line in red)


@pytest.mark.parametrize("kind", [BarProgress, LineProgress])
def test_progress_tells_the_end_and_the_lines_between(kind: type[BarProgress | LineProgress]) -> None:
    stream = io.StringIO()
    progress = kind(Console(file=stream, width=WIDTH, force_terminal=kind is BarProgress))
    progress.start("train", 3)
    for epoch in range(3):
        progress.advance(f"epoch {epoch + 1}, loss [0.5]")
    progress.log("mlp [done]")
    progress.finish()
    progress.finish()
    shown = stream.getvalue()
    assert "mlp [done]" in shown and "3/3" in shown
    assert ("epoch 3, loss [0.5]" in shown) == (kind is BarProgress), "lines come every five seconds only"


def test_progress_without_steps_says_nothing() -> None:
    for kind in (BarProgress, LineProgress):
        stream = io.StringIO()
        progress = kind(Console(file=stream))
        progress.start("train", 0)
        progress.finish()
        assert stream.getvalue() == ""
