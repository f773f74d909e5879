"""The real pytest-benchmark is the judge of its own format."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark.statistics import summarize
from mnist_deploy.errors import ArtifactError
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.reports.pytest_json import document, statistics
from mnist_deploy.reports.report import build
from mnist_deploy.results import Results
from tests.recordings import cell, recording
from tests.records import RECORDS
from tests.reports.fixed import report, stored


@given(st.lists(st.integers(1, 10**10), min_size=1, max_size=60))
def test_statistics_are_those_of_pytest_benchmark(calls: list[int]) -> None:
    theirs = Stats()
    for one in calls:
        theirs.update(one / 1e9)
    ours = statistics(np.array(calls, dtype=np.int64))
    # Older versions take the datum above the fence, or none, for hd15iqr.
    for name in set(Stats.fields) - {"hd15iqr", "outliers", "stddev_outliers", "iqr_outliers"}:
        assert ours[name] == pytest.approx(getattr(theirs, name), rel=1e-9, abs=1e-15), name
    assert set(ours) == {*Stats.fields, "iterations"}
    assert ours["hd15iqr"] == max(one for one in theirs.data if one <= ours["q3"] + 1.5 * ours["iqr"])


def test_outliers_are_those_of_pytest_benchmark() -> None:
    calls = np.array([100, 101, 102, 103, 104, 105, 106, 300, 5], dtype=np.int64)
    theirs = Stats()
    for one in calls:
        theirs.update(int(one) / 1e9)
    assert statistics(calls)["outliers"] == theirs.outliers == "2;2"


def test_all_calls_are_taken(tmp_path: Path) -> None:
    content = json.loads(document(report(tmp_path)))
    found = recording(RECORDS)
    assert len(content["benchmarks"]) == len(RECORDS.measurements)
    for one, shown in zip(RECORDS.measurements, content["benchmarks"], strict=True):
        figures = summarize(found.cell_times(cell(one)), one.batch_size)
        assert shown["stats"]["rounds"] == figures.calls == 3 * 2 * 40
        assert shown["stats"]["mean"] == pytest.approx(figures.mean.value)
        assert shown["stats"]["min"] == figures.min_s
        assert shown["extra_info"]["p50_s"] == one.latency_p50_s
        assert shown["extra_info"]["quiet_p50_s"] == one.latency_quiet_s
        assert shown["extra_info"]["artifact_sha256"] == one.artifact_sha256
        assert shown["params"]["threads"] == one.threads
    names = [one["fullname"] for one in content["benchmarks"]]
    assert len(set(names)) == len(names)


def test_real_samples_give_the_figures_of_the_results(measured: tuple[Path, Results]) -> None:
    root, results = measured
    store = ArtifactStore(shutil.copytree(root, root.with_name("copy"), dirs_exist_ok=True))
    results.model_copy(update={"complete": True}).save(store.results)
    content = json.loads(document(build(gather(store))))
    for one, shown in zip(results.measurements, content["benchmarks"], strict=True):
        assert shown["stats"]["rounds"] == one.calls
        assert shown["stats"]["min"] == pytest.approx(one.latency_min_s)
        assert shown["stats"]["mean"] == pytest.approx(one.latency_mean_s)


def test_its_own_compare_reads_it(tmp_path: Path) -> None:
    path, other = tmp_path / "benchmark.json", tmp_path / "other.json"
    for one in (path, other):
        one.write_text(document(report(tmp_path)))
    command = Path(sys.executable).with_name("pytest-benchmark")
    options = ["--group-by=group", "--columns=min,max,mean,stddev,median,iqr,outliers,ops,rounds,iterations"]
    table = subprocess.run([command, "compare", path, other, *options, f"--csv={tmp_path / 'out'}"],
                           capture_output=True, text=True, check=True, cwd=tmp_path)  # fmt: skip
    assert "mlp-relu-128, batch 1, threads 1" in table.stdout and "WARNING" not in table.stdout + table.stderr
    assert table.stdout.count("call[") == 2 * len(RECORDS.measurements)
    assert len((tmp_path / "out.csv").read_text().splitlines()) > len(RECORDS.measurements)
    by_runtime = subprocess.run([command, "compare", path, "--group-by=param:runtime"],
                                capture_output=True, text=True, check=True, cwd=tmp_path)  # fmt: skip
    assert "runtime=litert" in by_runtime.stdout


def test_without_samples(tmp_path: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"samples\.npz: no such raw samples; put the file beside .* mnist-deploy bench"
    ):
        document(report(tmp_path, samples=False))
    with pytest.raises(ArtifactError, match="names no raw samples"):
        document(report(tmp_path / "other", RECORDS.model_copy(update={"samples": None})))


def test_with_damaged_or_foreign_samples(tmp_path: Path) -> None:
    store = stored(tmp_path)
    path = store.results / str(RECORDS.samples)
    recording(RECORDS.model_copy(update={"measurements": RECORDS.measurements[:1]})).save(path)
    with pytest.raises(ArtifactError, match=r"holds no samples of mlp-relu-128-tflite-int8-litert-cpu-batch1-threads1"):
        document(build(gather(store)))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtifactError, match="not readable raw samples"):
        document(build(gather(store)))
