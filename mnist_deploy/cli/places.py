"""Paths as options take them: looked at before any work begins, so that no training ends at a bad name.

What is not there yet is let through: it may be made, and who reads it says what is missing.
"""

import os
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path

from mnist_deploy.errors import UsageError, shown

ARTIFACTS_VARIABLE = "MNIST_DEPLOY_ARTIFACTS"
STDOUT = Path("-")
# Control characters, bytes that are not UTF-8, and what ends a line: no message or command could name such a path.
_UNNAMEABLE = {"Cc", "Cs", "Zl", "Zp"}
_KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device",
}  # fmt: skip


def place(option: str, *, variable: str | None = None, folder: bool = False) -> Callable[[str], Path]:
    """Return what reads the path that `option`, or the environment's `variable`, names.

    Args:
        option: what errors name.
        variable: the environment's variable that names the path, too.
        folder: whether it must be a folder, where it is there.
    """

    def read(text: str) -> Path:
        told = variable if variable is not None and os.environ.get(variable) == text else option
        _require_usable(f"{told} {shown(text)}", text, folder=folder)
        return Path(text)

    return read


def _require_usable(name: str, text: str, *, folder: bool) -> None:
    kind = "folder" if folder else "path"
    if not text:
        raise UsageError(f"{name}: empty; give a {kind}")
    if any(unicodedata.category(one) in _UNNAMEABLE for one in text):
        raise UsageError(f"{name}: holds what no line can show; rename it, or give another {kind}")
    try:
        mode = os.stat(text).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}; give another {kind}") from error
    if folder and not stat.S_ISDIR(mode):
        raise UsageError(f"{name}: is no folder; give another, or a name that is free")
    for is_kind, what in _KINDS.items():
        if is_kind(mode):
            raise UsageError(f"{name}: is {what}; give a file or folder")
