from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording
from mnist_deploy.pipeline.standings import board
from tests.benchmark.test_recording import RECORDING, key, one_slice


def test_figures_so_far_are_those_that_the_final_rules_give() -> None:
    shown = board(RECORDING.passes, 5, 2, 12.0)
    p50s = [one.p50_s for one in RECORDING.pass_times(key())]
    assert [one.p50_s for one in shown.standings] == [(p50s[0] + p50s[1]) / 2]
    assert shown.standings[0].label == "tflite int8 in litert"
    assert shown.standings[0].group == "mlp-relu-128, batch 1, 1 thread"
    planned, _, left, _ = RECORDING.tally()
    assert (shown.slices, shown.disturbed) == (planned, left)
    assert (shown.cells, shown.measured, shown.passes_done, shown.passes, shown.left_s) == (1, 1, 2, 5, 12.0)


def test_a_pass_without_a_clean_slice_does_not_count_where_another_has_one() -> None:
    records: dict[CellKey, list[PassRecord]] = {
        key(): [
            PassRecord([one_slice([100], probe_s=5.0)], 0.1, 0.2, 3),
            PassRecord([one_slice([8])], 0.1, 0.2, 3),
        ]
    }
    assert [one.p50_s for one in board(records, 2, 2, None).standings] == [8e-9]


def test_groups_keep_their_order_and_have_the_fastest_first() -> None:
    records = {
        key(runtime=runtime, batch_size=batch): [PassRecord([one_slice([ns])], 0.1, 0.2, 3)]
        for runtime, batch, ns in (("litert", 256, 30), ("litert", 1, 9), ("onnxruntime", 256, 20))
    }
    records[key(runtime="openvino")] = []
    shown = board(records, 5, 0, None)
    assert [(one.group.split(", ")[1], one.label.split()[-1]) for one in shown.standings] == [
        ("batch 256", "onnxruntime"), ("batch 256", "litert"), ("batch 1", "litert"),
    ]  # fmt: skip
    assert (shown.cells, shown.measured) == (4, 3)


def test_nothing_measured_is_no_error() -> None:
    assert board({key(): []}, 5, 0, None).standings == ()


def test_of_two_sides_the_same_rounds_count() -> None:
    records = {
        key(side="base"): [PassRecord([one_slice([10]), one_slice([30], 1, probe_s=5.0)], 0.1, 0.2, 3)],
        key(side="head"): [PassRecord([one_slice([20], probe_s=1.0), one_slice([8], 1)], 0.1, 0.2, 3)],
    }
    found = {one.label.split(":")[0]: one.p50_s for one in board(records, 5, 1, None).standings}
    final = Recording(records)
    assert found == {one.side: final.pass_times(one)[0].p50_s for one in records} == {"base": 10e-9, "head": 20e-9}
