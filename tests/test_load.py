"""Beside others that take the processor, and with little memory: what is told is true, and nothing breaks."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from mnist_deploy import cgroup, environment
from mnist_deploy.benchmark import workers
from mnist_deploy.results import Results, SkipKind, load
from tests.conftest import NETWORKS, Ended, clean_environment, mnist_deploy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's control groups and counters")
MLP, CNN = NETWORKS
MIB = 1024**2
GROUPS = Path("/sys/fs/cgroup")


@contextmanager
def busy_neighbours() -> Iterator[None]:
    """Two processes a core that never wait."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


@pytest.fixture
def hogs() -> Iterator[None]:
    with busy_neighbours():
        yield


def test_beside_others_a_bench_ends_says_so_and_withholds_nothing(
    measured: tuple[Path, Results], hogs: None, root: Path, tiny_data: Path
) -> None:
    asked = ["--format", "tflite", "--precision", "int8", "--precision", "float32", "--runtime", "litert"]
    done = mnist_deploy("bench", MLP, *asked, "--data", tiny_data, "--artifacts", root)
    assert done.code == 0, done.err
    assert "NOISY MACHINE: " in " ".join(done.out.split())
    found = load(root / "results" / "latest.json")
    assert found.complete and found.noise is not None and found.noise.noisy
    assert all(cpus > 0.5 for cpus in found.noise.others_cpus.values()), found.noise
    assert len(found.measurements) == 4
    for row in found.measurements:
        assert 0 < row.latency_quiet_s <= row.latency_p50_s
        assert row.latency_mean_s > 0 and row.throughput_images_per_s > 0, "nothing that was measured is withheld"
        assert row.contended, "with one thread and with several"
    # Against a run without others nothing is called slower or faster.
    before = measured[0] / "results" / f"{measured[1].stem}.json"
    compared = mnist_deploy("compare", before, root / "results" / "latest.json", "--format", "json")
    assert compared.code == 0, compared.err
    assert {cell["outcome"] for cell in json.loads(compared.out)["cells"]} <= {"undecided", "no regression"}


def test_what_is_faster_beside_others_is_not_called_faster(root: Path, tiny_data: Path) -> None:
    """TensorFlow's call of one image is, by a third: no idle core has to be woken to hand the work on."""
    asked = ["--runtime", "tensorflow", "--batch-size", "1", "--threads", "1", "--data", tiny_data, "--artifacts", root]
    assert mnist_deploy("bench", MLP, *asked).code == 0
    before = Path(shutil.copy(root / "results" / "latest.json", root.parent / "before.json"))
    with busy_neighbours():
        assert mnist_deploy("bench", MLP, *asked).code == 0
    compared = mnist_deploy("compare", before, root / "results" / "latest.json", "--format", "json")
    assert compared.code == 0, compared.err
    assert {cell["outcome"] for cell in json.loads(compared.out)["cells"]} <= {"undecided", "no regression"}
    (row,) = load(root / "results" / "latest.json").measurements
    assert row.contended


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group that may take 512 MiB of memory."""
    first, limit = (GROUPS / "memory", "memory.limit_in_bytes")
    if not first.is_dir():
        first, limit = GROUPS, "memory.max"
    path = first / f"mnist-deploy-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        (path / limit).write_text(str(512 * MIB))
        for swap in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if (path / swap).exists():
                (path / swap).write_text("0" if swap == "memory.swap.max" else str(512 * MIB))
    except OSError as error:
        path.rmdir()
        pytest.skip(f"no memory limit can be set here: {error}")
    yield path
    path.rmdir()


def inside(group: Path, *arguments: str | Path) -> Ended:
    """Run the command line in a control group."""
    enter = f'echo $$ > {group / "cgroup.procs"} && exec {sys.executable} -m mnist_deploy "$@"'
    command = ["sh", "-c", enter, "sh", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def test_with_512_mib_the_light_runtimes_are_measured_and_the_heavy_ones_left_out(
    group: Path, root: Path, tiny_data: Path
) -> None:
    light = [word for name in ("litert", "onnxruntime", "openvino") for word in ("--runtime", name)]
    # With batches so large that no library of the heavy kind has room for what a convolution makes of them.
    heavy = ["--runtime", "tensorflow", "--runtime", "tensorflow-xla"]
    common = ["--precision", "float32", "--quick", "--data", tiny_data, "--artifacts", root]
    done = inside(group, "bench", CNN, *light, *heavy, "--batch-size", "1", "--batch-size", "2048", *common)
    assert done.code == 0, done.err
    found = load(root / "results" / "latest.json")
    measured = {row.runtime for row in found.measurements if row.batch_size == 1}
    left_out = [skip for skip in found.skips if skip.kind is SkipKind.OUT_OF_MEMORY]
    assert {"litert", "onnxruntime", "openvino"} <= measured
    assert {skip.runtime for skip in left_out} & {"tensorflow", "tensorflow-xla"}, done.out
    assert not measured & {skip.runtime for skip in left_out if skip.runtime} - {"tensorflow", "tensorflow-xla"}
    for skip in left_out:
        assert "it needs more than is left of the 512 MiB that its control group may take" in skip.reason
        assert skip.remedy == f"raise the limit, or leave {skip.runtime} out by --runtime"
    assert not [skip for skip in found.skips if skip.kind is SkipKind.FAILED]
    assert "out of memory: the kernel" in " ".join(done.out.split()), "the table wraps what is longer"


# Holds memory until the kernel has ended a process of the group: a worker, as those take the blame.
HOLD = """
import sys, time
from pathlib import Path
held, told = bytearray(int(sys.argv[2])), Path(sys.argv[1])
held[::4096] = b"x" * len(held[::4096])
print(flush=True)
while "oom_kill 0" in told.read_text():
    time.sleep(0.01)
