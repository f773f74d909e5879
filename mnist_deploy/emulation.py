"""Other processors of the same kind, emulated: QEMU's user mode runs this machine's own Python and libraries on them.

`qemu-x86_64 -cpu Haswell PROGRAM` (Debian's package qemu-user) translates the program's instructions and answers
CPUID as that processor would, so each library chooses the kernels that it has there. AVX-512 is not emulated.
"""

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from mnist_deploy.errors import UnavailableError, unknown

MACHINE = "x86_64"
# The static build goes by the second name.
PROGRAMS = (f"qemu-{MACHINE}", f"qemu-{MACHINE}-static")
# Two kinds whose int8 kernels are others than those of a processor with int8 dot products (VNNI): with AVX2, where
# products are added in 16 bits, and with SSE4.2 alone. TensorFlow and JAX need AVX and do not run on the latter.
PROCESSORS = ("Haswell", "Nehalem")
# What chooses kernels for the processor that is really here, whatever CPUID says.
PINNED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")
# QEMU says so of features that a model of processor has and its emulation lacks.
_WARNING = f"{PROGRAMS[0]}: warning:"


def missing() -> str | None:
    """Return why nothing can be emulated here; None if it can."""
    if not _fits():
        return f"processors are emulated on Linux on {MACHINE} only, not on {sys.platform} on {platform.machine()}"
    return None if _program() else f"{PROGRAMS[0]} is not installed"


def remedy() -> str | None:
    """Return what brings the emulator, where anything does."""
    return "apt-get install qemu-user" if _fits() and not _program() else None


def _fits() -> bool:
    return sys.platform == "linux" and platform.machine() == MACHINE


def processors() -> list[str]:
    """Return the processors that the installed emulator knows, as it names them; empty without one."""
    lines = [line.split() for line in _output("-cpu", "help").splitlines()]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "x86"]


def resolve(names: Iterable[str]) -> list[str]:
    """Return the processors as the emulator names them, each once: 'haswell' is 'Haswell'.

    Raises:
        UnavailableError: there is no emulator here.
        UsageError: it does not know a processor.
    """
    _require_program()
    known = {name.lower(): name for name in processors()}
    for name in names:
        if name.lower() not in known:
            raise unknown("processor", name, [processor for key, processor in known.items() if "-" not in key])
    return list(dict.fromkeys(known[name.lower()] for name in names))


def command(processor: str) -> list[str]:
    """Return what stands before a program to run it on `processor`.

    Raises:
        UnavailableError: there is no emulator here.
    """
    return [_require_program(), "-cpu", processor]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return `variables` without those that choose kernels for the processor that is really here."""
    return {name: value for name, value in variables.items() if name not in PINNED}


def version() -> str:
    """Return the emulator's name and version, as 'QEMU 7.2.22'; 'QEMU' if it does not tell."""
    words = _output("--version").split()
    return f"QEMU {words[2]}" if len(words) > 2 else "QEMU"


def is_warning(line: str) -> bool:
    """Tell whether a line is the emulator's own warning, rather than what the emulated program printed."""
    return line.startswith(_WARNING)


def _require_program() -> str:
    program, reason = _program(), missing()
    if program is None or reason is not None:
        advice = f"; run: {remedy()}" if remedy() else ""
        raise UnavailableError(f"--emulate: {reason}{advice}")
    return program


def _output(*arguments: str) -> str:
    """Return what the emulator prints when it is called with `arguments`; nothing without one."""
    program = _program()
    if program is None:
        return ""
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False).stdout


@cache
def _program() -> str | None:
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    return str(Path(found).resolve()) if found else None
