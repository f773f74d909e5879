"""Real workers, on real artifacts, also when they die."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.benchmark import process
from mnist_deploy.benchmark.messages import Done, Event, Job, Loaded, Request, Sliced, Started
from mnist_deploy.benchmark.noise import reasons
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.dataset import scaled
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, TinyRun

SHORT = Effort(slice_s=0.01, window_s=0.002, max_warm_up_s=0.02)


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
        assert cold.load_s > 0 and cold.first_call_s > 0 and "CPU" in cold.proof.executed_on
        # Python with numpy alone is larger than what LiteRT adds to it, and that is more than the model.
        assert artifacts[0].size_bytes < cold.memory_bytes < psutil.Process().memory_info().rss
    for slices in outcome.sliced.values():
        assert [(one.turn, one.attempt) for one in slices] == [(0, 0), (1, 0), (2, 0)]
        assert all(one.noise.wall_s >= SHORT.slice_s and one.noise.probe_s > 0 for one in slices)
        assert all(one.engine_s is None for one in slices), "LiteRT tells no time of its own"
    assert not outcome.failed


def test_the_null_runtime_is_faster_than_any_model(tiny_run: TinyRun, tmp_path: Path) -> None:
    plain = request_for(tiny_run, tmp_path, [tflite(tiny_run)], effort=SHORT, rounds=[[0]])
    medians = {
        name: float(np.median(process.work(plain.model_copy(update={"runtime": name}), lambda _: None).arrays["0.0"]))
        for name in ("null", "litert")
    }
    assert medians["null"] < medians["litert"] / 3


def test_a_broken_artifact_fails_alone(tiny_run: TinyRun, tmp_path: Path) -> None:
    good = tflite(tiny_run)
    (tmp_path / "broken.tflite").write_bytes(b"TFL3" * 100)
    broken = good.model_copy(update={"path": tmp_path / "broken.tflite"})
    outcome = process.work(request_for(tiny_run, tmp_path, [broken, good]), lambda event: None)
    assert set(outcome.failed) == {0} and outcome.failed[0].count("\n") == 0
    assert set(outcome.arrays) == {"scores.1"}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning a process to a processor needs Linux")
def test_disturbed_slices_are_measured_once_more_while_retries_last(tiny_run: TinyRun, tmp_path: Path) -> None:
    """The worker shares one processor with a process that never rests."""
    artifacts = [tflite(tiny_run)] * 4
    plain = request_for(tiny_run, tmp_path, artifacts, effort=Effort(slice_s=0.05, max_warm_up_s=0.02, window_s=0.002))
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with process.Host("litert") as host:
            events: list[Event] = []
            request = plain.model_copy(update={"rounds": [[0, 1, 2, 3], [3, 2, 1, 0]], "retries": 3})
            outcome = host.work(request, events.append)
            never = host.work(request.model_copy(update={"retries": 0}), lambda event: None)
    finally:
        hog.kill()
        hog.wait()
        os.sched_setaffinity(0, before)
    sliced = [event for event in events if isinstance(event, Sliced)]
    again = [event for event in sliced if event.attempt == 1]
    assert 1 <= len(again) <= 3, "the probe is short, and so finds quiet moments between the neighbour's turns"
    for event in again:
        place = sliced.index(event)
        assert all(other.turn == event.turn for other in sliced[max(0, place - 4) : place])
        (first,) = (one for one in sliced if (one.job, one.turn, one.attempt) == (event.job, event.turn, 0))
        assert reasons(first.noise, first.noise.probe_s, threads=1), "a clean slice is not measured again"
    assert sum(isinstance(event, Done) for event in events) == 8, "a retry is no step of the plan"
    assert len(outcome.arrays) == len(sliced) == 8 + len(again)
    assert len(never.arrays) == 8


def test_end_to_end_has_inside_the_clock_what_stands_outside_else(tiny_run: TinyRun, tmp_path: Path) -> None:
    """The null runtime's call takes nothing: what is left is the way from pixels to labels."""
    plain = request_for(tiny_run, tmp_path, [tflite(tiny_run)], runtime="null", effort=SHORT, rounds=[[0]] * 5)
    medians = []
    for whole in (False, True):
        outcome = process.work(plain.model_copy(update={"end_to_end": whole}), lambda event: None)
        medians.append(float(np.median(np.concatenate(list(outcome.arrays.values())))))
    assert medians[1] > 10 * medians[0]


