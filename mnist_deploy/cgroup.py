"""What a Linux control group leaves to this process: containers and services are limited so. None: no limit is seen.

Version 2: https://docs.kernel.org/admin-guide/cgroup-v2.html. Version 1: the kernel's admin-guide/cgroup-v1 and
scheduler/sched-bwc. A limit on any group binds all groups below it, so the tightest from a process's own up to the
root counts. Inside a container its own group is often mounted as the root, while /proc names a path of the host that
is not there: folders that don't exist say nothing.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MOUNT = Path("sys/fs/cgroup")
MEMBERSHIP = Path("proc/self/cgroup")
# Version 1 has no word for "none", but the largest multiple of a page, close to 2**63.
NO_LIMIT_BYTES = 2**60


def cpus(root: Path = Path("/")) -> float | None:
    """Return the CPU quota in cores; `root` is where `proc` and `sys` hang."""
    quotas = [_text(folder / "cpu.max").split() for folder in _groups(root, "")]
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    quotas += [[_text(folder / name) for name in names] for folder in _groups(root, "cpu")]
    # "max", -1 and what is absent are no positive whole numbers.
    found = [[_positive(number) for number in pair] for pair in quotas if len(pair) == 2]
    return min((quota / period for quota, period in found if quota and period), default=None)


def memory_bytes(root: Path = Path("/")) -> int | None:
    """Return the memory limit in bytes; `root` is where `proc` and `sys` hang."""
    limits = [_positive(_text(folder / "memory.max")) for folder in _groups(root, "")]
    limits += [_positive(_text(folder / "memory.limit_in_bytes")) for folder in _groups(root, "memory")]
    return min((limit for limit in limits if limit and limit < NO_LIMIT_BYTES), default=None)


def free_memory_bytes(root: Path = Path("/")) -> int | None:
    """Return what the memory limits still leave, in bytes: what the kernel can take back from its file cache is free.

    None where there is no limit, or none tells its use. `root` is where `proc` and `sys` hang.
    """
    names = (
        ("", "memory.max", "memory.current", ""),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    )
    free = []
    for controller, limit_name, used_name, prefix in names:
        for folder in _groups(root, controller):
            limit, used = _positive(_text(folder / limit_name)), _positive(_text(folder / used_name))
            if limit and used and limit < NO_LIMIT_BYTES:
                stat = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
                cached = sum(int(stat.get(f"{prefix}{name}", "0")) for name in ("inactive_file", "active_file"))
                free.append(max(0, limit - used + cached))
    return min(free, default=None)


def oom_kills(root: Path = Path("/")) -> int:
    """Return how many processes the kernel has ended since it started because memory ran out; 0 if it does not tell.

    In all groups of this machine, as Linux counts in /proc/vmstat since 4.13.
    """
    lines = (line.split() for line in _text(root / "proc/vmstat").splitlines())
    return next((int(value) for name, value in lines if name == "oom_kill"), 0)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield this process's group and all above it: of a version 1 `controller`, or of version 2 where it is ""."""
    yield root / MOUNT / controller
    for line in _text(root / MEMBERSHIP).splitlines():
        # For example "4:cpu,cpuacct:/docker/3f2a" in version 1, "0::/user.slice" in version 2.
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        own = PurePosixPath(path.lstrip("/"))
        # A process outside its namespace's root is told "/../..", which leads out of the mount.
        if controller not in controllers.split(",") or ".." in own.parts:
            continue
        # Controllers mounted together have a folder of both names; the link by one name may be missing.
        for mount in dict.fromkeys((controller, controllers)):
            for group in (own, *own.parents):
                yield root / MOUNT / mount / group


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _positive(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) > 0 else None
