"""Real workers, on real artifacts, also when they die."""

import os
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.benchmark import process
from mnist_deploy.benchmark.messages import Done, Event, Job, Request, Started
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.benchmark.worker import placed
from mnist_deploy.dataset import scaled
from mnist_deploy.errors import UnavailableError
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, TinyRun

SHORT = Effort(slice_s=0.01, window_s=0.002, max_warm_up_s=0.02)


def tflite(run: TinyRun, precision: Precision = Precision.FLOAT32) -> Artifact:
    found = run.store.find(NETWORKS[0], "tflite", precision)
    assert found is not None
    return found


def request_for(run: TinyRun, folder: Path, artifacts: list[Artifact], **changes: object) -> Request:
    images = folder / "images.npy"
    np.save(images, run.dataset.test_images[:50])
    return Request(
        runtime="litert", device="cpu", threads=1, images=images, answers=folder / "answers.npz",
        jobs=[Job(artifact=artifact, batch_size=16) for artifact in artifacts],
    ).model_copy(update=changes)  # fmt: skip


def test_scores_are_those_of_the_same_runtime_here(tiny_run: TinyRun, tmp_path: Path) -> None:
    artifact = tflite(tiny_run)
    outcome = process.work(request_for(tiny_run, tmp_path, [artifact]), lambda event: None)
    with RUNTIMES["litert"](artifact, device="cpu", threads=1, batch_size=16) as loaded:
        expected = loaded.infer(scaled(tiny_run.dataset.test_images[:50]))
    np.testing.assert_array_equal(outcome.arrays["scores.0"], expected)


def test_measures_every_job_in_every_round(tiny_run: TinyRun, tmp_path: Path) -> None:
    artifacts = [tflite(tiny_run), tflite(tiny_run, Precision.INT8)]
    events: list[Event] = []
    rounds = [[0, 1], [1, 0], [0, 1]]
    outcome = process.work(request_for(tiny_run, tmp_path, artifacts, effort=SHORT, rounds=rounds), events.append)
    assert [event.job for event in events if isinstance(event, Done)] == [0, 1, 1, 0, 0, 1]
    assert set(outcome.arrays) == {f"{job}.{turn}" for job in (0, 1) for turn in (0, 1, 2)}
    assert all(len(times) >= SHORT.min_calls and (times > 0).all() for times in outcome.arrays.values())
    assert set(outcome.loaded) == {0, 1}
    for cold in outcome.loaded.values():
        assert cold.load_s > 0 and cold.first_call_s > 0 and "CPU" in cold.executed_on
    assert not outcome.failed


def test_the_null_runtime_is_faster_than_any_model(tiny_run: TinyRun, tmp_path: Path) -> None:
    plain = request_for(tiny_run, tmp_path, [tflite(tiny_run)], effort=SHORT, rounds=[[0]])
    medians = {
        name: float(np.median(process.work(plain.model_copy(update={"runtime": name}), lambda _: None).arrays["0.0"]))
        for name in ("null", "litert")
    }
    assert medians["null"] < medians["litert"] / 3


@pytest.mark.parametrize("where", ["CPU:0", "CPUExecutionProvider", "CPU (XNNPACK by default)"])
def test_what_fell_back_to_the_cpu_does_not_pass_for_a_gpu(where: str) -> None:
    with pytest.raises(UnavailableError, match="asked for the GPU"):
        placed("gpu", where)
    assert placed("cpu", where) == where
    assert placed("gpu", "GPU:0") == "GPU:0"
    assert placed("gpu", "CUDAExecutionProvider") == "CUDAExecutionProvider"


def test_a_broken_artifact_fails_alone(tiny_run: TinyRun, tmp_path: Path) -> None:
    good = tflite(tiny_run)
    (tmp_path / "broken.tflite").write_bytes(b"TFL3" * 100)
    broken = good.model_copy(update={"path": tmp_path / "broken.tflite"})
    outcome = process.work(request_for(tiny_run, tmp_path, [broken, good]), lambda event: None)
    assert set(outcome.failed) == {0} and outcome.failed[0].count("\n") == 0
    assert set(outcome.arrays) == {"scores.1"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_worker_that_is_killed_costs_the_job_in_hand_only(tiny_run: TinyRun, tmp_path: Path) -> None:
    started, killed = [], []

    def kill_while_the_second_job_is_measured(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.job)
        # It is started twice: loaded first, then measured, which takes a while.
        if started.count(1) == 2 and not killed:
            (worker,) = psutil.Process().children()
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    slow = Effort(slice_s=1.0)
    artifacts = [tflite(tiny_run)] * 3
    request = request_for(tiny_run, tmp_path, artifacts, effort=slow, rounds=[[0, 1, 2]])
    outcome = process.work(request, kill_while_the_second_job_is_measured)
    assert killed
    assert outcome.failed == {1: "the worker process was killed by SIGKILL"}
    assert set(outcome.arrays) == {"0.0", "2.0"}


def test_a_worker_that_cannot_start_fails_every_job(tiny_run: TinyRun, tmp_path: Path) -> None:
    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)] * 2, images=tmp_path / "none.npy")
    outcome = process.work(request, lambda event: None)
    assert set(outcome.failed) == {0, 1} and not outcome.arrays
    assert "exit code 1" in outcome.failed[0]


def test_no_worker_outlives_an_interruption(tiny_run: TinyRun, tmp_path: Path) -> None:
    class InterruptionError(Exception):
        pass

    def interrupt(event: Event) -> None:
        raise InterruptionError

    with pytest.raises(InterruptionError):
        process.work(request_for(tiny_run, tmp_path, [tflite(tiny_run)]), interrupt)
    assert not psutil.Process().children()
