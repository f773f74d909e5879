"""An artifact that is loaded, called and let go 200 times takes no more memory than after the first few times."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark import process
from mnist_deploy.runtimes import RUNTIMES
from tests.conftest import NETWORKS, TinyRun

CYCLES, WARM_UP, SPAN = 200, 60, 20
MAX_GROWTH = 0.05
# TensorFlow keeps what XLA compiled, some 0.4 MB each time, for as long as the process lives, and has no call that lets
# it go: 6.7 % of 881 MB in 140 cycles. A worker compiles an artifact once, and ends.
KEPT = {"tensorflow-xla": 0.12}
USABLE = [name for name, runtime in RUNTIMES.items() if runtime.availability("cpu").ok]


def resident_bytes(name: str, artifact: Artifact) -> list[int]:
    """What a process holds after each cycle."""
    environment = {**process.environment(), **RUNTIMES[name].environment}
    command = [sys.executable, "-m", "tests.test_cycles", name, artifact.model_dump_json()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, (name, done.stderr[-2000:])
    found: list[int] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def grown(tiny_run: TinyRun) -> dict[str, float]:
    """The growth of each runtime as a share, by what lies in memory after the warm-up and at the end."""
    artifacts = [one for one, _ in tiny_run.store.select(NETWORKS[:1], precisions=["float32"])]
    firsts = {name: next((one for one in artifacts if RUNTIMES[name].reads(one)), None) for name in USABLE}
    wanted = {name: one for name, one in firsts.items() if one is not None}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        held = dict(zip(wanted, pool.map(resident_bytes, wanted, wanted.values()), strict=True))
    return {
        name: median(bytes_[-SPAN:]) / median(bytes_[WARM_UP : WARM_UP + SPAN]) - 1 for name, bytes_ in held.items()
    }


@pytest.mark.parametrize("name", USABLE)
def test_no_growth(name: str, grown: dict[str, float]) -> None:
    print(f"{name}: {grown[name]:+.2%}")
    assert grown[name] <= KEPT.get(name, MAX_GROWTH), f"{name} grew by {grown[name]:.1%}"


def cycles(name: str, artifact: Artifact) -> list[int]:
    import gc

    import numpy as np
    import psutil

    found, me, runtime = [], psutil.Process(), RUNTIMES[name]
    image = np.zeros((1, 28, 28), np.uint8)
    for number in range(CYCLES):
        with runtime(artifact, device="cpu", threads=1, batch_size=1) as loaded:
            assert loaded.infer(image).shape == (1, 10)
        del loaded
        gc.collect()
        if number == 0:
            gc.freeze()  # what the library made when it was imported is looked through no more: that took most time
        found.append(me.memory_info().rss)
    return found


if __name__ == "__main__":
    print(json.dumps(cycles(sys.argv[1], Artifact.model_validate_json(sys.argv[2]))))
