"""What the shell allows a process (`ulimit`): which error comes of too little, said with the limit and how to raise it.

Libraries answer a limit with errors of every kind, end the process without a word or retry for ever (OpenBLAS). So
what is certainly too little is refused before they are imported, and what runs out later is named by its limit.
"""

import errno
from collections.abc import Iterator

from mnist_deploy.errors import ResourceLimitError

MIB = 1024**2
# numpy and SciPy hang, crash or fail with 500 MB on two cores, and verify ONNX Runtime with 700 MB.
MIN_ADDRESS_SPACE = 768 * MIB
# TensorFlow crashes with 3.0 GB on two cores, and trains with 4.0 GB.
MIN_TENSORFLOW_ADDRESS_SPACE = 3800 * MIB
# A measurement holds three files for each worker, and libraries open dozens while they are imported.
MIN_OPEN_FILES = 64
# How the loader of shared libraries, C++ and the system say that they got no memory, where no exception type tells.
_NO_MEMORY = ("failed to map segment", "cannot allocate memory", "std::bad_alloc", "cannot allocate tls")
_NO_THREAD = ("can't start new thread", "resource temporarily unavailable", "resource unavailable")
# Stands in each sentence of this module that names a limit, and in no other reason.
_MARK = "(ulimit -"


def require(*, address_space: int = MIN_ADDRESS_SPACE) -> None:
    """Require that the shell allows what any command needs.

    Args:
        address_space: how many bytes of it the command needs.

    Raises:
        ResourceLimitError: it allows less; names the limit and how to raise it.
    """
    limit = _limit("RLIMIT_NOFILE")
    if limit is not None and limit < MIN_OPEN_FILES:
        raise ResourceLimitError(
            f"too few open files: {limit} allowed (ulimit -n), {MIN_OPEN_FILES} needed; raise it: ulimit -n 1024"
        )
    limit = _limit("RLIMIT_AS")
    if limit is not None and limit < address_space:
        raise ResourceLimitError(
            f"too little address space: {_size(limit)} allowed (ulimit -v), {_size(address_space)} needed; "
            "raise it: ulimit -v unlimited"
        )


def require_for_tensorflow() -> None:
    """Require what TensorFlow needs in this process, which it would end without an error.

    Raises:
        ResourceLimitError: as `require`.
    """
    require(address_space=MIN_TENSORFLOW_ADDRESS_SPACE)


def explain(error: BaseException) -> str | None:
    """Return which limit `error`, or what it was raised from, comes of and how to raise it; None if of none."""
    for cause in _chain(error):
        text = str(cause).lower()
        number = cause.errno if isinstance(cause, OSError) else None
        if number in {errno.EMFILE, errno.ENFILE} or "too many open files" in text:
            return f"too many open files: {_open_files(_limit('RLIMIT_NOFILE'))}"
        no_thread = number == errno.EAGAIN or any(words in text for words in _NO_THREAD)
        address_space, processes = _limit("RLIMIT_AS"), _limit("RLIMIT_NPROC")
        if isinstance(cause, MemoryError) or number == errno.ENOMEM or any(words in text for words in _NO_MEMORY):
            return _no_address_space(address_space)
        if no_thread and isinstance(cause, OSError | RuntimeError):
            # The stack of a thread is address space too, and that is the lower limit of the two wherever it is set.
            if address_space is not None or processes is None:
                return _no_address_space(address_space)
            return f"too many processes: {processes} allowed (ulimit -u); raise it: ulimit -u unlimited"
    return None


def explain_death() -> str:
    """Return the limit that may have ended a process without a word, as the end of a sentence; '' if none is set."""
    limit = _limit("RLIMIT_AS")
    if limit is None:
        return ""
    return f"; too little address space may be why: {_size(limit)} allowed (ulimit -v); raise it: ulimit -v unlimited"


def names_limit(reason: str) -> bool:
    """Tell whether `reason` is of this module: the limit is at fault, and not what was tried."""
    return _MARK in reason


def _open_files(limit: int | None) -> str:
    allowed = "the system's limit is reached" if limit is None else f"{limit} allowed"
    return f"{allowed} (ulimit -n); raise it: ulimit -n 1024"


def _no_address_space(limit: int | None) -> str:
    if limit is None:
        return "out of memory: close other programs, or take a machine with more"
    return f"out of address space: {_size(limit)} allowed (ulimit -v); raise it: ulimit -v unlimited"


def _size(size: int) -> str:
    return f"{size / MIB:,.0f} MiB"


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _limit(name: str) -> int | None:
    """Return the soft limit that resource(3) calls `name`; None if there is none, or the system has no such thing."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(getattr(resource, name))
    return None if soft == resource.RLIM_INFINITY else soft
