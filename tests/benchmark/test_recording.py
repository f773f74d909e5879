"""Every published figure can be recomputed from the file of raw samples, by other means than the package's own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy import results
from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.noise import Reason, SliceNoise
from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording, SliceRecord
from mnist_deploy.results import Results
from tests.conftest import TinyRun

ROOT = Path(__file__).parents[2]


def noise(probe_s: float = 1.0, **changes: object) -> SliceNoise:
    plain: dict[str, object] = {
        "wall_s": 0.1, "cpu_s": 0.1, "involuntary": 0, "waits": 0, "steal_s": None, "pressure_s": 0.0,
        "probe_s": probe_s,
    }  # fmt: skip
    return SliceNoise.model_validate(plain | changes)


def key(**changes: object) -> CellKey:
    plain: dict[str, object] = {
        "architecture": "mlp-relu-128", "format": "tflite", "precision": "int8", "runtime": "litert", "device": "cpu",
        "batch_size": 1, "threads": 1,
    }  # fmt: skip
    return CellKey(**(plain | changes))  # type: ignore[arg-type]


def one_slice(times: list[int], turn: int = 0, attempt: int = 0, probe_s: float = 1.0) -> SliceRecord:
    return SliceRecord(np.array(times, dtype=np.int64), turn, attempt, noise(probe_s), 1e-6)


RECORDING = Recording(
    {
        key(): [
            PassRecord([one_slice([5, 2**33]), one_slice([7], 1, probe_s=2.0), one_slice([6, 6], 1, 1)], 0.1, 0.2, 300),
            PassRecord([one_slice([9], probe_s=2.0), one_slice([8], 1)], 0.3, 0.4, 500),
        ],
        key(twin=True): [PassRecord([one_slice([1])], 0.1, 0.2, 3), PassRecord([one_slice([2])], 0.1, 0.2, 3)],
    }
)


def test_round_trip(tmp_path: Path) -> None:
    RECORDING.save(tmp_path / "samples.npz")
    found = recording.load(tmp_path / "samples.npz")
    assert list(found.passes) == list(RECORDING.passes)
    for (_, before), (_, after) in zip(RECORDING.slices(), found.slices(), strict=True):
        np.testing.assert_array_equal(before.times, after.times)
        assert (before.turn, before.attempt, before.noise, before.engine_s) == (
            after.turn, after.attempt, after.noise, after.engine_s,
        )  # fmt: skip
    assert [record.memory_bytes for record in found.passes[key()]] == [300, 500]


def test_a_file_from_before_delays_were_witnessed(tmp_path: Path) -> None:
    RECORDING.save(tmp_path / "samples.npz")
    older = raw(tmp_path / "samples.npz")
    del older["slice_delay_s"]
    np.savez(tmp_path / "samples.npz", **older)  # type: ignore[arg-type]
    found = recording.load(tmp_path / "samples.npz")
    assert {one.noise.delay_s for _, one in found.slices()} == {None}
    assert found.tally() == RECORDING.tally()


def test_tally_counts_what_no_attempt_mended() -> None:
    planned, retried, left, reasons = RECORDING.tally()
    # Planned: two rounds in each of two passes, and two of the twin. The slice that was mended is not left.
    assert (planned, retried, left) == (6, 1, 1)
    assert reasons == {Reason.HOST: 2}


def test_disturbed_slices_do_not_count_where_clean_ones_are() -> None:
    first, second = RECORDING.pass_times(key())
    assert [list(times) for times in first.used] == [[5, 2**33], [6, 6]] and first.trusted
    assert [list(times) for times in second.used] == [[8]]
    assert second.p50_s == pytest.approx(8e-9)


def test_of_two_sides_only_rounds_that_were_clean_for_both_are_clean(tmp_path: Path) -> None:
    quiet = [one_slice([5], turn) for turn in range(3)]
    spoiled = [one_slice([6]), one_slice([9], 1, probe_s=2.0), one_slice([7], 2)]
    held = {
        key(side="base"): [PassRecord(quiet, 0.1, 0.2, 3)],
        key(side="head"): [PassRecord(spoiled, 0.1, 0.2, 3)],
        key(side="base", batch_size=2): [PassRecord(quiet, 0.1, 0.2, 3)],
    }
    Recording(held).save(tmp_path / "samples.npz")
    found = recording.load(tmp_path / "samples.npz")
    cleans = [found.pass_times(one)[0].clean for one in held]
    assert cleans == [[True, False, True], [True, False, True], [True, True, True]]


def raw(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_published_figures_follow_from_the_file_alone(measured: tuple[Path, Results]) -> None:
    root, found = measured
    assert found.samples is not None and found.noise is not None and found.passes_done == 3
    arrays = raw(root / "results" / found.samples)
    cells = json.loads(str(arrays["cells"]))
    assert sum(cell["twin"] for cell in cells) == 1 and len(cells) == len(found.measurements) + 1
    ends = np.cumsum(arrays["slice_calls"])
    quiet = np.quantile(arrays["slice_probe_s"], 0.02)
    assert found.noise.quiet_probe_s == pytest.approx(quiet)
    waits = arrays["slice_waits"] > 50 * arrays["slice_wall_s"]
    threads = np.array([cells[number]["threads"] for number in arrays["slice_cell"]])
    flagged = (
        (~waits & (threads == 1) & (arrays["slice_cpu_s"] < 0.97 * arrays["slice_wall_s"]))
        | (~waits & (arrays["slice_involuntary"] > 200 * arrays["slice_wall_s"]))
        | (~waits & (np.nan_to_num(arrays["slice_steal_s"]) > 0.03 * arrays["slice_wall_s"]))
        | (~waits & (np.nan_to_num(arrays["slice_pressure_s"]) > 0.05 * arrays["slice_wall_s"]))
        | (
            arrays["slice_delay_s"]
            > np.where(threads == 1, 0.10, 0.25) * (arrays["slice_delay_s"] + arrays["slice_cpu_s"])
        )
        | (arrays["slice_probe_s"] > 1.10 * quiet)
    )
    for number, cell in enumerate(cells):
        if cell.pop("twin"):
            continue
        one = next(
            row for row in found.measurements if all(getattr(row, name) == value for name, value in cell.items())
        )
        per_pass, rates, calls, trusted = [], [], [], []
        for turn in range(found.passes_done):
            rows = np.flatnonzero((arrays["slice_cell"] == number) & (arrays["slice_pass"] == turn))
            clean = [row for row in rows if not flagged[row]]
            trusted.append(bool(clean))
            slices = [arrays["times"][ends[row] - arrays["slice_calls"][row] : ends[row]] for row in clean or rows]
            per_pass.append(np.median([np.median(times) for times in slices]))
            rates.append(np.median([1e9 * one.batch_size / times.mean() for times in slices]))
            calls.append(np.concatenate(slices))
        assert one.pass_trusted == trusted
        np.testing.assert_allclose(one.pass_p50_s, np.array(per_pass) / 1e9)
        use = [turn for turn in range(3) if trusted[turn]] or range(3)
        every = np.concatenate([calls[turn] for turn in use])
        assert one.latency_p50_s == pytest.approx(np.median([per_pass[turn] for turn in use]) / 1e9)
        assert one.latency_min_s == pytest.approx(every.min() / 1e9) and one.calls == len(every)
        if found.noise.withheld:
            assert (one.latency_mean_s, one.latency_p99_s, one.throughput_images_per_s) == (None, None, None)
        else:
            assert one.latency_mean_s == pytest.approx(every.mean() / 1e9)
            assert one.throughput_images_per_s == pytest.approx(np.median([rates[turn] for turn in use]))
            assert one.latency_p99_s == (pytest.approx(np.quantile(every, 0.99) / 1e9) if len(every) >= 662 else None)
        starts = arrays["start_cell"] == number
        assert one.load_s == pytest.approx(np.median(arrays["start_load_s"][starts]))
        assert one.first_call_s == pytest.approx(np.median(arrays["start_first_call_s"][starts]))
        assert one.memory_bytes == pytest.approx(np.median(arrays["start_memory_bytes"][starts]), abs=1)


def test_every_run_keeps_its_samples(tiny_run: TinyRun) -> None:
    latest = results.load(tiny_run.root / "results" / "latest.json")
    assert latest.samples is not None
    found = recording.load(tiny_run.root / "results" / latest.samples)
    assert len(found.passes) == len(latest.measurements) + 1


def test_repeatability_of_a_run_with_itself(measured: tuple[Path, Results]) -> None:
    root, found = measured
    file = root / "results" / str(found.samples)
    command = [sys.executable, "-m", "benchmarks.repeatability", str(file), str(file)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert "litert" in out and "onnxruntime" in out
    assert "1 thread(s), all: 4 cells, 6 pairs, 100.0%" in out
    none = subprocess.run(command[:3], capture_output=True, text=True, check=False, cwd=ROOT)
    assert none.returncode == 1 and "give one .samples.npz file, or two" in none.stderr
