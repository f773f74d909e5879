"""Streams that are closed, full or unread, and limits of the shell: at every command one line that names the cause."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_deploy import resource_limits
from mnist_deploy.benchmark.worker import reason
from mnist_deploy.cli.app import COMMANDS
from tests.conftest import NETWORKS, TinyRun, clean_environment
from tests.drawings import sent
from tests.test_cli import one_line

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX descriptors and limits")
PROGRAM = [sys.executable, "-m", "mnist_deploy"]
MLP = NETWORKS[0]
LIGHT = [MLP, "--format", "tflite", "--precision", "int8", "--runtime", "litert"]
# A call of each command that does little; those of COSTLY write to stdout only after seconds of work.
CALLS = {
    "run": [MLP, "--quick", "--data", "data.npz"],
    "train": [MLP, "--epochs", "1", "--data", "data.npz"],
    "train-all": ["--epochs", "1", "--data", "data.npz"],
    "export": [MLP, "--format", "tflite", "--data", "data.npz"],
    "verify": [*LIGHT, "--data", "data.npz", "--results", "results"],
    "bench": [*LIGHT, "--batch-size", "1", "--threads", "1", "--quick", "--data", "data.npz", "--results", "results"],
    "recommend": ["--ignore-gates"],
    "compare": ["artifacts", "artifacts", "--force"],
    "diagnose": [MLP, "--format", "tflite", "--data", "data.npz"],
    "profile": [*LIGHT, "--data", "data.npz"],
    "report": ["--format", "csv"],
    "package": [MLP, "--format", "tflite", "--runtime", "litert", "--output", "package", "--force"],
    "predict": ["digit.png", "--format", "tflite", "--runtime", "litert"],
    "list": [],
    "doctor": ["--runtime", "litert"],
    "schema": [],
}
COSTLY = {"run", "train", "train-all", "export", "verify", "bench", "diagnose", "profile"}
PLAIN = {"--help": ["--help"], "--version": ["--version"]}
# What imports TensorFlow in its own process.
TENSORFLOW = ["run", "train", "train-all", "export", "diagnose"]


def call(name: str) -> list[str]:
    return PLAIN[name] if name in PLAIN else [name, *CALLS[name]]


def quick_call(name: str) -> list[str]:
    """As `call`, but the help of what takes long: both are written to the same stream."""
    return [name, "--help"] if name in COSTLY else call(name)


@pytest.fixture(scope="module")
def here(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("streams")
    (here / "artifacts").symlink_to(tiny_run.root)
    (here / "data.npz").symlink_to(tiny_run.data)
    (here / "digit.png").write_bytes(sent(tiny_run.dataset.test_images[0], 0))
    return here


def ran(
    here: Path, arguments: list[str], before: Callable[[], object] | None = None, stdout: int | None = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, which calls `before` first."""
    return subprocess.run(
        [*PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=here,
        env=clean_environment(), preexec_fn=before, check=False,
    )  # fmt: skip


def limited(kind: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (most, most))


@pytest.mark.parametrize("name", [*CALLS, *PLAIN])
def test_a_closed_stdout_is_refused_before_any_work(name: str, here: Path) -> None:
    done = ran(here, call(name), lambda: os.close(1))
    assert done.returncode == 2
    assert done.stderr == (
        "error: standard output: closed; redirect it to a file, or to /dev/null if nobody is to read it\n"
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("name", [*CALLS, *PLAIN])
def test_a_full_stdout_is_one_line(name: str, here: Path) -> None:
    with open("/dev/full", "w") as full:
        done = ran(here, quick_call(name), stdout=full.fileno())
    assert done.returncode == 2
    assert one_line(done.stderr) == (
        "error: standard output: cannot be written (No space left on device); make room, or redirect it elsewhere"
    )


@pytest.mark.parametrize("name", [*CALLS, *PLAIN])
def test_a_closed_pipe_ends_silently_with_the_code_of_its_signal(name: str, here: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = ran(here, call(name) if name in {"list", "recommend", *PLAIN} else [name, "--help"], stdout=writer)
    finally:
        os.close(writer)
    assert done.returncode == 141 and "error" not in done.stderr and "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["verify", "predict"])
def test_a_closed_stdin_that_nobody_reads_does_no_harm(name: str, here: Path) -> None:
    done = ran(here, call(name), lambda: os.close(0))
    assert done.returncode == 0, done.stderr


def test_a_closed_stdin_that_is_read_is_one_line(here: Path) -> None:
    done = ran(here, ["predict", "-", *CALLS["predict"][1:]], lambda: os.close(0))
    assert done.returncode == 2
    assert one_line(done.stderr).endswith("standard input: closed; give a file, or send an image there")


@pytest.mark.parametrize(
    ("name", "code", "opened"),
    [("verify", 0, None), ("list", 0, "/dev/full"), ("unknown", 2, None), ("unknown", 2, "/dev/full")],
)
def test_what_stderr_cannot_take_is_dropped_and_the_results_stand(
    name: str, code: int, opened: str | None, here: Path
) -> None:
    def before() -> None:
        os.close(2)
        if opened is not None:
            os.open(opened, os.O_WRONLY)

    done = ran(here, call(name) if name in CALLS else [name], before)
    assert (done.returncode, bool(done.stdout)) == (code, code == 0)


@pytest.mark.parametrize("name", CALLS)
def test_too_few_open_files_are_one_line(name: str, here: Path) -> None:
    done = ran(here, call(name), limited(resource.RLIMIT_NOFILE, 16))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: too few open files: 16 allowed (ulimit -n), 64 needed; raise it: ulimit -n 1024\n"


@pytest.mark.parametrize("name", CALLS)
def test_too_little_address_space_is_one_line(name: str, here: Path) -> None:
    mib = 3000 if name in TENSORFLOW else 400
    done = ran(here, call(name), limited(resource.RLIMIT_AS, mib * 1024**2))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"too little address space: {mib:,} MiB allowed (ulimit -v), " in one_line(done.stderr)
    assert done.stderr.endswith("MiB needed; raise it: ulimit -v unlimited\n")


@pytest.mark.parametrize("name", PLAIN)
def test_help_and_version_need_little(name: str, here: Path) -> None:
    def before() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
        resource.setrlimit(resource.RLIMIT_AS, (200 * 1024**2, 200 * 1024**2))

    done = ran(here, call(name), before)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_that_lacks_address_space_names_it_and_that_is_no_failed_check(here: Path) -> None:
    """Enough for all that verify does itself, too little for TensorFlow, in the process that runs it."""
    arguments = ["verify", MLP, "--runtime", "keras-call", "--data", "data.npz", "--results", "results"]
    done = ran(here, arguments, limited(resource.RLIMIT_AS, 1200 * 1024**2))
    assert done.returncode == 2, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: not everything could run; the first reason: ")
    assert "1,200 MiB allowed (ulimit -v); raise it: ulimit -v unlimited" in line


LIBRARIES = {
    "open": OSError(24, "Too many open files"),
    "the system": OSError(23, "Too many open files in system"),
    "OpenVINO": RuntimeError("Cannot open model.xml: too many open files"),
}
MEMORY = {
    "numpy": MemoryError("Unable to allocate 29.9 MiB"),
    "fork": OSError(12, "Cannot allocate memory"),
    "dlopen": ImportError("lib.so: failed to map segment from shared object"),
    "C++": RuntimeError("std::bad_alloc"),
    "thread": RuntimeError("can't start new thread"),
}


@pytest.mark.parametrize("raised", [True, False], ids=["itself", "as the cause of another"])
@pytest.mark.parametrize("name", [*LIBRARIES, *MEMORY])
def test_the_reason_that_a_worker_gives_is_the_limit(name: str, *, raised: bool) -> None:
    error: Exception = (LIBRARIES | MEMORY)[name]
    if not raised:
        error, cause = ValueError("the model could not be read"), error
        error.__cause__ = cause
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = 2**46 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        words = reason(error)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert ("(ulimit -n)" if name in LIBRARIES else "(ulimit -v)") in words and "raise it: ulimit" in words
    assert resource_limits.names_limit(words)


def test_without_a_limit_memory_is_what_the_worker_says() -> None:
    assert reason(MemoryError("Unable to allocate 1 TiB")) == "MemoryError: Unable to allocate 1 TiB"


def test_every_command_has_its_call() -> None:
    assert set(CALLS) == set(COMMANDS)
