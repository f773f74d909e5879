"""Every published figure can be recomputed from the file of raw samples, by other means than the package's own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from mnist_deploy import environment, results
from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.recording import BurstRecord, CellKey, PassRecord, Recording
from mnist_deploy.results import Results
from tests.conftest import TinyRun

ROOT = Path(__file__).parents[2]


def key(**changes: object) -> CellKey:
    plain: dict[str, object] = {
        "architecture": "mlp-relu-128", "format": "tflite", "precision": "int8", "runtime": "litert", "device": "cpu",
        "batch_size": 1, "threads": 1,
    }  # fmt: skip
    return CellKey(**(plain | changes))  # type: ignore[arg-type]


def burst(times: list[int], sweep: int = 0, probe_s: float = 1.0) -> BurstRecord:
    return BurstRecord(np.array(times, dtype=np.int64), sweep, probe_s, 1e-6)


RECORDING = Recording(
    {
        key(): [
            PassRecord([burst([5, 2**33]), burst([7], 1, probe_s=2.0), burst([6, 6], 2)], 0.1, 0.2, 300, 0.5),
            PassRecord([burst([9], probe_s=2.0), burst([8], 1)], 0.3, 0.4, 500, 0.1),
        ],
        key(twin=True): [PassRecord([burst([1])], 0.1, 0.2, 3), PassRecord([burst([2])], 0.1, 0.2, 3)],
    }
)


def test_round_trip(tmp_path: Path) -> None:
    RECORDING.save(tmp_path / "samples.npz")
    found = recording.load(tmp_path / "samples.npz")
    assert list(found.passes) == list(RECORDING.passes)
    for (_, before), (_, after) in zip(RECORDING.bursts(), found.bursts(), strict=True):
        np.testing.assert_array_equal(before.times, after.times)
        assert (before.sweep, before.probe_s, before.engine_s) == (after.sweep, after.probe_s, after.engine_s)
    starts = [(one.load_s, one.first_call_s, one.memory_bytes, one.others_cpus) for one in found.passes[key()]]
    assert starts == [(0.1, 0.2, 300, 0.5), (0.3, 0.4, 500, 0.1)]


def test_what_the_probe_says_against_is_counted() -> None:
    assert RECORDING.disturbances() == (7, 2) and RECORDING.quiet_probes == {1: 1.0}
    # A probe of more threads takes longer in quiet moments too.
    both = Recording({**RECORDING.passes, key(threads=2): [PassRecord([burst([1], probe_s=1.5)], 0.1, 0.2, 3)]})
    assert both.disturbances() == (8, 2) and both.quiet_probes == {1: 1.0, 2: 1.5}


def raw(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_published_figures_follow_from_the_file_alone(measured: tuple[Path, Results]) -> None:
    root, found = measured
    assert found.samples is not None and found.noise is not None and found.passes_done == 3
    arrays = raw(root / "results" / found.samples)
    cells = json.loads(str(arrays["cells"]))
    assert sum(cell["twin"] for cell in cells) == 1 and len(cells) == len(found.measurements) + 1
    ends = np.cumsum(arrays["burst_calls"])
    threads = np.array([cells[number]["threads"] for number in arrays["burst_cell"]])
    quiet = {int(count): np.quantile(arrays["burst_probe_s"][threads == count], 0.02) for count in np.unique(threads)}
    assert found.noise.quiet_probe_s == pytest.approx(quiet)
    slow = arrays["burst_probe_s"] > 1.10 * np.array([quiet[int(count)] for count in threads])
    assert (found.noise.bursts, found.noise.disturbed) == (len(slow), slow.sum())
    for number, cell in enumerate(cells):
        if cell.pop("twin"):
            continue
        one = next(
            row for row in found.measurements if all(getattr(row, name) == value for name, value in cell.items())
        )
        rows = np.flatnonzero(arrays["burst_cell"] == number)
        bursts = [arrays["times"][ends[row] - arrays["burst_calls"][row] : ends[row]].astype(np.int64) for row in rows]
        medians = np.array([np.median(times) for times in bursts]) / 1e9
        turns, every = arrays["burst_pass"][rows], np.concatenate(bursts)
        assert one.latency_quiet_s == pytest.approx(np.quantile(medians, 0.05))
        assert one.latency_p50_s == pytest.approx(np.median(medians))
        pseudo = [
            3 * np.log(np.quantile(medians, 0.05)) - 2 * np.log(np.quantile(medians[turns != left], 0.05))
            for left in range(3)
        ]
        np.testing.assert_allclose(np.log(one.pass_quiet_s), pseudo)
        within = 2 * np.var(pseudo, ddof=1) / 3
        reach = np.hypot(stats.t.ppf(0.975, 2) * within**0.5, stats.norm.ppf(0.975) * 0.01)
        assert one.latency_quiet_high_s == pytest.approx(one.latency_quiet_s * np.exp(reach))
        assert one.latency_min_s == pytest.approx(every.min() / 1e9) and one.calls == len(every)
        assert one.latency_mean_s == pytest.approx(every.mean() / 1e9)
        rates = [1e9 * one.batch_size / times.mean() for times in bursts]
        assert one.throughput_images_per_s == pytest.approx(np.median(rates))
        assert one.latency_p99_s == pytest.approx(np.quantile(every, 0.99) / 1e9)
        assert (one.latency_p99_half_width is None) == (len(every) < 662)
        starts = arrays["start_cell"] == number
        assert one.load_s == pytest.approx(np.median(arrays["start_load_s"][starts]))
        assert one.first_call_s == pytest.approx(np.median(arrays["start_first_call_s"][starts]))
        assert one.memory_bytes == pytest.approx(np.median(arrays["start_memory_bytes"][starts]), abs=1)


def test_bursts_of_a_table_lie_side_by_side(measured: tuple[Path, Results]) -> None:
    """Every cell of a table has a burst in every sweep, and no two tables' sweeps are mixed up."""
    root, found = measured
    loaded = recording.load(root / "results" / str(found.samples))
    sweeps = {
        (key.architecture, key.batch_size, key.threads, number): {one.sweep for one in record.bursts}
        for key, records in loaded.passes.items()
        for number, record in enumerate(records)
    }
    for key, records in loaded.passes.items():
        for number, record in enumerate(records):
            table = sweeps[key.architecture, key.batch_size, key.threads, number]
            assert [one.sweep for one in record.bursts] == sorted(table) and len(table) == found.plan.sweeps  # type: ignore[union-attr]


def test_every_run_keeps_its_samples(tiny_run: TinyRun) -> None:
    latest = results.load(tiny_run.root / "results" / "latest.json")
    assert latest.samples is not None
    found = recording.load(tiny_run.root / "results" / latest.samples)
    assert len(found.passes) == len(latest.measurements) + 1


@pytest.mark.parametrize("module", ["repeatability", "estimators"])
def test_how_a_run_agrees_with_itself(measured: tuple[Path, Results], module: str) -> None:
    root, found = measured
    file = root / "results" / (f"{found.stem}.json" if module == "repeatability" else str(found.samples))
    command = [sys.executable, "-m", f"benchmarks.{module}", str(file), str(file)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "1 thread" in out and f"{environment.usable_cores()} threads" in out and "100%" in out
    bad = subprocess.run(command[:-1], capture_output=True, text=True, check=False, cwd=ROOT)
    assert bad.returncode != 0 and "files or more" in bad.stderr