"""


@pytest.fixture
def crowd(group: Path) -> Iterator[None]:
    """Another program in the group, which takes 320 of the 512 MiB until something had to give way."""
    told = next(group / name for name in ("memory.events", "memory.oom_control") if (group / name).exists())
    enter = f'echo $$ > {group / "cgroup.procs"} && exec {sys.executable} -c "$@"'
    command = ["sh", "-c", enter, "sh", HOLD, str(told), str(320 * MIB)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline()
        yield
        other.kill()


@pytest.mark.skipif(environment.usable_cores() < 2, reason="one core verifies one at a time anyway")
def test_what_has_room_alone_is_verified_after_all(crowd: None, group: Path, root: Path, tiny_data: Path) -> None:
    """Two libraries at a time, and others: what had to give way then is tried with nothing beside it."""
    asked = ["--runtime", "tensorflow", "--runtime", "onnxruntime", "--precision", "float32", "--json"]
    done = inside(group, "verify", MLP, *asked, "--data", tiny_data, "--artifacts", root)
    found = json.loads(done.out)
    assert [row["runtime"] for row in found["parity"]] == ["onnxruntime", "tensorflow"], done.err
    assert done.code == 0 and not [skip for skip in found["skips"] if skip["device"] == "cpu"]


def test_a_kill_that_was_none_of_the_kernel_is_not_called_one(root: Path, tiny_data: Path) -> None:
    """Whoever kills a worker, without the kernel's count of kills it failed."""
    command = [sys.executable, "-m", "mnist_deploy", "bench", MLP, "--runtime", "litert", "--precision", "int8",
               "--batch-size", "1", "--threads", "1", "--json", "--data", str(tiny_data),
               "--artifacts", str(root)]  # fmt: skip
    kills = cgroup.oom_kills()
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    family = psutil.Process(started.pid)
    while started.poll() is None:  # the worker, and the one that takes its place for the cell that is measured twice
        with suppress(psutil.Error):
            for worker in (one for host in family.children() for one in host.children()):
                worker.kill()
        time.sleep(0.01)
    out, err = started.communicate()
    if cgroup.oom_kills() > kills:
        pytest.skip("memory ran out elsewhere on this machine meanwhile")
    kinds = [skip["kind"] for skip in json.loads(out)["skips"] if skip["device"] == "cpu"]
    assert kinds == [SkipKind.FAILED] and workers.OUT_OF_MEMORY not in out and started.returncode == 1, err
