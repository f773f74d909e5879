"""Real workers, on real artifacts, also when they die."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.benchmark import process
from mnist_deploy.benchmark.messages import Action, Burst, Event, Failed, Job, Loaded, Request, Started
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.benchmark.workers import WorkerDiedError
from mnist_deploy.dataset import scaled
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, TinyRun

SHORT = Effort(burst_s=0.01, window_s=0.002, max_warm_up_s=0.02)


def kill(signal_number: int) -> None:
    """Send a signal to the worker; its host is this process's child, and it the host's."""
    (worker,) = (process for process in psutil.Process().children(recursive=True) if not process.children())
    os.kill(worker.pid, signal_number)


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


def bursts(request: Request, job: int = 0, count: int = 1) -> list[Burst]:
    """Load a job in a worker of its own and take bursts of it."""
    with process.Host(request.runtime) as host:
        worker = host.start(request)
        assert isinstance(worker.ask(Action.LOAD, job), Loaded)
        found = [worker.ask(Action.BURST, job) for _ in range(count)]
        worker.finish()
    assert all(isinstance(one, Burst) for one in found)
    return found  # type: ignore[return-value]


def median_s(found: list[Burst]) -> float:
    return float(np.median(np.concatenate([one.times for one in found]))) / 1e9


def test_a_worker_loads_and_takes_bursts_as_it_is_told(tiny_run: TinyRun, tmp_path: Path) -> None:
    artifacts = [tflite(tiny_run), tflite(tiny_run, Precision.INT8)]
    with process.Host("litert") as host:
        worker = host.start(request_for(tiny_run, tmp_path, artifacts, effort=SHORT))
        for job in (1, 0):
            cold = worker.ask(Action.LOAD, job)
            assert isinstance(cold, Loaded) and cold.job == job
            assert cold.load_s > 0 and cold.first_call_s > 0 and "CPU" in cold.proof.executed_on
            # Python with numpy alone is larger than what LiteRT adds to it, and that is more than the model.
            assert artifacts[job].size_bytes < cold.memory_bytes < psutil.Process().memory_info().rss
        for job in (0, 1, 1, 0):
            found = worker.ask(Action.BURST, job)
            assert isinstance(found, Burst) and found.job == job and not found.bare
            assert sum(found.times) >= 0.3 * SHORT.burst_s * 1e9 and min(found.times) > 0
            assert found.engine_s is None, "LiteRT tells no time of its own"
        worker.finish()
    assert not psutil.Process().children(recursive=True)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs POSIX signals")
def test_a_worker_takes_no_processor_while_it_is_not_its_turn(tiny_run: TinyRun, tmp_path: Path) -> None:
    """ONNX Runtime's threads would spin for 40 ms after a call."""
    artifact = tiny_run.store.find(NETWORKS[1], "onnx", Precision.FLOAT32)
    assert artifact is not None
    request = request_for(tiny_run, tmp_path, [artifact], runtime="onnxruntime", threads=2, effort=SHORT)
    with process.Host("onnxruntime") as host:
        first, second = host.start(request), host.start(request)
        for worker in (first, second):
            worker.ask(Action.LOAD, 0)
        (parent,) = psutil.Process().children()
        idle, busy = parent.children()
        first.ask(Action.BURST, 0)
        end = time.monotonic() + 5
        while idle.status() != psutil.STATUS_STOPPED and time.monotonic() < end:
            time.sleep(0.001)  # a thread that waits for a processor stops once it has one
        assert idle.status() == psutil.STATUS_STOPPED
        before = idle.cpu_times()
        for _ in range(5):
            second.ask(Action.BURST, 0)
        assert idle.cpu_times() == before and busy.cpu_times() > before
        assert isinstance(first.ask(Action.BURST, 0), Burst), "it goes on where it was"


def test_the_null_runtime_is_faster_than_any_model(tiny_run: TinyRun, tmp_path: Path) -> None:
    plain = request_for(tiny_run, tmp_path, [tflite(tiny_run)], effort=SHORT)
    medians = {name: median_s(bursts(plain.model_copy(update={"runtime": name}))) for name in ("null", "litert")}
    assert medians["null"] < medians["litert"] / 3


def test_a_broken_artifact_fails_alone(tiny_run: TinyRun, tmp_path: Path) -> None:
    good = tflite(tiny_run)
    (tmp_path / "broken.tflite").write_bytes(b"TFL3" * 100)
    broken = good.model_copy(update={"path": tmp_path / "broken.tflite"})
    outcome = process.work(request_for(tiny_run, tmp_path, [broken, good]), lambda event: None)
    assert set(outcome.failed) == {0} and outcome.failed[0].count("\n") == 0
    assert set(outcome.arrays) == {"scores.1"}


