from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_deploy import parity
from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.benchmark.statistics import estimate, quiet
from mnist_deploy.decisions.change_records import Changes, Outcome
from mnist_deploy.decisions.changes import compare
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.parity import ParityRow
from mnist_deploy.parity.statistics import mcnemar
from mnist_deploy.results import Results, Skip, SkipKind
from tests.comparisons import SPREAD, cell, many, run
from tests.records import ENVIRONMENT, NOISY, QUIET, parity_row

RIGOROUS = Plan(more_passes=10)
LOUD = Path(__file__).parents[1] / "benchmark/loud_bursts.npz"
NOISE = (0.9, 1.1, 1.0, 0.8, 1.2)


def outcomes(found: Changes) -> list[str]:
    return [one.outcome.value for one in found.cells]


def test_each_outcome() -> None:
    before = [cell(1e-5, batch_size=n) for n in range(1, 7)]
    factors = (1.3, 1.045, 0.8, 1.0, 1.0, 1.3)
    spreads = (*[SPREAD] * 4, NOISE, NOISE)
    pairs = zip(factors, spreads, strict=True)
    after = [cell(1e-5 * factor, spread, batch_size=n) for n, (factor, spread) in enumerate(pairs, 1)]
    found = compare(run(before), run(after, hour=1), max_regression=0.05)
    assert outcomes(found) == ["regression", "slower", "faster", "no regression", "undecided", "undecided"]
    worst = found.having(Outcome.REGRESSION)[0]
    assert worst.ratio == pytest.approx(1.3) and worst.low is not None and 1 < worst.low < 1.3
    assert (worst.base_s, worst.head_s) == pytest.approx((1e-5, 1.3e-5), rel=1e-3)
    allowed = compare(run(before), run(after, hour=1), max_regression=0.5)
    assert outcomes(allowed) == ["slower", "slower", "faster", "no regression", "no regression", "undecided"]


def test_a_measurement_against_itself_is_refused_and_decides_nothing_if_forced() -> None:
    """A gate that is given one file twice would pass forever."""
    measured = run([cell(1e-5, NOISE, batch_size=n) for n in range(1, 20)])
    copied = measured.model_copy(deep=True)
    for other in (measured, copied, measured.model_copy(update={"measurements": measured.measurements[:3]})):
        with pytest.raises(UsageError, match=r"old and new: both sides are the same measurement.* or --force"):
            compare(measured, other, ("old", "new"))
    forced = compare(measured, copied, force=True)
    assert forced.undecided == "both sides are the same measurement" and set(outcomes(forced)) == {"undecided"}
    assert {(each.ratio, each.p_value) for each in forced.cells} == {(1.0, 1.0)}


def test_measurements_that_only_look_alike_are_compared() -> None:
    """Two sides of one run, and the same figures in another hour."""
    before = [cell(1e-5, batch_size=n) for n in range(1, 20)]
    after = [cell(1.001e-5, batch_size=n) for n in range(1, 20)]
    assert set(outcomes(compare(run(before), run(after)))) == {"no regression"}
    assert set(outcomes(compare(run(before), run(before, hour=1)))) == {"no regression"}


def test_in_one_run_what_slowed_both_cancels() -> None:
    """The same passes, with a neighbour in two of them: of two runs nothing could be said."""
    spread = (1.0, 1.8, 1.0, 1.75, 1.0)
    before = [cell(1e-5, spread)]
    after = [cell(1.2e-5, [one * small for one, small in zip(spread, (1.0, 1.01, 0.99, 1.0, 1.005), strict=True)])]
    assert outcomes(compare(run(before), run(after))) == ["regression"]
    assert outcomes(compare(run(before), run(after, hour=1))) == ["undecided"]


def test_many_cells_are_judged_together() -> None:
    """A p of 0.01 is no news among a hundred cells."""
    before, after = many(100), many(100)
    spread = (0.97, 1.0, 1.0, 1.0, 1.03)
    before[7], after[7] = cell(1e-5, spread, batch_size=8), cell(1.065e-5, spread, batch_size=8)
    alone = compare(run(before[7:8]), run(after[7:8], hour=1))
    together = compare(run(before), run(after, hour=1))
    assert outcomes(alone) == ["regression"]
    assert together.cells[7].outcome is Outcome.UNDECIDED
    assert together.cells[7].p_value is not None and alone.cells[0].p_value is not None
    assert together.cells[7].p_value == pytest.approx(100 * alone.cells[0].p_value)


