"""What is killed at any moment leaves nothing broken, keeps what is finished, and goes on when it is called again."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from mnist_deploy import files, results, training
from mnist_deploy.artifacts import ArtifactStore, State
from mnist_deploy.results import Results
from tests.conftest import NETWORKS, TinyRun, clean_environment, mnist_deploy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers end with their parent on Linux alone")
MLP, CNN = NETWORKS
KILLS, LONGEST_S = 10, 9.0
RUNNING = {psutil.STATUS_RUNNING, psutil.STATUS_SLEEPING, psutil.STATUS_DISK_SLEEP}


def begun(*arguments: str | Path) -> subprocess.Popen[str]:
    """Begin a command as a user does, without waiting for it."""
    command = [sys.executable, "-m", "mnist_deploy", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=clean_environment()
    )


def killed(process: subprocess.Popen[str]) -> None:
    """Kill a command, and wait until all that it started has ended by itself."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    deadline = time.monotonic() + 10
    while any(one.is_running() and one.status() in RUNNING for one in family):
        assert time.monotonic() < deadline, f"still alive: {family}"
        time.sleep(0.02)


def loaded(root: Path) -> dict[str, Results]:
    return {path.name: results.load(path) for path in (root / "results").glob("*.json")}


def finished(root: Path) -> dict[str, str]:
    """What a folder holds for good, with its SHA-256: each entry must be whole."""
    store = ArtifactStore(root)
    entries = store.manifest().artifacts
    assert {store.state(one) for one in entries} <= {State.CURRENT}
    assert all(not one.complete for one in loaded(root).values())
    return {one.label: one.sha256 for one in entries}


def lane(name: str, root: Path, data: Path) -> None:
    """Kill one run again and again at moments that its name seeds, and complete it."""
    command = ["run", name, "--quick", "--data", data, "--artifacts", root]
    moments, before = random.Random(name), dict[str, str]()
    for _ in range(KILLS):
        process = begun(*command)
        try:
            code = process.wait(moments.uniform(0, LONGEST_S))
        except subprocess.TimeoutExpired:
            killed(process)
        else:
            assert code == 0, process.stderr.read() if process.stderr else ""
            ArtifactStore(root).manifest()
            root = root.with_name(f"{root.name}-again")
            command[-1], before = root, {}
            continue
        after = finished(root)
        assert before.items() <= after.items(), "what was finished is done again"
        before = after
    ended = mnist_deploy(*command)
    assert ended.code == 0, ended.err
    found = loaded(root)
    assert found["latest.json"].complete and len(found["latest.json"].parity) == 13
    assert len(found["latest.json"].measurements) == 26
    store = ArtifactStore(root)
    assert {state for _, state in store.select()} == {State.CURRENT}
    assert not list(root.rglob(f"{files.WRITING}*")) and not list(root.rglob("unfinished"))


def test_a_run_that_is_killed_at_20_moments_is_completed(tiny_data: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(lane, name, tmp_path / name, tiny_data) for name in NETWORKS]:
            done.result()


def test_training_goes_on_after_the_last_finished_epoch(tiny_run: TinyRun, tmp_path: Path) -> None:
    """To the same weights, bit for bit, as a training that nobody disturbs."""
    store, undisturbed = ArtifactStore(tmp_path / "artifacts"), ArtifactStore(tmp_path / "undisturbed")
    train = ["train", CNN, "--epochs", "4", "--data", tiny_run.data, "--artifacts"]
    command = [*train, store.root]
    process = begun(*command)
    while not list(store.root.glob(f"{CNN}/unfinished/*.npz")):
        assert process.poll() is None
        time.sleep(0.01)
    killed(process)
    assert not store.trained() and not store.manifest().artifacts
    ended = mnist_deploy(*command)
    assert ended.code == 0 and "going on after epoch" in ended.err, ended.err
    record = store.training(CNN)
    assert record is not None and len(record.history["loss"]) == 4
    assert mnist_deploy(*train, undisturbed.root).code == 0
    other = undisturbed.training(CNN)
    assert other is not None and other.history == record.history
    one, two = (training.load_model(each.model_path(CNN)).get_weights() for each in (store, undisturbed))
    for after, expected in zip(one, two, strict=True):
        np.testing.assert_array_equal(after, expected)
