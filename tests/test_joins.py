"""Rows of two variants in one set of records: nothing of the one may stand beside the other."""

import csv
import io
import json
from pathlib import Path

import pytest

from mnist_deploy.benchmark.recording import Recording, load
from mnist_deploy.decisions.changes import compare
from mnist_deploy.decisions.recommendation import candidates, inputs_differ, recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.errors import UsageError
from mnist_deploy.kinds import CELL, identity
from mnist_deploy.pipeline.figures import Baseline
from mnist_deploy.pipeline.figures import compare as judge
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.reports import wording
from mnist_deploy.reports.html import cells, page
from mnist_deploy.reports.html.distributions import distributions
from mnist_deploy.reports.pytest_json import document
from mnist_deploy.reports.sheet import sheet
from mnist_deploy.results import Results
from tests.recordings import cell, recording
from tests.records import QUIET, RACE, RECORDS
from tests.reports import pages
from tests.reports.fixed import report, stored


def doubled(results: Results, *, timed: str = "call") -> Results:
    """The same with a uint8 twin of every row, twice as fast and less accurate, and of the same bytes at that."""
    measured = [
        row.model_copy(
            update={"variant": "uint8", "latency_quiet_s": row.latency_quiet_s / 2,
                    "latency_p50_s": row.latency_p50_s / 2, "size_bytes": row.size_bytes + 1,
                    "pass_quiet_s": [one / 2 for one in row.pass_quiet_s]}
        )
        for row in results.measurements
    ]  # fmt: skip
    verified = [row.model_copy(update={"variant": "uint8", "accuracy": row.accuracy - 0.1}) for row in results.parity]
    rows = [row.model_copy(update={"timed": timed}) for row in [*results.measurements, *measured]]
    return results.model_copy(update={"measurements": rows, "parity": [*results.parity, *verified]})


BOTH = doubled(RACE)


def test_candidates_have_their_own_accuracy() -> None:
    alone = {identity(one.measurement, "batch_size", of=CELL): one.accuracy for one in candidates(RACE)}
    found = candidates(BOTH)
    assert len(found) == 2 * len(alone)
    for one in found:
        place = identity(one.measurement.model_copy(update={"variant": "standard"}), "batch_size", of=CELL)
        known = alone[place]
        own = known if known is None or one.measurement.variant == "standard" else known - 0.1
        assert one.accuracy == (None if own is None else pytest.approx(own))


def test_recommend_chooses_among_variants_and_says_what_their_calls_hold() -> None:
    wishes = Wishes(max_accuracy_drop=None)
    chosen = recommend(BOTH, wishes).chosen
    assert chosen is not None and chosen.label == "mlp-tanh-128 tflite int8 uint8 in litert, 1 thread"
    assert "--variant uint8" in wording.package_command(chosen)
    assert any("measure with mnist-deploy bench --end-to-end" in one for one in recommend(BOTH, wishes).cautions)
    standard = recommend(BOTH, wishes, variants=["standard"])
    assert standard.model_dump(exclude={"cautions"}) == recommend(RACE, wishes).model_dump(exclude={"cautions"})
    assert not any("--end-to-end" in one for one in standard.cautions)
    whole = doubled(RACE, timed="end-to-end")
    assert not inputs_differ(whole.measurements) and inputs_differ(BOTH.measurements)
    with pytest.raises(UsageError, match="--variant plain: not measured; run: mnist-deploy bench --variant plain"):
        recommend(BOTH, wishes, variants=["plain"])


def test_compare_matches_each_with_its_own() -> None:
    found = compare(BOTH, BOTH, force=True)
    assert len(found.cells) == 2 * len(RACE.measurements) and not found.only_base
    assert all(one.ratio == 1 for one in found.cells)
    assert {one.base_bytes - one.head_bytes for one in found.sizes} == {0}
    assert len(found.sizes) == 2 * len({identity(one) for one in RACE.measurements})
    assert all(one.base_accuracy == one.head_accuracy for one in found.accuracies)
    without = compare(BOTH, RACE, force=True)
    assert [one.variant for one in without.only_base] == ["uint8"] * len(RACE.measurements)
    assert "uint8 in" in without.only_base[0].label and len(without.cells) == len(RACE.measurements)