def test_end_to_end_has_inside_the_clock_what_stands_outside_else(tiny_run: TinyRun, tmp_path: Path) -> None:
    """The null runtime's call takes nothing: what is left is the way from pixels to labels."""
    plain = request_for(tiny_run, tmp_path, [tflite(tiny_run)], runtime="null", effort=SHORT)
    medians = [median_s(bursts(plain.model_copy(update={"end_to_end": whole}), count=5)) for whole in (False, True)]
    assert medians[1] > 10 * medians[0]


def test_a_bare_loop_stands_beside_each_burst_where_one_is_asked_for(tiny_run: TinyRun, tmp_path: Path) -> None:
    found = bursts(request_for(tiny_run, tmp_path, [tflite(tiny_run)], effort=SHORT, bare=True), count=9)
    assert 0.5 < float(np.median([np.median(one.times) / np.median(one.bare) for one in found])) < 2


def test_openvino_tells_its_own_time_which_is_part_of_ours(tiny_run: TinyRun, tmp_path: Path) -> None:
    artifact = tiny_run.store.find(NETWORKS[1], "onnx", Precision.FLOAT32)
    assert artifact is not None
    found = bursts(request_for(tiny_run, tmp_path, [artifact], runtime="openvino", effort=SHORT), count=3)
    told = [one.engine_s for one in found if one.engine_s is not None]
    assert len(told) == 1, "it is read once in a process"
    # Five calls against hundreds, and the machine may change between them: only the order of size is sure.
    assert 0.1 * median_s(found) < told[0] < 4 * median_s(found)


def test_each_request_has_a_fresh_process_and_the_library_is_imported_once(tiny_run: TinyRun, tmp_path: Path) -> None:
    workers, hosts = [], []

    def look(event: Event) -> None:
        if isinstance(event, Started):
            (host,) = psutil.Process().children()
            hosts.append(host.pid)
            workers.append([process.pid for process in host.children()])

    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)])
    with process.Host("litert") as host:
        for _ in range(3):
            assert not host.work(request, look).failed
    assert len(set(hosts)) == 1 and len({pid for (pid,) in workers}) == 3
    assert not psutil.Process().children(recursive=True)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_a_job_that_takes_too_long_is_stopped_and_the_others_are_done(tiny_run: TinyRun, tmp_path: Path) -> None:
    """A batch of 3 million images does not pass in a second; the library itself is stuck in its computation."""
    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)] * 2, limit_s=1.0)
    request.jobs[0] = Job(artifact=tflite(tiny_run), batch_size=3_000_000)
    outcome = process.work(request, lambda event: None)
    assert set(outcome.failed) == {0} and outcome.failed[0].startswith("took longer than 1 s (SIGALRM)")
    assert set(outcome.arrays) == {"scores.1"}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_time_in_which_a_worker_is_stopped_does_not_count(tiny_run: TinyRun, tmp_path: Path) -> None:
    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)], effort=SHORT, limit_s=0.5)
    with process.Host("litert") as host:
        worker = host.start(request)
        worker.ask(Action.LOAD, 0)
        time.sleep(0.7)
        assert isinstance(worker.ask(Action.BURST, 0), Burst)


def test_the_last_words_of_a_worker_that_dies_are_kept(tiny_run: TinyRun, tmp_path: Path) -> None:
    """A crash in the library: its abort() prints what broke and raises SIGABRT."""
    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)] * 2, effort=SHORT)
    with process.Host("litert") as host:
        worker = host.start(request)
        worker.ask(Action.LOAD, 0)
        kill(signal.SIGSEGV)
        with pytest.raises(WorkerDiedError, match="SIGSEGV"):
            worker.ask(Action.BURST, 0)
        again = host.start(request)
        assert isinstance(again.ask(Action.LOAD, 1), Loaded), "its host is there for the next one"
        failed = again.ask(Action.BURST, 0)
        assert isinstance(failed, Failed) and failed.job == 0, "what was not loaded fails, and the worker lives on"
    gone = request_for(tiny_run, tmp_path, [tflite(tiny_run)], images=tmp_path / "none.npy")
    (reason,) = process.work(gone, lambda event: None).failed.values()
    assert "exit code 1; its last words:" in reason and "none.npy" in reason and "\n" not in reason


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
    assert not psutil.Process().children(recursive=True)
