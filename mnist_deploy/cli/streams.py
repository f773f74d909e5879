"""Standard streams that are closed, full or without a reader: one error that names the stream, whoever writes to it."""

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

from mnist_deploy.errors import ClosedPipeError, OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT = "standard output"
_closed: set[int] = set()


class _Writer(io.FileIO):
    """A descriptor whose failures are errors of this package.

    As OSError they would be taken for a file's, and Typer and rich turn those of a closed pipe into exit code 1.
    """

    def __init__(self, descriptor: int, *, drop: bool = False, closefd: bool = False) -> None:
        """Write to `descriptor`; if `drop`, what cannot be written is dropped without an error."""
        super().__init__(descriptor, "w", closefd=closefd)
        self._drop = drop

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of `data` or raise; after an error the rest is dropped, since the exit would raise it once more.

        Raises:
            ClosedPipeError: the reader is gone.
            OutputError: it cannot be written to; says why.
        """
        size = memoryview(data).nbytes
        try:
            # Whoever shares the descriptor may have made it one that does not wait.
            while (count := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            if self._drop:
                return size
            self._drop = True
            if error.errno == errno.EPIPE:
                raise ClosedPipeError("the reader of standard output is gone") from error
            raise OutputError(
                f"{_STDOUT}: cannot be written ({error.strerror}); make room, or redirect it elsewhere"
            ) from error
        return count


def protect() -> None:
    """Take over stdout and stderr, so that whatever is wrong with them is said in one line, or dropped.

    The place of a closed stream is taken by the null device: the next file to be opened would get its number, and
    with it all that libraries print. What cannot be said on stderr is dropped: nobody listens, and results matter more.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            _closed.add(descriptor)
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = _taken(sys.stdout, 1)
    sys.stderr = _taken(sys.stderr, 2)


def require_stdout() -> None:
    """Require a stdout, before any work is done whose result could not be shown.

    Raises:
        OutputError: it is closed.
    """
    if 1 in _closed:
        raise OutputError(f"{_STDOUT}: closed; redirect it to a file, or to {os.devnull} if nobody is to read it")


def finish() -> None:
    """Write what is left in the buffer of stdout.

    Raises:
        ClosedPipeError, OutputError: as `_Writer.write`.
    """
    sys.stdout.flush()


def second_stderr() -> TextIO:
    """Return a stream of its own to where stderr leads, line by line, that `quiet` does not silence."""
    return _text(_Writer(os.dup(sys.stderr.fileno()), drop=True, closefd=True), sys.stderr.encoding, lines=True)


def _taken(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:
        return _text(_Writer(descriptor, drop=True), "utf-8", lines=True)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    # A console of Windows has a writer of its own, which takes text that a descriptor does not.
    if not isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):
        stream.reconfigure(errors="backslashreplace")
        return stream
    lines = stream.line_buffering or stream.write_through
    return _text(_Writer(descriptor, drop=descriptor == 2), stream.encoding, lines=lines)


def _text(writer: _Writer, encoding: str, *, lines: bool) -> TextIO:
    # What stands in a path or a processor's name must not end a command whose output cannot show it.
    return io.TextIOWrapper(
        io.BufferedWriter(writer), encoding=encoding, errors="backslashreplace", line_buffering=lines
    )