def test_what_moved_the_whole_run_is_told_and_up_to_three_percent_of_it_is_no_regression() -> None:
    found = compare(run(many(20)), run(many(20, 1.07), hour=1), max_regression=0.05)
    assert found.whole_ratio == pytest.approx(1.07) and found.whole_taken == pytest.approx(1.03)
    assert not found.having(Outcome.REGRESSION)
    more = compare(run(many(20)), run(many(20, 1.2), hour=1))
    assert len(more.having(Outcome.REGRESSION)) == 20, "the machine's own probe saw nothing: it is no silent pass"
    one = compare(run(many(20)), run(many(20, slower={4: 1.2}), hour=1))
    assert [changed.cell.batch_size for changed in one.having(Outcome.REGRESSION)] == [5]


def test_what_stayed_is_not_slower_where_most_became_faster() -> None:
    found = compare(run(many(20)), run(many(20, 0.7, slower={4: 1 / 0.7}), hour=1))
    assert Counter(outcomes(found)) == {"faster": 19, "no regression": 1}


def test_other_programs_hide_what_they_may_do_and_no_more() -> None:
    before = cell(1e-5)
    twice, tenfold = (run([cell(size, contended=True)], hour=1) for size in (2e-5, 1e-4))
    found = compare(run([before]), twice)
    assert outcomes(found) == ["undecided"]
    assert (found.cells[0].reason or "").startswith("other programs used the processors meanwhile")
    assert outcomes(compare(run([before]), tenfold)) == ["regression"]


@pytest.mark.parametrize("which", ["BASE", "HEAD"])
def test_without_verdicts_nothing_is_decided_and_it_says_why(which: str) -> None:
    before, after = run([cell(1e-5)]), run([cell(9e-5)], hour=1)
    for noise, words in ((NOISY, "differs from itself by 17.0%"), (None, "no noise was recorded")):
        changed = {"noise": noise}
        both = (
            (before.model_copy(update=changed), after)
            if which == "BASE"
            else (before, after.model_copy(update=changed))
        )
        found = compare(*both)
        assert outcomes(found) == ["undecided"]
        assert found.undecided is not None and words in found.undecided and which in found.undecided
        assert found.cells[0].ratio == pytest.approx(9)


def test_another_speed_of_the_machine_itself_decides_nothing() -> None:
    probes = {threads: probe_s * 1.25 for threads, probe_s in QUIET.quiet_probe_s.items()}
    slower = QUIET.model_copy(update={"quiet_probe_s": probes})
    found = compare(run([cell(1e-5)]), run([cell(2e-5)], hour=1, noise=slower))
    assert found.probe_ratio == pytest.approx(1.25)
    assert outcomes(found) == ["undecided"] and "ran at another speed" in (found.undecided or "")


def test_two_looks_at_one_run_share_the_error() -> None:
    """Slower by 10 % in each of five passes, but for a p of about 0.04: enough for one look, not for one of two."""
    spread = (1.0, 1.0, 1.0, 1.0, 1.0)
    after = cell(1.1e-5, (0.937, 1.0, 1.063, 0.965, 1.035))
    plain, twice = ([run([one], plan=plan) for one in (cell(1e-5, spread), after)] for plan in (Plan(), RIGOROUS))
    assert compare(*plain).alpha == 0.05 and compare(*twice).alpha == 0.025
    p_value = compare(*plain).cells[0].p_value
    assert p_value is not None and 0.025 < p_value < 0.05
    assert (outcomes(compare(*plain)), outcomes(compare(*twice))) == (["regression"], ["undecided"])


def test_two_passes_are_never_a_regression() -> None:
    short = {"spread": (1.0, 1.0), "trusted": (True, True)}
    found = compare(run([cell(1e-5, **short)]), run([cell(9e-5, **short)], hour=1))  # type: ignore[arg-type]
    one = found.cells[0]
    assert (one.outcome, one.low, one.high, one.p_value) == (Outcome.UNDECIDED, None, None, None)
    assert "fewer than 3 passes in BASE or in HEAD" in (one.reason or "")


