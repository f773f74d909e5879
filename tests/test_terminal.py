"""What the program writes to terminals of every kind, and where there is none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals")
COMMAND = [sys.executable, "-m", "mnist_deploy"]
ESCAPE = "\x1b"


def environment(**changes: str) -> dict[str, str]:
    unset = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONIOENCODING", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    plain = {name: value for name, value in os.environ.items() if name not in unset}
    return {**plain, "TERM": "xterm-256color", **changes}


def on_terminal(
    *arguments: str | Path,
    columns: int = 80,
    watch: Callable[[str, int], None] = lambda shown, pid: None,
    **changes: str,
) -> tuple[int, str]:
    """Run a command on a terminal of its own, stdout and stderr alike; return its exit code and what it wrote.

    `watch` is told, after each piece, all that was written so far, and the process's number.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(**changes),
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so at the end
            break
        if not piece:
            break
        written += piece
        watch(written.decode(errors="replace"), process.pid)
    os.close(ours)
    return process.wait(), written.decode().replace("\r\n", "\n")


def piped(*arguments: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, env=environment(**changes), check=False)


def width(shown: str) -> int:
    return max(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)) for line in shown.splitlines())


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_lines_keep_to_the_terminal(columns: int) -> None:
    code, shown = on_terminal("list", columns=columns)
    assert code == 0 and width(shown) <= columns
    assert "5,085,450" in shown and "0.0990!" in shown


def test_columns_overrides_the_terminal() -> None:
    assert width(on_terminal("list", columns=200, COLUMNS="60")[1]) <= 60


@pytest.mark.parametrize(
    ("changes", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False),
     ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False)],
)  # fmt: skip
def test_styles_on_a_terminal(changes: dict[str, str], coloured: bool) -> None:
    assert (ESCAPE in on_terminal("list", **changes)[1]) is coloured


def test_a_pipe_gets_plain_lines_of_100() -> None:
    out = piped("list").stdout.decode()
    assert ESCAPE not in out and 80 < width(out) <= 100
    forced = piped("list", FORCE_COLOR="1").stdout.decode()
    assert ESCAPE in forced and width(forced) == width(out)


@pytest.mark.parametrize(("columns", "least", "most"), [("60", 0, 60), ("0", 81, 100), ("wide", 81, 100), ("1", 0, 20)])
def test_a_pipe_heeds_columns(columns: str, least: int, most: int) -> None:
    done = piped("list", COLUMNS=columns)
    assert done.returncode == 0 and least <= width(done.stdout.decode()) <= most


def test_an_encoding_without_boxes_gets_others() -> None:
    done = piped("list", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stderr == b""
    assert "5,085,450" in done.stdout.decode("ascii")


def test_a_name_that_the_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    done = piped("doctor", "--runtime", "null", "--artifacts", str(tmp_path / "Möbius"), PYTHONIOENCODING="ascii")
    assert rb"M\xf6bius" in b"".join(done.stdout.split()), done.stderr
    assert b"Traceback" not in done.stderr and b"UnicodeEncodeError" not in done.stderr
