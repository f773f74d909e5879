"""Over a thousand damaged artifacts, each loaded and run by its library in a worker: what comes of it is a reason."""

import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mnist_deploy import files
from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark import process
from mnist_deploy.benchmark.messages import Event, Job, Request, Started
from mnist_deploy.benchmark.sampler import Effort
from tests import damage, damage_graphs
from tests.conftest import NETWORKS, TinyRun

IMAGES = 8
BATCH = 20  # artifacts a request
SHORT = Effort(slice_s=0.002, window_s=0.001, max_warm_up_s=0.004)


@dataclass(frozen=True)
class Plan:
    """How many inputs of a format a runtime is given, in requests of `BATCH`, and how long one may take."""

    runtime: str
    format: str
    requests: int
    limit_s: float = 1.5
    measured: bool = False

    @property
    def label(self) -> str:
        return f"{self.runtime}-{self.format}{'-measured' * self.measured}"


PLANS = [
    Plan("litert", "tflite", 8),
    Plan("litert-builtin", "tflite", 8),
    Plan("litert", "tflite", 2, measured=True),
    Plan("onnxruntime", "onnx", 14),
    Plan("onnxruntime", "onnx", 2, measured=True),
    Plan("mnn", "mnn", 16),
    Plan("openvino", "openvino", 4),
    Plan("openvino", "onnx", 2),
    Plan("keras-call", "keras", 1, limit_s=5.0),
    Plan("tensorflow", "saved_model", 1, limit_s=5.0),
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
        damage.damaged(source.path, path, self.damage, random.Random(self.seed), self.member)
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


def artifacts_of(run: TinyRun, format: str) -> list[Artifact]:
    found = [one for one, _ in run.store.select(NETWORKS, [format])]
    assert found
    return found


def check(plan: Plan, made: list[Artifact], outcome: process.Outcome) -> None:
    """Every input has scores of the right shape or call times, or else one line that says why not."""
    for number in range(len(made)):
        if (why := outcome.failed.get(number)) is not None:
            assert why and "\n" not in why and why.isprintable()
        elif plan.measured:
            assert outcome.arrays[f"{number}.0"].size, "neither measured nor failed"
        else:
            assert outcome.arrays[f"scores.{number}"].shape == (IMAGES, 10)
            assert outcome.arrays[f"scores.{number}"].dtype == np.float32


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.label)
def test_a_damaged_artifact_ends_in_a_reason_or_in_scores(plan: Plan, tiny_run: TinyRun, tmp_path: Path) -> None:
    artifacts = artifacts_of(tiny_run, plan.format)
    images = tmp_path / "images.npy"
    np.save(images, tiny_run.dataset.test_images[:IMAGES])
    with process.Host(plan.runtime) as host:

        @settings(
            max_examples=plan.requests, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.lists(cases(plan.format), min_size=BATCH, max_size=BATCH, unique=True))
        def fuzz(batch: list[Case]) -> None:
            with TemporaryDirectory(dir=tmp_path) as name:
                folder = Path(name)
                made = [case.made(artifacts, folder / str(number)) for number, case in enumerate(batch)]
                request = Request(
                    runtime=plan.runtime, device="cpu", threads=1, images=images, answers=folder / "answers.npz",
                    jobs=[Job(artifact=one, batch_size=IMAGES) for one in made], limit_s=plan.limit_s,
                )  # fmt: skip
                if plan.measured:
                    request = request.model_copy(update={"effort": SHORT, "rounds": [list(range(len(made)))]})

                def note(event: Event) -> None:
                    if isinstance(event, Started):
                        TRIED[plan.label].add(made[event.job].sha256)

                check(plan, made, host.work(request, note))

        fuzz()
    assert TRIED[plan.label]


def test_they_were_over_a_thousand() -> None:
    if set(TRIED) != {plan.label for plan in PLANS}:
        pytest.skip("counts what the tests above did, when all of them ran in this process")
    assert sum(len(tried) for tried in TRIED.values()) >= 1000