def test_openvino_tells_its_own_time_which_is_part_of_ours(tiny_run: TinyRun, tmp_path: Path) -> None:
    artifact = tiny_run.store.find(NETWORKS[1], "onnx", Precision.FLOAT32)
    assert artifact is not None
    request = request_for(tiny_run, tmp_path, [artifact], runtime="openvino", effort=SHORT, rounds=[[0]] * 3)
    outcome = process.work(request, lambda event: None)
    told = [one.engine_s for one in outcome.sliced[0] if one.engine_s is not None]
    assert len(told) == 1, "it is read once in a pass"
    call = np.median([np.median(times) for times in outcome.arrays.values()]) / 1e9
    # Five calls against hundreds, and the machine may change between them: only the order of size is sure.
    assert 0.1 * call < told[0] < 4 * call


def test_each_request_has_a_fresh_process_and_the_library_is_imported_once(tiny_run: TinyRun, tmp_path: Path) -> None:
    workers, hosts = [], []

    def look(event: Event) -> None:
        if isinstance(event, Loaded):
            (host,) = psutil.Process().children()
            hosts.append(host.pid)
            workers.append([process.pid for process in host.children()])

    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)], effort=SHORT, rounds=[[0]])
    with process.Host("litert") as host:
        for _ in range(3):
            assert not host.work(request, look).failed
    assert len(set(hosts)) == 1 and len({pid for (pid,) in workers}) == 3
    assert not psutil.Process().children(recursive=True)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_a_job_that_takes_too_long_is_stopped_and_the_others_are_done(tiny_run: TinyRun, tmp_path: Path) -> None:
    """A batch of 3 million images does not pass in a second; the library itself is stuck in its computation."""
    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)] * 2, effort=SHORT, rounds=[[0, 1]], limit_s=1.0)
    request.jobs[0] = Job(artifact=tflite(tiny_run), batch_size=3_000_000)
    outcome = process.work(request, lambda event: None)
    assert set(outcome.failed) == {0} and outcome.failed[0].startswith("took longer than 1 s (SIGALRM)")
    assert set(outcome.arrays) == {"1.0"}


def test_the_last_words_of_a_worker_that_dies_are_kept(tiny_run: TinyRun, tmp_path: Path) -> None:
    """A crash in the library: its abort() prints what broke and raises SIGABRT."""
    request = request_for(tiny_run, tmp_path, [tflite(tiny_run)] * 2, effort=Effort(slice_s=2.0), rounds=[[0, 1]])
    started = []

    def crash(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.job)
        if started == [0, 1, 0]:
            started.append(-1)
            kill(signal.SIGSEGV)

    outcome = process.work(request, crash)
    assert set(outcome.failed) == {0} and "SIGSEGV" in outcome.failed[0]
    gone = request_for(tiny_run, tmp_path, [tflite(tiny_run)], images=tmp_path / "none.npy")
    (reason,) = process.work(gone, lambda event: None).failed.values()
    assert "exit code 1; its last words:" in reason and "none.npy" in reason and "\n" not in reason


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_worker_that_is_killed_costs_the_job_in_hand_only(tiny_run: TinyRun, tmp_path: Path) -> None:
    started, killed = [], []

    def kill_while_the_second_job_is_measured(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.job)
        # It is started twice: loaded first, then measured, which takes a while.
        if started.count(1) == 2 and not killed:
            killed.append(1)
            kill(signal.SIGKILL)

    slow = Effort(slice_s=1.0)
    artifacts = [tflite(tiny_run)] * 3
    request = request_for(tiny_run, tmp_path, artifacts, effort=slow, rounds=[[0, 1, 2]])
    outcome = process.work(request, kill_while_the_second_job_is_measured)
    assert killed
    assert set(outcome.failed) == {1}
    assert outcome.failed[1].startswith("the worker process was killed by SIGKILL (out of memory?); its last words: ")
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
    assert not psutil.Process().children(recursive=True)
