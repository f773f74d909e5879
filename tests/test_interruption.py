import os
import signal
import threading

import pytest

from mnist_deploy import interruption
from mnist_deploy.interruption import Interruptible
from mnist_deploy.progress import Board, Silent

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def test_a_swallowed_interruption_stops_the_next_step() -> None:
    progress = Interruptible(Silent())
    handler = signal.getsignal(signal.SIGINT)
    with interruption.heeded():
        progress.start("train", 2)
        progress.advance("epoch 1")
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)  # here a framework would drop it
        assert interruption.noted()
        with pytest.raises(KeyboardInterrupt):
            progress.advance("epoch 2")
        with pytest.raises(KeyboardInterrupt):
            progress.start("export", 1)
        progress.finish()
    assert signal.getsignal(signal.SIGINT) is handler
    with interruption.heeded():
        assert not interruption.noted()
        progress.advance("of the next command")


def test_other_threads_leave_signals_alone() -> None:
    handlers = []

    def work() -> None:
        with interruption.heeded():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


def test_advice_is_that_of_what_was_interrupted() -> None:
    with interruption.heeded():
        generic = interruption.advice()
        with interruption.advising("train again"):
            assert interruption.advice() == "train again"
            with pytest.raises(KeyboardInterrupt), interruption.advising("export again"):
                raise KeyboardInterrupt
            assert interruption.advice() == "export again"
        assert interruption.advice() == generic
        with pytest.raises(KeyboardInterrupt), interruption.advising("train again"):
            interruption.advise("go on with it")
            raise KeyboardInterrupt
    assert interruption.advice() == "go on with it"
    with interruption.heeded():
        assert interruption.advice() == generic


def test_a_board_is_not_shown_after_an_interruption() -> None:
    board = Board(cells=1, passes=1, passes_done=0, bursts=0, disturbed=0, standings=())
    progress = Interruptible(Silent())
    with interruption.heeded():
        progress.show(board)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress.show(board)
