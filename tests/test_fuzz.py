"""Over a thousand damaged artifacts, each loaded and run by its library in a worker: what comes of it is a reason."""

import random
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
from mnist_deploy.benchmark.messages import Event, Job, Request, Started
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.runtimes import RUNTIMES
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
    limit_s: float = 3.0
    measured: bool = False

    @property
    def label(self) -> str:
        return f"{self.runtime}-{self.format}{'-measured' * self.measured}"


PLANS = [
    Plan("litert", "tflite", 12),
    Plan("litert-builtin", "tflite", 8),
    Plan("litert", "tflite", 2, measured=True),
    Plan("onnxruntime", "onnx", 12),
    Plan("onnxruntime", "onnx", 2, measured=True),
    Plan("mnn", "mnn", 10),
    Plan("openvino", "openvino", 4),
    Plan("openvino", "onnx", 3),
    Plan("keras-call", "keras", 2, limit_s=15.0),
    Plan("tensorflow", "saved_model", 1, limit_s=15.0),
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
