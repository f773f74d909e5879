"""What a process that loads artifacts may take of the machine: the kernel ends it, or refuses it more, and nobody else.

A few bytes of an artifact can ask for a tensor of terabytes, or for a message that is printed for ever.
"""

from contextlib import suppress
from pathlib import Path

import psutil

from mnist_deploy import cgroup
from mnist_deploy.quiet import debugging

# TensorFlow with XLA, the largest of all, takes 0.9 GB with these networks. Threads' stacks count too, touched or not:
# half a gigabyte with 64 cores.
LEAST_BYTES = 3 * 1024**3
SHARE = 0.8
# A file may be so large: the call times of all cells in the null runtime, the longest of all answers, take 0.7 GB.
FILE_BYTES = 2 * 1024**3
_BLAME = Path("/proc/self/oom_score_adj")
# Where memory runs out, the kernel ends whoever has the highest: a worker before its host, and both before the parent.
WORKER_BLAME, HOST_BLAME = 1000, 900


def free_bytes() -> int:
    """Return how much memory this process and its helpers may still take together."""
    free, limited = int(psutil.virtual_memory().available), cgroup.free_memory_bytes()
    return free if limited is None else min(free, limited)


def memory_bytes() -> int:
    """Return how much memory a worker may take: four fifths of what is free, but no less than a library needs."""
    free = psutil.virtual_memory().available
    return max(LEAST_BYTES, int(SHARE * min(free, cgroup.memory_bytes() or free)))


def take_the_blame(score: int) -> None:
    """Let the kernel end this process first, and not, say, its parent, where memory runs out."""
    with suppress(OSError):
        _BLAME.write_text(str(score), encoding="ascii")


def set_bounds(*, memory: bool = True) -> None:
    """Bound this process and all that it starts, where the system can; what it holds already counts.

    Args:
        memory: whether to bound its memory too. A GPU's driver maps far more than it takes.
    """
    take_the_blame(WORKER_BLAME)
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = {resource.RLIMIT_FSIZE: FILE_BYTES}
    if memory:
        wanted[resource.RLIMIT_DATA] = memory_bytes()
    if not debugging():
        wanted[resource.RLIMIT_CORE] = 0
    for limit, value in wanted.items():
        _, most = resource.getrlimit(limit)
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (value if most == resource.RLIM_INFINITY else min(value, most), most))


def forbid_core_dumps(process: int) -> None:
    """Keep the process with this id from leaving a core file: QEMU writes one where an emulated program crashes."""
    if debugging():
        return
    with suppress(ImportError, AttributeError, OSError):  # Linux alone has prlimit
        import resource

        resource.prlimit(process, resource.RLIMIT_CORE, (0, 0))
