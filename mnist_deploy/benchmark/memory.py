"""How much memory this process holds, and held at most."""

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