OTHER = {
    "environment.cpu": {"environment": ENVIRONMENT.model_copy(update={"cpu": "B CPU"})},
    "environment.usable_cores": {"environment": ENVIRONMENT.model_copy(update={"usable_cores": 1})},
    "data_sha256": {"data_sha256": "4" * 64},
    "model_sha256 of mlp-relu-128": {"measurements": [cell(2e-5, model_sha256="9" * 64)]},
}


@pytest.mark.parametrize("field", OTHER)
def test_what_must_not_be_compared_is_refused_by_its_field_and_forced_with_a_word(field: str) -> None:
    before, after = run([cell(1e-5)]), run([cell(2e-5)], hour=1, **OTHER[field])
    with pytest.raises(UsageError, match="cannot be compared") as refused:
        compare(before, after, ("a.json", "b.json"))
    assert field in str(refused.value) and "--force" in str(refused.value) and "a.json" in str(refused.value)
    forced = compare(before, after, force=True)
    assert len(forced.differs) == 1 and forced.differs[0].startswith(field)
    assert outcomes(forced) == ["regression"]


def test_results_that_cannot_be_compared_at_all() -> None:
    fine = run([cell(1e-5)])
    with pytest.raises(ArtifactError, match=r"b\.json: holds no measurements"):
        compare(fine, run([], hour=1, command="verify"), ("a.json", "b.json"))
    with pytest.raises(UsageError, match="no cell in common"):
        compare(fine, run([cell(1e-5, threads=2)], hour=1))


def test_cells_of_one_side_are_told_and_those_that_failed_in_head_too() -> None:
    before = run([cell(1e-5), cell(1e-5, runtime="onnxruntime", format="onnx"), cell(1e-5, threads=2)])
    skip = Skip(kind=SkipKind.FAILED, runtime="onnxruntime", precision="int8", reason="it broke")
    after = run([cell(1e-5), cell(1e-5, timed="end-to-end")], hour=1, skips=[skip])
    found = compare(before, after)
    assert [one.runtime for one in found.only_base] == ["onnxruntime", "litert"]
    assert [one.timed for one in found.only_head] == ["end-to-end"]
    assert [one.runtime for one in found.broken] == ["onnxruntime"]
    unavailable = skip.model_copy(update={"kind": SkipKind.UNAVAILABLE})
    assert not compare(before, after.model_copy(update={"skips": [unavailable]})).broken


def test_sizes_and_versions() -> None:
    libraries = {"numpy": "2.1.0", "onnx": "1.17.0"}
    there = ENVIRONMENT.model_copy(update={"libraries": libraries, "python": "3.12.0"})
    after = run([cell(1e-5, size_bytes=406_001)], hour=1, environment=there)
    found = compare(run([cell(1e-5)]), after)
    assert [(one.base_bytes, one.head_bytes) for one in found.sizes] == [(406_000, 406_001)]
    assert found.versions == ["python: 3.11.0 to 3.12.0", "numpy: 2.0.0 to 2.1.0", "onnx: absent to 1.17.0"]


def test_versions_of_what_the_libraries_require_follow() -> None:
    before, after = (
        run([cell(1e-5 * factor)], environment=ENVIRONMENT.model_copy(update={"distributions": installed}))
        for factor, installed in (
            (1.0, {"numpy": "2.0.0", "protobuf": "6.1", "ml-dtypes": "0.5", "gone": "1"}),
            (1.01, {"numpy": "2.0.0", "protobuf": "7.0", "ml-dtypes": "0.5", "new": "2"}),
        )
    )
    assert compare(before, after).versions == ["protobuf: 6.1 to 7.0"]


ANSWERS = st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=1, max_size=40)


