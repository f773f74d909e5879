from mnist_deploy.benchmark.recording import PassRecord, Recording
from mnist_deploy.benchmark.statistics import summarize
from mnist_deploy.pipeline.standings import board
from tests.benchmark.test_recording import RECORDING, burst, key


def test_figures_so_far_are_those_that_the_final_rules_give() -> None:
    shown = board(RECORDING, 2, 5)
    assert [one.quiet_s for one in shown.standings] == [summarize(RECORDING.cell_times(key()), 1).quiet.value]
    assert shown.standings[0].label == "tflite int8 in litert"
    assert shown.standings[0].group == "mlp-relu-128, batch 1, 1 thread"
    assert (shown.bursts, shown.disturbed) == RECORDING.disturbances()
    assert (shown.cells, shown.passes_done, shown.passes) == (1, 2, 5)


def test_groups_keep_their_order_and_have_the_fastest_first() -> None:
    records = {
        key(runtime=runtime, batch_size=batch): [PassRecord([burst([ns])], 0.1, 0.2, 3)]
        for runtime, batch, ns in (("litert", 256, 30), ("litert", 1, 9), ("onnxruntime", 256, 20))
    }
    shown = board(Recording(records), 1, 5)
    assert [(one.group.split(", ")[1], one.label.split()[-1]) for one in shown.standings] == [
        ("batch 256", "onnxruntime"), ("batch 256", "litert"), ("batch 1", "litert"),
    ]  # fmt: skip
    assert shown.cells == 3


def test_nothing_measured_is_no_error() -> None:
    assert board(Recording({}), 0, 5).standings == ()


def test_sides_are_named() -> None:
    records = {key(side=side): [PassRecord([burst([ns])], 0.1, 0.2, 3)] for side, ns in (("base", 10), ("head", 20))}
    found = {one.label.split(":")[0]: one.quiet_s for one in board(Recording(records), 1, 5).standings}
    assert found == {"base": 10e-9, "head": 20e-9}
