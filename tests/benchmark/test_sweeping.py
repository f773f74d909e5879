"""Passes over real artifacts: what lies side by side, what a failure costs, and what is done where memory is short."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.benchmark import bounds
from mnist_deploy.benchmark.pool import PassResult
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.benchmark.schedule import Cell, Plan, Use
from mnist_deploy.benchmark.sweeping import Sweeper
from tests.conftest import NETWORKS, TinyRun

EFFORT = Effort(burst_s=0.002, window_s=0.002, max_warm_up_s=0.01)
PLAN = Plan(passes=1, sweeps=6, min_sweeps=3, time_limit_s=None, effort=EFFORT)


def found(run: TinyRun, network: str, format: str, precision: Precision = Precision.FLOAT32) -> Artifact:
    artifact = run.store.find(network, format, precision)
    assert artifact is not None
    return artifact


@pytest.fixture
def cells(tiny_run: TinyRun) -> list[Cell]:
    """Two networks in two runtimes, one image and one thread; one of them with two threads too."""
    latency, throughput = Use(batch_size=1, threads=1), Use(batch_size=16, threads=2)
    pairs = [("tflite", "litert"), ("onnx", "onnxruntime")]
    made = [
        Cell(found(tiny_run, name, format), runtime, "cpu", latency) for name in NETWORKS for format, runtime in pairs
    ]
    return made + [Cell(found(tiny_run, NETWORKS[0], format), runtime, "cpu", throughput) for format, runtime in pairs]


def measured(
    cells: list[Cell],
    run: TinyRun,
    folder: Path,
    plan: Plan = PLAN,
    on_step: Callable[[str, int], None] = lambda detail, steps: None,
    end_s: float | None = None,
) -> tuple[PassResult, Sweeper]:
    images = folder / "images.npy"
    np.save(images, run.dataset.test_images[:50])
    result = PassResult()
    with Sweeper(plan, images, on_step) as sweeper:
        sweeper.measure(cells, random.Random(0), end_s, result)
    assert not psutil.Process().children(recursive=True), "no worker outlives its pass"
    return result, sweeper


def test_every_cell_has_a_burst_in_every_sweep(cells: list[Cell], tiny_run: TinyRun, tmp_path: Path) -> None:
    steps: list[int] = []
    result, sweeper = measured(cells, tiny_run, tmp_path, on_step=lambda detail, count: steps.append(count))
    assert not result.failed and set(result.records) == set(result.loaded) == set(cells)
    assert (result.sweeps, sweeper.most_alive) == (PLAN.sweeps, None)
    assert sum(steps) == 2 * len(cells)
    for record in result.records.values():
        assert len(record.bursts) == PLAN.sweeps and record.load_s > 0 and record.memory_bytes > 0
        assert all((one.times > 0).all() and one.probe_s > 0 for one in record.bursts)
    for use in {cell.use for cell in cells}:
        sweeps = [[one.sweep for one in result.records[cell].bursts] for cell in cells if cell.use == use]
        assert all(one == sweeps[0] for one in sweeps), "those of one table have their sweeps in common"


def test_where_time_is_short_there_are_fewer_sweeps_and_no_fewer_than_the_fewest(
    cells: list[Cell], tiny_run: TinyRun, tmp_path: Path
) -> None:
    result, _ = measured(cells, tiny_run, tmp_path, end_s=0.0)
    assert result.sweeps == PLAN.min_sweeps
    assert {len(record.bursts) for record in result.records.values()} == {PLAN.min_sweeps}


def test_a_broken_artifact_costs_its_own_cells(cells: list[Cell], tiny_run: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"TFL3" * 100)
    broken = replace(cells[0], artifact=cells[0].artifact.model_copy(update={"path": tmp_path / "broken.tflite"}))
    result, _ = measured([broken, *cells[1:]], tiny_run, tmp_path)
    assert set(result.failed) == {broken} and set(result.records) == set(cells[1:])
    assert all(len(record.bursts) == PLAN.sweeps for record in result.records.values())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize("when", ["loading", "sweeping"])
def test_a_worker_that_dies_costs_the_cell_in_hand_alone(
    when: str, cells: list[Cell], tiny_run: TinyRun, tmp_path: Path
) -> None:
    """LiteRT's worker holds two cells, and is killed while it is stopped: what it is asked next fails."""
    light = [cell for cell in cells if cell.use.threads == 1]
    steps, killed = 0, list[int]()

    def kill_the_first_worker(detail: str, count: int) -> None:
        nonlocal steps
        steps += count
        if not killed and steps >= (1 if when == "loading" else len(light) + 1):
            (host, *_) = psutil.Process().children()
            killed.append(host.children()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    result, _ = measured(light, tiny_run, tmp_path, on_step=kill_the_first_worker)
    assert killed and len(result.failed) == 1
    (reason,) = result.failed.values()
    assert reason.startswith("the worker process was killed by SIGKILL")
    assert set(result.records) == set(light) - set(result.failed)
    assert all(len(record.bursts) >= PLAN.sweeps - 1 for record in result.records.values())


def test_where_memory_is_short_one_worker_is_alive_at_a_time(
    cells: list[Cell], tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "free_bytes", lambda: 0)
    alive: list[int] = []

    def look(detail: str, count: int) -> None:
        alive.append(sum(len(host.children()) for host in psutil.Process().children()))

    result, sweeper = measured(cells, tiny_run, tmp_path, on_step=look)
    assert not result.failed and set(result.records) == set(cells)
    assert max(alive) == 1 and sweeper.most_alive == 1
    sweeps = [{one.sweep for one in result.records[cell].bursts} for cell in cells[:2]]
    assert not sweeps[0] & sweeps[1], "what was not alive together has no sweep in common"


def test_a_cell_and_its_twin_take_the_same_time(cells: list[Cell], tiny_run: TinyRun, tmp_path: Path) -> None:
    one = cells[0]
    twin = one.twin()
    result, _ = measured([one, twin], tiny_run, tmp_path, PLAN.model_copy(update={"sweeps": 60}))
    first, second = ([burst.p50_ns for burst in result.records[cell].bursts] for cell in (one, twin))
    assert 0.9 < float(np.median(np.array(first) / np.array(second))) < 1.1


def test_slow_cells_take_part_in_fewer_sweeps(cells: list[Cell], tiny_run: TinyRun, tmp_path: Path) -> None:
    keras = Cell(found(tiny_run, NETWORKS[0], "keras"), "keras-predict", "cpu", Use(batch_size=1, threads=1))
    result, _ = measured([keras, *cells[:1]], tiny_run, tmp_path, PLAN.model_copy(update={"sweeps": 12}))
    assert not result.failed
    slow, fast = (result.records[cell].bursts for cell in (keras, cells[0]))
    assert len(fast) == 12 and 3 <= len(slow) < 12
    assert {one.sweep for one in slow} < {one.sweep for one in fast}
