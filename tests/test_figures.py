"""Speed-ups, verdicts and how loud it was, from recordings made by hand."""

import pytest

from mnist_deploy.artifacts import Precision
from mnist_deploy.benchmark.comparison import Verdict
from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording
from mnist_deploy.pipeline import figures
from mnist_deploy.pipeline.figures import Baseline, judge_noise
from mnist_deploy.results import Results
from tests.benchmark.test_recording import burst, key
from tests.records import measurement

KERAS = {"format": "keras", "precision": "float32", "runtime": "keras-predict"}


def passes(times: list[int], disturbed: int = 0, others_cpus: float = 0.0) -> list[PassRecord]:
    """One pass a time in nanoseconds, ten bursts each, before so many of which the probe was slow."""
    return [
        PassRecord(
            [burst([time] * 3, sweep, 2.0 if sweep < disturbed else 1.0) for sweep in range(10)],
            0.1, 0.2, 300, others_cpus,
        )
        for time in times
    ]  # fmt: skip


def recording(twin: int = 1000, disturbed: int = 0, count: int = 5, others_cpus: float = 0.0) -> Recording:
    cells: dict[CellKey, list[PassRecord]] = {
        key(): passes([1000] * count, disturbed, others_cpus),
        key(**KERAS): passes([5000] * count, 0, others_cpus),
        key(twin=True): passes([twin] * count, 0, others_cpus),
    }
    return Recording(cells)


def test_a_quiet_machine() -> None:
    found = judge_noise(recording(twin=1010))
    assert (found.bursts, found.disturbed, found.noisy, found.no_verdicts) == (150, 0, False, None)
    assert found.twin_ratio == pytest.approx(1.01) and found.twin == "mlp-relu-128 tflite int8 in litert"
    assert (found.quiet_probe_s, found.others_cpus) == ({1: 1.0}, {1: 0.0})


@pytest.mark.parametrize(("disturbed", "noisy"), [(1, False), (6, False), (7, True)])  # of 30 bursts a pass
def test_noise_is_told_from_a_fifth_on(disturbed: int, noisy: bool) -> None:
    found = judge_noise(recording(disturbed=disturbed))
    assert (found.disturbed, found.noisy) == (5 * disturbed, noisy)


def test_noise_is_told_where_other_programs_took_processors() -> None:
    assert judge_noise(recording(others_cpus=1000.0)).noisy and not judge_noise(recording(others_cpus=0.1)).noisy


def test_no_verdicts_where_a_cell_differs_far_from_itself() -> None:
    assert judge_noise(recording(twin=1099)).no_verdicts is None
    assert "differs from itself by 10.1%" in (judge_noise(recording(twin=1101)).no_verdicts or "")
    assert "differs from itself by 10.1%" in (judge_noise(recording(twin=899)).no_verdicts or "")


def test_no_difference_is_resolved_that_a_cell_has_from_itself() -> None:
    rows = [
        measurement("mlp-relu-128", "tflite", "int8", "litert", time, pass_quiet_s=[time] * 3) for time in (2e-6, 3e-6)
    ]
    for twin, expected in ((1010, 0.03), (1080, 0.08)):
        found = figures.compare(rows, judge_noise(recording(twin=twin)), Baseline("keras-predict"), 0.05)
        assert [one.resolution for one in found] == pytest.approx([expected] * 2)


def test_no_verdicts_from_two_passes_or_without_a_twin() -> None:
    assert "need 3 passes, and there are 2" in (judge_noise(recording(count=2)).no_verdicts or "")
    for alone in (key(), key(twin=True)):  # the other one of the two failed
        found = judge_noise(Recording({alone: passes([1000] * 5), key(**KERAS): passes([5000] * 5)}))
        assert "no cell was measured twice" in (found.no_verdicts or "") and found.twin_ratio is None


def test_speed_up_is_told_against_the_baseline_of_the_same_table() -> None:
    rows = [
        measurement("mlp-relu-128", "keras", "float32", "keras-predict", 50e-6, pass_quiet_s=[50e-6] * 3),
        measurement("mlp-relu-128", "tflite", "int8", "litert", 2e-6, pass_quiet_s=[2e-6] * 3),
        measurement("mlp-relu-128", "tflite", "float32", "litert", 4e-6, pass_quiet_s=[4e-6] * 3),
        measurement("mlp-relu-128", "tflite", "int8", "litert", 8e-6, pass_quiet_s=[8e-6] * 3, batch_size=256),
        measurement("mlp-tanh-128", "tflite", "int8", "litert", 3e-6, pass_quiet_s=[3e-6] * 3),
    ]
    quiet = judge_noise(recording())
    keras = figures.compare(rows, quiet, Baseline("keras-predict"), 0.05)
    ratios = [one.speed_up and one.speed_up.ratio for one in keras]
    assert ratios == [None, pytest.approx(25), pytest.approx(12.5), None, None]
    assert keras[1].speed_up is not None and keras[1].speed_up.verdict is Verdict.FASTER
    int8 = figures.compare(rows, quiet, Baseline("litert", Precision.INT8), 0.05)
    assert [one.speed_up and one.speed_up.ratio for one in int8] == [
        pytest.approx(0.04), None, pytest.approx(0.5), None, None,
    ]  # fmt: skip
    assert int8[0].speed_up is not None and int8[0].speed_up.verdict is Verdict.SLOWER
    assert [one.rank for one in keras] == [3, 1, 2, 1, 1]
    assert [one.versus_fastest for one in keras] == ["slower", "fastest", "slower", "fastest", "fastest"]
    assert [one.sole_winner for one in keras] == [False, True, False, False, False]
    assert not figures.undecided(keras)
    noisy = figures.compare(rows, judge_noise(recording(twin=2000)), Baseline("keras-predict"), 0.05)
    assert {one.rank for one in noisy} == {None} and not any(one.sole_winner for one in noisy)
    assert {one.versus_fastest for one in noisy} == {None}
    assert noisy[1].speed_up is not None, "a ratio with its interval is no verdict"


def test_real_figures_hold_together(measured: tuple[object, Results]) -> None:
    _, found = measured
    assert found.noise is not None and found.plan is not None
    assert found.noise.bursts == found.plan.sweeps * 3 * (len(found.measurements) + 1)
    assert [roof.threads for roof in found.roofs] == sorted({one.threads for one in found.measurements})
    assert {one.runtime for one in found.runtimes} == {"litert", "onnxruntime"}
    assert all(one.installed_bytes and one.installed_bytes > 10**7 for one in found.runtimes)
    for one in found.measurements:
        assert one.latency_quiet_low_s is not None and one.latency_quiet_high_s is not None
        assert one.latency_quiet_low_s <= one.latency_quiet_high_s
        baseline = (one.runtime, one.precision) == ("litert", "float32")
        assert (one.speed_up is None) == baseline
        assert (one.rank is None) == (one.versus_fastest is None) == (found.noise.no_verdicts is not None)
    ort = {one.batch_size: one.call for one in found.measurements if one.runtime == "onnxruntime"}
    assert "io" in ort[1] and ort[256] == "InferenceSession.run"
