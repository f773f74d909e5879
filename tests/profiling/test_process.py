"""A profiling worker and its parent."""

from pathlib import Path

import numpy as np

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.benchmark.messages import Failed, Started
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.profiling.messages import Profiled, ProfilePlan, Request, Timed
from mnist_deploy.profiling.process import outcome, work
from tests.conftest import NETWORKS, TinyRun

SHORT = ProfilePlan(
    slices=2, rounds=2, max_calls=20, images=64,
    effort=Effort(burst_s=0.005, min_calls=3, window_s=0.005, max_warm_up_s=0.02),
)  # fmt: skip
PROFILED = Profiled(job=0, operators=[], unfused_qdq=0, beside_s=1.0, profiled_s=1.0, calls=1)


def request(run: TinyRun, folder: Path, *artifacts: Artifact, plan: ProfilePlan = SHORT) -> Request:
    images = folder / "images.npy"
    np.save(images, run.dataset.test_images[: plan.images])
    return Request(
        runtime="litert", threads=1, batch_size=1, artifacts=list(artifacts), images=images, plan=plan, profile=True
    )


def artifact(run: TinyRun, precision: Precision) -> Artifact:
    found = run.store.find(NETWORKS[1], "tflite", precision)
    assert found is not None
    return found


def test_one_that_cannot_be_loaded_leaves_its_twin_alone(tiny_run: TinyRun, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nonsense")
    bad = artifact(tiny_run, Precision.INT8).model_copy(update={"path": broken})
    found = work(request(tiny_run, tmp_path, bad, artifact(tiny_run, Precision.FLOAT32)))
    assert list(found.failed) == [0] and found.failed[0]
    assert found.medians_s[0] is None and len(found.medians_s[1] or []) == SHORT.slices
    assert list(found.profiled) == [1] and found.profiled[1].calls == SHORT.rounds * SHORT.max_calls


def test_one_that_takes_too_long_is_stopped(tiny_run: TinyRun, tmp_path: Path) -> None:
    plan = SHORT.model_copy(update={"limit_s": 0.01})
    found = work(request(tiny_run, tmp_path, artifact(tiny_run, Precision.FLOAT32), plan=plan))
    assert found.failed == {0: "took longer than 0.01 s"}


def test_who_dies_is_blamed_and_what_was_told_counts() -> None:
    events = [Timed(medians_s=[[1.0], [1.0], [1.0]]), PROFILED, Started(job=1)]
    found = outcome(3, events, "was killed by SIGSEGV", profile=True)
    assert found.failed == {1: "was killed by SIGSEGV", 2: "not reached: the process was killed by SIGSEGV before"}
    assert list(found.profiled) == [0]


def test_a_failure_has_its_own_reason_even_if_the_process_dies() -> None:
    found = outcome(1, [Failed(job=0, reason="no such operator")], "ended with exit code 1", profile=False)
    assert found.failed == {0: "no such operator"}
