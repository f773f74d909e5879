"""A helper process that ends with the one that started it, even one that was killed and could end nothing itself.

Left alone, a worker would go on measuring for minutes beside whatever its user begins next. Linux alone offers it:
prctl(2), PR_SET_PDEATHSIG. Elsewhere a worker ends with the request that it has in hand.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """Have the kernel kill this process once the thread ends that started it; a fork's child must ask for itself.

    Args:
        parent: the process id of who started it. If that one is gone already, this process ends now.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
