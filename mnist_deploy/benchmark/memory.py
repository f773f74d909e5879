"""How much memory this process holds, and held at most; and how much of the GPU's is in use."""

from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident_bytes() -> int:
    """Return the resident set of this process."""
    return int(psutil.Process().memory_info().rss)


def forget_peak() -> None:
    """Let the peak begin anew at what is resident now, where the system offers that (Linux: clear_refs, value 5)."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return


def peak_bytes() -> int:
    """Return the largest resident set since `forget_peak`; what is resident now where the system keeps no peak."""
    try:
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return max(resident_bytes(), int(line.split()[1]) * 1024)
    except OSError:
        pass
    return resident_bytes()


def device_bytes() -> int | None:
    """Return the memory in use on the GPUs that the NVIDIA driver shows, by NVML; None without driver, GPU or pynvml.

    It is the devices' figure, of all processes: NVML tells a process's own only by the id that the host knows it by,
    which in a container is another one. All GPUs count, as CUDA and NVML number them differently.
    """
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        used = [int(pynvml.nvmlDeviceGetMemoryInfo(handle).used) for handle in handles]
    except pynvml.NVMLError:  # a device that keeps no such figure, or does not show it to this user
        return None
    finally:
        pynvml.nvmlShutdown()
    return sum(used) if used else None


def device_grown(base: int | None, library: int | None, before: int | None, after: int | None) -> int | None:
    """Return the bytes on the GPU that one model takes with its library; None if one of the readings is missing.

    Args:
        base: in use before the library's first load in this process.
        library: in use once the library has loaded a model, called it and closed it.
        before: in use before this model's load; models loaded earlier are in it.
        after: in use after this model's first call.
    """
    if base is None or library is None or before is None or after is None:
        return None
    return max(0, library - base + after - before)
