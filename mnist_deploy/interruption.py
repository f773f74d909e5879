"""Ctrl-C that is heeded even where a framework swallows it.

Python raises KeyboardInterrupt between any two bytecodes of the main thread. Inside TensorFlow's callbacks and
finalisers it is sometimes dropped, or becomes another error, and training would go on. So the signal is noted, too,
and whoever reports progress next is stopped.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mnist_deploy.progress import Board, Progress

GO_ON = "what is finished is kept, the same command goes on from there"
_AGAIN = "run the same command again"
_noted = False
_advice = _AGAIN


def noted() -> bool:
    """Tell whether the user pressed Ctrl-C since `heeded` began."""
    return _noted


def advice() -> str:
    """Return what an interruption since `heeded` began left behind, and how to go on."""
    return _advice


@contextmanager
def advising(words: str) -> Iterator[None]:
    """Have `words` for advice if a with-block is interrupted."""
    global _advice
    before, _advice = _advice, words
    yield  # an interruption, or what a framework made of one, leaves the words in place
    _advice = before


def advise(words: str) -> None:
    """Say from now on that `words` are what to do: of an interruption that has come."""
    global _advice
    _advice = words


def _note(number: int, frame: FrameType | None) -> None:
    global _noted
    _noted = True
    raise KeyboardInterrupt


@contextmanager
def heeded() -> Iterator[None]:
    """Note interruptions for the length of a with-block; the handler before is put back."""
    global _noted, _advice
    _noted, _advice = False, _AGAIN
    try:
        before = signal.signal(signal.SIGINT, _note)
    except ValueError:  # not the main thread: whoever runs that one sees to signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Interruptible:
    """A `Progress` that raises KeyboardInterrupt at the first step after an interruption."""

    def __init__(self, progress: Progress) -> None:
        """Pass everything on to `progress`."""
        self._progress = progress

    def start(self, task: str, total: int) -> None:
        """Begin a task, unless interrupted."""
        self._check()
        self._progress.start(task, total)

    def advance(self, detail: str) -> None:
        """Count a step, unless interrupted."""
        self._check()
        self._progress.advance(detail)

    def expect(self, left_s: float | None) -> None:
        """Say how long the task will still take, unless interrupted."""
        self._check()
        self._progress.expect(left_s)

    def show(self, board: Board) -> None:
        """Say how the measurement stands, unless interrupted."""
        self._check()
        self._progress.show(board)

    def finish(self) -> None:
        """End the task, interrupted or not."""
        self._progress.finish()

    def log(self, line: str) -> None:
        """Say a line."""
        self._progress.log(line)

    def _check(self) -> None:
        if _noted:
            raise KeyboardInterrupt
