import os
from pathlib import Path

import pytest

from mnist_deploy import cgroup, environment

GIB = 2**30


@pytest.fixture(params=["", "nothing mounted"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text("0::/some/where\n", encoding="utf-8")
    return tmp_path


def tree(root: Path, membership: str, **groups: str) -> Path:
    """Write a machine: what /proc/self/cgroup says, and files below /sys/fs/cgroup."""
    for path, text in {"proc/self/cgroup": membership, **groups}.items():
        file = root / path if path.startswith("proc") else root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    return root


def test_no_limit_where_there_are_no_groups(bare: Path) -> None:
    assert cgroup.cpus(bare) is None
    assert cgroup.memory_bytes(bare) is None


def test_version_2_as_containers_see_it(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/", **{"cpu.max": "150000 100000", "memory.max": str(GIB)})
    assert cgroup.cpus(root) == 1.5
    assert cgroup.memory_bytes(root) == GIB


def test_version_2_without_limits(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/a", **{"a/cpu.max": "max 100000", "a/memory.max": "max", "cpu.max": "max"})
    assert cgroup.cpus(root) is None
    assert cgroup.memory_bytes(root) is None


@pytest.mark.parametrize("tightest", ["a/b/c", "a/b", "a"])
def test_version_2_takes_the_tightest_up_to_the_root(tightest: str, tmp_path: Path) -> None:
    files = {f"{group}/cpu.max": "400000 100000" for group in ("a/b/c", "a/b", "a")}
    files |= {f"{group}/memory.max": str(4 * GIB) for group in ("a/b/c", "a/b", "a")}
    files |= {f"{tightest}/cpu.max": "50000 25000", f"{tightest}/memory.max": str(GIB)}
    files |= {"a/b/c/d/cpu.max": "1000 100000", "x/memory.max": "4096"}  # of others
    root = tree(tmp_path, "0::/a/b/c", **files)
    assert cgroup.cpus(root) == 2
    assert cgroup.memory_bytes(root) == GIB


# Docker on version 1: /proc names the host's path, and the container's own group is mounted as the root.
MEMBERSHIP_1 = "12:name=systemd:/docker/3f\n4:cpu,cpuacct:/docker/3f\n3:memory:/docker/3f\n0::/system.slice"


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize("group", ["", "/docker", "/docker/3f"])
def test_version_1(mount: str, group: str, tmp_path: Path) -> None:
    files = {
        f"{mount}{group}/cpu.cfs_quota_us": "250000",
        f"{mount}{group}/cpu.cfs_period_us": "100000",
        f"memory{group}/memory.limit_in_bytes": str(GIB),
        "memory/other/memory.limit_in_bytes": "4096",
    }
    root = tree(tmp_path, MEMBERSHIP_1, **files)
    assert cgroup.cpus(root) == 2.5
    assert cgroup.memory_bytes(root) == GIB


def test_version_1_without_limits(tmp_path: Path) -> None:
    files = {
        "cpu/cpu.cfs_quota_us": "-1",
        "cpu/cpu.cfs_period_us": "100000",
        "memory/memory.limit_in_bytes": "9223372036854771712",
    }
    root = tree(tmp_path, MEMBERSHIP_1, **files)
    assert cgroup.cpus(root) is None
    assert cgroup.memory_bytes(root) is None


def test_a_path_with_colons(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/cri-containerd:3f", **{"cri-containerd:3f/cpu.max": "100000 100000"})
    assert cgroup.cpus(root) == 1


def test_a_path_out_of_the_namespace_is_not_followed(tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/../../..", **{"memory.max": str(2 * GIB)})
    (tmp_path / "memory.max").write_text("4096", encoding="utf-8")
    assert cgroup.memory_bytes(root) == 2 * GIB


@pytest.mark.parametrize("text", ["", "nonsense", "1", "0 100000", "100000 0", "-5 100000", "1 2 3"])
def test_what_is_no_quota_says_nothing(text: str, tmp_path: Path) -> None:
    root = tree(tmp_path, "0::/\n\nnonsense", **{"cpu.max": text, "memory.max": "much"})
    assert cgroup.cpus(root) is None
    assert cgroup.memory_bytes(root) is None


def test_this_machine() -> None:
    assert cgroup.cpus() is None or cgroup.cpus() > 0
    assert cgroup.memory_bytes() is None or cgroup.memory_bytes() > 0


@pytest.mark.parametrize(
    ("affinity", "quota", "expected"), [(8, None, 8), (8, 2.5, 2), (2, 8.0, 2), (8, 0.5, 1), (1, 1.0, 1)]
)
def test_usable_cores(affinity: int, quota: float | None, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(cgroup, "cpus", lambda: quota)
    assert environment.usable_cores() == expected


def test_how_many_the_kernel_ended(tmp_path: Path) -> None:
    assert cgroup.oom_kills(tmp_path) == 0, "where it does not tell"
    tree(tmp_path, "0::/", **{"proc/vmstat": "nr_free_pages 7\noom_kill 12\npgfault 5"})
    assert cgroup.oom_kills(tmp_path) == 12
