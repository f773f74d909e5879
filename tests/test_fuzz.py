"""Over a thousand damaged artifacts, each loaded and run by its library in a worker: what comes of it is a reason."""

import random
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mnist_deploy import files
from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark import process
from mnist_deploy.benchmark.messages import Action, Burst, Event, Failed, Job, Loaded, Request, Started
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.benchmark.workers import WorkerDiedError
from mnist_deploy.runtimes import RUNTIMES
from tests import damage, damage_graphs
from tests.conftest import TinyRun

IMAGES = 8
BATCH = 20  # artifacts a request
SHORT = Effort(burst_s=0.002, window_s=0.001, max_warm_up_s=0.004)


@dataclass(frozen=True)
class Plan:
    """How many inputs of a format a runtime is given, in requests of `BATCH`, and how long one may take."""

    runtime: str
    format: str
    requests: int
    limit_s: float = 3.0
    measured: bool = False

    @property
    def label(self) -> str:
        return f"{self.runtime}-{self.format}{'-measured' * self.measured}"


PLANS = [
    Plan("litert", "tflite", 18),
    Plan("litert-builtin", "tflite", 10),
    Plan("litert", "tflite", 3, measured=True),
    Plan("onnxruntime", "onnx", 16),
    Plan("onnxruntime", "onnx", 3, measured=True),
    Plan("mnn", "mnn", 14),
    Plan("openvino", "openvino", 4),
    Plan("openvino", "onnx", 3),
    Plan("keras-call", "keras", 3, limit_s=15.0),
    Plan("tensorflow", "saved_model", 3, limit_s=15.0),
]
# By its own schema as often as by its bytes.
GRAPHS: dict[str, tuple[tuple[damage.Damage, str | None], ...]] = {
    "tflite": ((damage_graphs.tflite, None),),
    "onnx": ((damage_graphs.onnx, None), (damage_graphs.onnx_end, None), (damage_graphs.onnx_outside, None)),
    "openvino": ((damage.ir, "model.xml"),),
    "keras": ((damage.keras, None),),
    "saved_model": ((damage_graphs.saved_model, "saved_model.pb"),),
}
# SHA-256 of every input that a worker began with, by plan.
TRIED: dict[str, set[str]] = defaultdict(set)


@dataclass(frozen=True)
class Case:
    """One input: which artifact of the format, what is done to it, and by what seed."""

    number: int
    damage: damage.Damage
    member: str | None
    seed: int

    def made(self, artifacts: list[Artifact], path: Path) -> Artifact:
        """An artifact whose manifest would agree with the damage, as someone who means harm leaves it."""
        source = artifacts[self.number % len(artifacts)]
        path = path.with_suffix(source.path.suffix)
        # By its place too: hypothesis begins with a batch of twenty times the same.
        damage.damaged(source.path, path, self.damage, random.Random(f"{self.seed}.{path.stem}"), self.member)
        return source.model_copy(
            update={"path": path, "sha256": files.sha256(path), "size_bytes": files.size_bytes(path)}
        )


def cases(format: str) -> st.SearchStrategy[Case]:
    plain = st.tuples(st.sampled_from(damage.BYTES), st.none())
    known = GRAPHS.get(format)
    kinds = st.one_of(plain, st.sampled_from(known)) if known else plain
    return st.builds(
        lambda number, kind, seed: Case(number, *kind, seed), st.integers(0, 99), kinds, st.integers(0, 2**48)
    )


@pytest.fixture(scope="module")
def images(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, tiny_run.dataset.test_images[:IMAGES])
    return path


def asked(plan: Plan, artifacts: list[Artifact], images: Path) -> Request:
    effort = SHORT if plan.measured else None
    return Request(
        runtime=plan.runtime, device="cpu", threads=1, jobs=[Job(artifact=one, batch_size=1) for one in artifacts],
        images=images, answers=images.with_name("answers.npz"), effort=effort, singles=0 if plan.measured else 2,
        limit_s=plan.limit_s,
    )  # fmt: skip


def assert_is_reason(reason: str) -> None:
    assert reason.strip() and reason.isprintable() and len(reason) < 700, reason


def assert_answered(outcome: process.Outcome, request: Request) -> None:
    """Each job has all that was asked of it, or a reason in one line that a terminal can show."""
    for job in range(len(request.jobs)):
        assert (job in outcome.failed) is not (job in outcome.scored), (outcome.failed.get(job), outcome.died)
        if job in outcome.failed:
            assert_is_reason(outcome.failed[job])
        else:
            scores = outcome.arrays[f"scores.{job}"]
            assert scores.shape == (IMAGES, 10) and scores.dtype == np.float32


def assert_measured(host: process.Host, request: Request, plan: str) -> None:
    """Each job is loaded and has a burst, or a reason; where one ends its process, another takes the next."""
    worker = host.start(request)
    for job, one in enumerate(request.jobs):
        TRIED[plan].add(one.artifact.sha256)
        try:
            loaded = worker.ask(Action.LOAD, job)
            found = worker.ask(Action.BURST, job) if isinstance(loaded, Loaded) else loaded
        except WorkerDiedError as death:
            assert_is_reason(death.reason)
            worker = host.start(request)
            continue
        if isinstance(found, Failed):
            assert_is_reason(found.reason)
        else:
            assert isinstance(found, Burst) and min(found.times) >= 0
    worker.kill()


@pytest.mark.parametrize("plan", PLANS, ids=[plan.label for plan in PLANS])
def test_a_damaged_artifact_gives_a_reason_or_scores(
    plan: Plan, tiny_run: TinyRun, images: Path, tmp_path: Path
) -> None:
    sources = [one for one, _ in tiny_run.store.select(formats=[plan.format]) if RUNTIMES[plan.runtime].reads(one)]
    with process.Host(plan.runtime) as host:

        @settings(
            max_examples=plan.requests, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.lists(cases(plan.format), min_size=BATCH, max_size=BATCH))
        def tried(batch: list[Case]) -> None:
            with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
                made = [case.made(sources, Path(folder) / str(number)) for number, case in enumerate(batch)]
                request = asked(plan, made, images)

                def on_event(event: Event) -> None:
                    if isinstance(event, Started):
                        TRIED[plan.label].add(made[event.job].sha256)

                if plan.measured:
                    assert_measured(host, request, plan.label)
                else:
                    assert_answered(host.work(request, on_event), request)

        tried()


def test_they_were_more_than_a_thousand() -> None:
    """Runs after the others of this file; what two plans share counts once for each."""
    if set(TRIED) != {plan.label for plan in PLANS}:
        pytest.skip("the whole file was not run")
    assert sum(map(len, TRIED.values())) >= 1000, {name: len(found) for name, found in TRIED.items()}


def test_what_never_answers_is_ended_and_the_others_go_on(tiny_run: TinyRun, images: Path, tmp_path: Path) -> None:
    plan = Plan("onnxruntime", "onnx", 1, limit_s=2.0)
    source = next(one for one, _ in tiny_run.store.select(formats=["onnx"], precisions=["float32"]))
    endless = Case(0, damage_graphs.onnx_endless, None, 0).made([source], tmp_path / "endless")
    request = asked(plan, [source, endless, source], images)
    outcome = process.work(request, lambda event: None)
    assert set(outcome.scored) == {0, 2} and "took longer than 2 s" in outcome.failed[1], outcome.failed