def test_gathering_keeps_the_parity_of_each(tmp_path: Path) -> None:
    found = gather(stored(tmp_path, BOTH, samples=False)).results
    assert {identity(row, of=CELL): row.accuracy for row in found.parity} == {
        identity(row, of=CELL): row.accuracy for row in BOTH.parity
    }


def test_the_sheet_has_a_row_for_each_with_its_own_accuracy(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(sheet(BOTH))))
    own = {identity(row, of=CELL): row.accuracy for row in BOTH.parity}
    assert len(rows) == len(BOTH.measurements)
    for row in rows:
        accuracy = own.get(tuple(row[name] for name in CELL))
        assert row["accuracy"] == ("" if accuracy is None else repr(accuracy))


def test_a_page_shows_each_with_its_own_figures(tmp_path: Path) -> None:
    both = doubled(RECORDS)
    own = {identity(row, of=CELL): row.accuracy for row in both.parity}
    shown = cells.measured(both)
    assert [one.measurement for one in shown] == both.measurements
    assert all(one.accuracy == own.get(identity(one.measurement, of=CELL)) for one in shown)
    text = page(pages.made(tmp_path / "both", doubled).report)
    assert "tflite int8 uint8" in text and wording.UINT8 in text
    assert wording.UINT8 not in page(pages.made(tmp_path / "one").report)
    spread = distributions(pages.recording(both.measurements), both.measurements)
    for row, one in zip(both.measurements, spread, strict=True):
        assert one is None or one.quantiles_s[0.5] == pytest.approx(row.latency_p50_s, rel=0.5)
    assert any(spread)


def test_samples_are_kept_apart_and_old_ones_are_of_the_standard_variant(tmp_path: Path) -> None:
    both = doubled(RECORDS)
    recording(both).save(tmp_path / "samples.npz")
    again = load(tmp_path / "samples.npz")
    assert set(again.passes) == {cell(one) for one in both.measurements}
    assert {key.variant for key in again.passes} == {"standard", "uint8"}
    entries = [key.entry() for key in Recording({cell(one): [] for one in RECORDS.measurements}).passes]
    assert not any("variant" in entry for entry in entries)


def test_pytest_benchmark_names_them_apart(tmp_path: Path) -> None:
    both = doubled(RECORDS)
    shown = json.loads(document(report(tmp_path, both)))["benchmarks"]
    names = [one["fullname"] for one in shown]
    assert len(set(names)) == len(names) == 2 * len(RECORDS.measurements)
    for one, row in zip(shown, both.measurements, strict=True):
        assert one["params"]["variant"] == row.variant and one["extra_info"]["p50_s"] == row.latency_p50_s
        assert ("-uint8-" in one["name"]) == (row.variant == "uint8")
        # The samples of a row lie about its own p50, a half of the other's.
        assert one["stats"]["median"] == pytest.approx(row.latency_p50_s, rel=0.5)


def test_speed_ups_are_against_the_standard_variant() -> None:
    rows = judge(list(reversed(BOTH.measurements)), QUIET, Baseline("litert"), 0.05)
    base = {(row.architecture, row.batch_size, row.threads): row for row in RACE.measurements
            if (row.runtime, row.precision) == ("litert", "float32")}  # fmt: skip
    compared = [row for row in rows if row.speed_up]
    assert compared and any(row.variant == "uint8" and row.precision == "float32" for row in compared)
    for row in compared:
        against = base[row.architecture, row.batch_size, row.threads]
        assert row.speed_up is not None
        assert row.speed_up.ratio == pytest.approx(against.latency_quiet_s / row.latency_quiet_s, rel=0.01)
