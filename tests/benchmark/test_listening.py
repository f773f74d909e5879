"""What a process says that means harm, or that a library has led astray: real processes, real pipes, real files."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from pydantic import ValidationError

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.benchmark import listening, process
from mnist_deploy.benchmark.listening import GarbledError, SilenceError, events
from mnist_deploy.benchmark.messages import EVENT, Event, Failed, Job, Request, Scored, Started
from mnist_deploy.benchmark.outcome import Outcome
from mnist_deploy.benchmark.workers import Worker, WorkerDiedError
from mnist_deploy.runtimes import Proof
from tests.conftest import NETWORKS, TinyRun

IMAGES = 4


@contextmanager
def saying(program: str) -> Iterator[IO[bytes]]:
    """Give the standard output of a Python program."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as talker:
        assert talker.stdout is not None
        try:
            yield talker.stdout
        finally:
            talker.kill()


def heard(program: str, limit_s: float = 20.0, *, together: bool = False) -> list[Event]:
    with saying(program) as stream:
        return list(events(stream, EVENT, limit_s, together=together))


def test_events_come_whole_however_they_are_cut() -> None:
    program = """
import sys, time
for part in ('{"event": "star', 'ted", "job": 3}\\n{"event": "started", "job": 4}', '\\n{"event": "started"'):
    print(part, end='', flush=True)
    time.sleep(0.05)
"""
    assert heard(program) == [Started(job=3), Started(job=4)], "what an end cuts off says nothing"


GARBAGE = {
    "words": 'print("warning: out of registers")',
    "no line": "print()",
    "bytes": "import os; os.write(1, bytes(range(128, 256)) + b'\\n')",
    "no object": "print('[1, 2]')",
    "unknown event": """print('{"event": "trust me"}')""",
    "negative job": """print('{"event": "started", "job": -1}')""",
    "job no number": """print('{"event": "started", "job": "x"}')""",
    "no finite time": """print('{"event": "sliced", "job": 0, "turn": 0, "attempt": 0, "noise": NaN}')""",
    "deep": "print('[' * 1_000_000)",
    "huge number": """print('{"event": "ended", "code": ' + '9' * 100_000 + '}')""",
}


@pytest.mark.parametrize("program", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused_in_a_few_words(program: str) -> None:
    with pytest.raises(GarbledError) as refused:
        heard(program)
    assert len(str(refused.value)) < 300 and "\n" not in str(refused.value)


def test_an_endless_line_is_held_no_further_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MAX_LINE_BYTES", 1024**2)
    with pytest.raises(GarbledError, match="a line of more than 1 MiB"):
        heard("while True: print('a' * 65536, end='')")


@pytest.mark.skipif(os.name != "posix", reason="pipes cannot be waited for")
def test_silence_ends_and_so_does_chatter_without_end() -> None:
    with pytest.raises(SilenceError):
        heard("import time; time.sleep(60)", 0.3)
    chatter = """import time
while True:
    print('{"event": "started", "job": 0}', flush=True)
    time.sleep(0.05)"""
    with pytest.raises(SilenceError):
        heard(chatter, 1.0, together=True)


def saved(path: Path, **arrays: np.ndarray) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


def pickled(path: Path) -> None:
    saved(path, scores=np.array([{"a": 1}], dtype=object))


def bomb(path: Path) -> None:
    np.savez_compressed(path, scores=np.zeros((10**5, 10), np.float32))


def lying(path: Path) -> None:
    """A header that promises what the file does not hold."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 10), }"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("scores.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


def bound(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


HOSTILE: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(range(256))),
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "a socket": bound,
    "pickled": pickled,
    "a bomb": bomb,
    "a lie": lying,
    "other names": lambda path: saved(path, other=np.zeros((IMAGES, 10), np.float32)),
    "other shape": lambda path: saved(path, scores=np.zeros((IMAGES, 11), np.float32)),
    "too many": lambda path: saved(path, scores=np.zeros((IMAGES + 1, 10), np.float32)),
    "text": lambda path: saved(path, scores=np.full((IMAGES, 10), "x")),
}


@pytest.fixture
def request_of_one(tiny_run: TinyRun, tmp_path: Path) -> Request:
    artifact = tiny_run.store.find(NETWORKS[0], "tflite", Precision.FLOAT32)
    assert isinstance(artifact, Artifact)
    images = tmp_path / "images.npy"
    np.save(images, tiny_run.dataset.test_images[:IMAGES])
    jobs = [Job(artifact=artifact, batch_size=1)]
    return Request(
        runtime="litert", device="cpu", threads=1, jobs=jobs, images=images, answers=tmp_path / "answers.npz"
    )


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
@pytest.mark.parametrize("write", HOSTILE.values(), ids=HOSTILE)
def test_scores_are_no_better_than_their_file(write: Callable[[Path], object], request_of_one: Request) -> None:
    write(request_of_one.scores_of(0))
    outcome = Outcome()
    told = outcome.note(Scored(job=0, proof=Proof(executed_on="CPU")), request_of_one)
    assert isinstance(told, Failed) and set(outcome.failed) == {0}
    assert not outcome.scored and not outcome.arrays and "\n" not in outcome.failed[0]


BURSTS = {
    "no times": '{"event": "burst", "job": 0, "times": []}',
    "no integers": '{"event": "burst", "job": 0, "times": [1.5]}',
    "before the start": '{"event": "burst", "job": 0, "times": [5, -1]}',
    "too large": '{"event": "burst", "job": 0, "times": [9223372036854775808]}',
}


@pytest.mark.parametrize("line", BURSTS.values(), ids=BURSTS)
def test_call_times_are_whole_nanoseconds(line: str) -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_json(line)


def test_who_tells_nothing_of_a_job_has_not_done_it(request_of_one: Request) -> None:
    outcome = Outcome()
    outcome.complete(request_of_one)
    assert outcome.failed == {0: "its worker told nothing of it"}


def test_a_job_that_was_not_asked_for_ends_the_worker(request_of_one: Request) -> None:
    """A program in the worker's place: it is what a library gone astray would write to the worker's pipe."""
    program = """import time
print('{"event": "started", "job": 7}', flush=True)
time.sleep(60)"""
    talker = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert talker.stdin is not None and talker.stdout is not None
    with tempfile.TemporaryFile() as errors:
        worker = Worker(request_of_one, talker.pid, talker.stdin, talker.stdout, errors, talker.wait)
        with pytest.raises(WorkerDiedError, match=r"^the worker process spoke of job 7 of 1$"):
            worker.next_event()
    assert talker.poll() is not None


def test_a_host_that_answers_garbage_is_ended(
    request_of_one: Request, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "sys", type("Sys", (), {"executable": str(tmp_path / "python")}))
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho warning: out of registers; sleep 60\n")
    script.chmod(0o755)
    began = time.monotonic()
    outcome = process.work(request_of_one, lambda event: None)
    assert outcome.failed[0].startswith("the worker process said what is no event")
    assert time.monotonic() - began < 60
