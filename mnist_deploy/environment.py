"""The machine that the figures belong to."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil
from pydantic import BaseModel

from mnist_deploy import __version__, cgroup, cpu
from mnist_deploy.versions import versions, versions_below

LIBRARIES = (
    "numpy", "tensorflow", "keras", "jax", "jaxlib", "onnx", "tf2onnx", "onnxruntime", "onnxruntime-gpu",
    "onnxruntime-openvino", "tensorrt-cu12", "ai-edge-litert", "openvino", "nncf", "iree-base-compiler",
    "iree-base-runtime", "MNN",
)  # fmt: skip
PACKAGE = "mnist-deploy"
EXTRAS = "all,gpu"  # together they ask for all that a figure may hang on; dev's tools measure nothing


class Environment(BaseModel):
    """What a figure depends on besides the code. Memory in bytes; None where the machine does not tell.

    Attributes:
        usable_cores: how many cores this process may use, after affinity and cgroup limits.
        affinity_cores: how many logical cores its affinity leaves to this process.
        cgroup_cpus: the cgroup's CPU quota in cores; None without one.
        cpu_features: what the CPU has of `cpu.KNOWN`; empty where the machine does not tell.
        python_build: which Python it is, and which compiler made it.
        kernel: its release and build.
        libraries: versions of what trains, converts and runs; reports show these.
        distributions: versions of all that is installed of this package's requirements and of theirs, by canonical
            name: what a figure can be traced to.
    """

    mnist_deploy: str
    python: str
    python_build: str | None = None
    libc: str | None = None
    platform: str
    kernel: str | None = None
    cpu: str | None
    cpu_features: list[str] = []
    physical_cores: int | None
    logical_cores: int | None
    usable_cores: int
    affinity_cores: int | None = None
    cgroup_cpus: float | None
    virtual_machine: str | None
    memory_bytes: int
    cgroup_memory_bytes: int | None
    accelerators: list[str]
    libraries: dict[str, str]
    distributions: dict[str, str] = {}


def describe() -> Environment:
    """Look at this machine."""
    return Environment(
        mnist_deploy=__version__,
        python=platform.python_version(),
        python_build=f"{platform.python_implementation()}, {platform.python_compiler()}",
        libc=" ".join(platform.libc_ver()).strip() or None,
        platform=platform.platform(),
        kernel=f"{platform.release()} {platform.version()}".strip() or None,
        cpu=_cpu(),
        cpu_features=cpu.features(),
        physical_cores=psutil.cpu_count(logical=False),
        logical_cores=psutil.cpu_count(),
        usable_cores=usable_cores(),
        affinity_cores=affinity_cores(),
        cgroup_cpus=cgroup.cpus(),
        virtual_machine=_virtual_machine(),
        memory_bytes=psutil.virtual_memory().total,
        cgroup_memory_bytes=cgroup.memory_bytes(),
        accelerators=_accelerators(),
        libraries={name: version for name, version in versions(*LIBRARIES).items() if name != "python"},
        distributions=distributions(),
    )


def distributions() -> dict[str, str]:
    """Return the versions of all that is installed of what this package and its libraries require, without itself."""
    # The libraries count too where the package itself runs from its source, without being installed.
    found = versions_below(f"{PACKAGE}[{EXTRAS}]", *LIBRARIES)
    return {name: version for name, version in found.items() if name != PACKAGE}


def usable_cores() -> int:
    """Return how many cores this process may keep busy: its affinity, cut by a cgroup's quota; at least 1."""
    affinity, quota = affinity_cores(), cgroup.cpus()
    return max(1, min(affinity, int(quota))) if quota is not None else affinity


def affinity_cores() -> int:
    """Return how many logical cores this process may run on; all where the system knows no affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def processor() -> str:
    """Return this processor's name, and its int8 dot products: 'AMD EPYC (avx512_vnni)'."""
    products = cpu.int8_dot_products(cpu.features())
    return f"{_cpu() or 'unknown'} ({', '.join(products) or 'no int8 dot products'})"


def _cpu() -> str | None:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _virtual_machine() -> str | None:
    """Return the hypervisor's maker where Linux tells of one; on one, two virtual cores may share a real one."""
    info = Path("/proc/cpuinfo")
    if not info.is_file() or "hypervisor" not in info.read_text():
        return None
    vendor = Path("/sys/class/dmi/id/sys_vendor")
    return vendor.read_text().strip() if vendor.is_file() else "unknown hypervisor"


def _accelerators() -> list[str]:
    """Return the NVIDIA GPUs as the driver's own tool names them."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()] if answer.returncode == 0 else []
