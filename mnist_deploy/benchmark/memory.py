"""How much memory this process holds, and held at most; and how much of the GPU's is in use.

A forked process begins without the pages of files, a library's code above all, that the process before it had touched:
the kernel maps them again only when they are used. `populate` maps them at once, so that a worker holds what it would
hold if it had imported the library itself.
"""

import ctypes
import mmap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil

Pages = Mapping[tuple[int, int], npt.NDArray[np.bool_]]
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_MAPS, _PAGEMAP = Path("/proc/self/maps"), Path("/proc/self/pagemap")
# A page's entry, after the kernel's Documentation/admin-guide/mm/pagemap.rst: 8 bytes, these bits among them.
_ENTRY, _PRESENT, _OF_FILE = np.dtype(np.uint64), np.uint64(1 << 63), np.uint64(1 << 61)
# Of madvise(2), from Linux 5.14 on.
_MADV_POPULATE_READ = 22


def resident_bytes() -> int:
    """Return the resident set of this process."""
    return int(psutil.Process().memory_info().rss)


def file_pages() -> Pages:
    """Return which pages of mapped files are resident, by the range of their addresses; nothing where Linux is not."""
    try:
        lines = [line.split() for line in _MAPS.read_text(encoding="utf-8").splitlines()]
        ranges = [tuple(int(end, 16) for end in one[0].split("-")) for one in lines if one[4] != "0"]
        return {(start, end): _resident(start, end) for start, end in ranges}
    except OSError:
        return {}


def populate(pages: Pages) -> None:
    """Map the file pages that the process before the fork held, as `file_pages` gave them there."""
    libc = ctypes.CDLL(None, use_errno=True)
    for (start, _), held in pages.items():
        edges = np.flatnonzero(np.diff(held.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
        for first, end in edges.tolist():
            address, size = start + first * mmap.PAGESIZE, (end - first) * mmap.PAGESIZE
            if libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), _MADV_POPULATE_READ) != 0:
                for page in range(address, address + size, mmap.PAGESIZE):  # an older kernel: reading maps them too
                    ctypes.string_at(page, 1)


def _resident(start: int, end: int) -> npt.NDArray[np.bool_]:
    with _PAGEMAP.open("rb", buffering=0) as stream:
        stream.seek(start // mmap.PAGESIZE * _ENTRY.itemsize)
        entries = np.frombuffer(stream.read((end - start) // mmap.PAGESIZE * _ENTRY.itemsize), _ENTRY)
    return np.asarray((entries & (_PRESENT | _OF_FILE)) == (_PRESENT | _OF_FILE))


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