@given(ANSWERS)
@settings(max_examples=50)
def test_accuracies_are_paired_by_image_though_only_flips_are_recorded(answers: list[tuple[int, ...]]) -> None:
    labels, keras, old, new = (np.array(column, dtype=np.uint8) for column in zip(*answers, strict=True))

    def row(given: np.ndarray) -> ParityRow:
        scores, reference = np.eye(10, dtype=np.float32)[given], np.eye(10, dtype=np.float32)[keras]
        agreed = parity.compare(scores, reference, labels)
        return parity_row("tflite", "int8", "litert", **agreed.model_dump())

    before, after = (run([cell(1e-5)], hour=hour, parity=[row(given)]) for hour, given in enumerate((old, new)))
    found = compare(before, after).accuracies
    lost = int(np.sum((old == labels) & (new != labels)))
    gained = int(np.sum((old != labels) & (new == labels)))
    assert [(one.lost, one.gained, one.p_value) for one in found] == [(lost, gained, mcnemar(lost, gained))]
    assert found[0].head_accuracy - found[0].base_accuracy == pytest.approx((gained - lost) / len(labels))


def test_accuracies_of_other_models_are_not_paired() -> None:
    rows = parity_row("tflite", "int8", "litert"), parity_row("tflite", "int8", "litert", model_sha256="9" * 64)
    before, after = (run([cell(1e-5)], hour=hour, parity=[one]) for hour, one in enumerate(rows))
    found = compare(before, after, force=True).accuracies
    assert [(one.lost, one.gained, one.p_value) for one in found] == [(None, None, None)]


def noisy(random: np.random.Generator, hour: int) -> Results:
    """Sixty unchanged cells on a machine as shared as ours: see `between_runs` for the figures."""
    rows, whole = [], random.normal(0, 0.01)
    for number in range(60):
        kind = number % 4
        runtime, between, within = (
            ("litert", 0.01, 0.005), ("onnxruntime", 0.01, 0.02), ("keras-call", 0.08, 0.06), ("openvino", 0.3, 0.1),
        )[kind]  # fmt: skip
        spread = np.exp(random.normal(whole + random.normal(0, between / 2**0.5), within, 5))
        who = {"runtime": runtime, "contended": kind == 3, "batch_size": number + 1}
        rows.append(cell(1e-5, list(spread), **who))  # type: ignore[arg-type]
    return run(rows, hour)


def test_a_gate_on_unchanged_files_does_not_cry_wolf() -> None:
    random, alarms = np.random.default_rng(7), 0
    for hour in range(1, 41):
        found = compare(noisy(random, 0), noisy(random, hour), max_regression=0.05)
        alarms += bool(found.having(Outcome.REGRESSION))
    assert alarms <= 2


def recorded(number: int, slower: tuple[str, int, float] | None = None) -> Results:
    """One of two runs of the same files on a loud machine, one after the other; see `benchmarks.loud_bursts`.

    Args:
        number: which one.
        slower: a table, the place of a cell in it, and how many times as long that takes.
    """
    rows = []
    with np.load(LOUD) as archive:
        for name in archive.files:
            run_number, _, table = name.partition("-")
            if int(run_number) != number:
                continue
            threads = int(table.rpartition("threads")[2])
            for place, bursts in enumerate(np.moveaxis(archive[name].astype(np.float64), 2, 0)):
                factor = slower[2] if slower and slower[:2] == (table, place) else 1.0
                found = estimate(list(bursts * factor), quiet)
                who = {"architecture": table, "runtime": "litert", "batch_size": place + 1, "threads": threads}
                row = cell(found.value, **who)  # type: ignore[arg-type]
                rows.append(row.model_copy(update={"pass_quiet_s": list(found.pass_values)}))
    return run(rows, number)


def test_of_two_recorded_loud_runs_most_cells_hold_and_none_is_a_regression() -> None:
    counts = Counter(outcomes(compare(recorded(0), recorded(1))))
    assert not counts["regression"] and counts["no regression"] > sum(counts.values()) / 2, counts


def test_a_tenth_more_in_one_cell_of_a_recorded_loud_run_is_found() -> None:
    """Each cell of one thread in turn: in four of five at least, and never another one."""
    before, found = recorded(0), []
    for row in recorded(1).measurements:
        if row.threads == 1:
            table, place = row.architecture, row.batch_size - 1
            named = compare(before, recorded(1, (table, place, 1.10))).having(Outcome.REGRESSION)
            assert [(one.cell.architecture, one.cell.batch_size) for one in named] in ([], [(table, place + 1)])
            found.append(bool(named))
    assert len(found) == 60 and sum(found) >= 0.8 * len(found)
