"""What a process of ours says, taken with care: an event a line, each within a length and a time.

An artifact may lead a library anywhere: it may write to descriptors that are not its own, or never come back. Whatever
it does, who listens ends in bounded time, and holds little.
"""

import os
import time
from collections.abc import Iterator
from math import inf
from selectors import EVENT_READ, DefaultSelector
from typing import IO, TypeVar

from pydantic import TypeAdapter, ValidationError

# The longest event, a profile's, has some 10 KB.
MAX_LINE_BYTES = 4 * 1024**2
_CHUNK_BYTES = 64 * 1024
# Elsewhere pipes cannot be waited for with a limit.
_WAITS = os.name == "posix"
T = TypeVar("T")


class GarbledError(Exception):
    """What came is no event; the text says what the process did."""


class SilenceError(Exception):
    """The limit was over before what was to come."""


def events(stream: IO[bytes], kind: TypeAdapter[T], limit_s: float | None, *, together: bool = False) -> Iterator[T]:
    """Yield the events that come on `stream`, past its own buffer, until the other side ends.

    A line that is cut off by that end says nothing.

    Args:
        stream: a pipe that nobody else reads.
        kind: what an event is.
        limit_s: how long one may take to come; None is forever.
        together: whether that is the limit of all of them together.

    Raises:
        GarbledError: a line is no event, or endless.
        SilenceError: the limit is over.
    """
    for line in _lines(stream, inf if limit_s is None else limit_s, together):
        try:
            event = kind.validate_json(line)
        except ValidationError as error:
            raise GarbledError(f"said what is no event: {line[:60]!r}") from error
        yield event


def _lines(stream: IO[bytes], limit_s: float, together: bool) -> Iterator[bytes]:
    held, deadline = bytearray(), time.monotonic() + limit_s
    with DefaultSelector() as selector:
        if _WAITS:
            selector.register(stream, EVENT_READ)
        while True:
            deadline = deadline if together else time.monotonic() + limit_s
            while (end := held.find(b"\n")) < 0:
                if len(held) > MAX_LINE_BYTES:
                    raise GarbledError(f"said a line of more than {MAX_LINE_BYTES // 1024**2} MiB")
                left = deadline - time.monotonic()
                if _WAITS and not selector.select(None if left == inf else max(0.0, left)):
                    raise SilenceError
                chunk = os.read(stream.fileno(), _CHUNK_BYTES)
                if not chunk:
                    return
                held += chunk
            line = bytes(held[:end])
            del held[: end + 1]
            yield line
