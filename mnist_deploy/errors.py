"""The error tree: each error says in one line what failed and how to mend it."""

from collections.abc import Iterable
from difflib import get_close_matches

# Of what a user gave, an error shows so many characters.
SHOWN = 80


class MnistDeployError(Exception):
    """Anything this package reports to its user; `exit_code` is what the command line exits with."""

    exit_code = 2


class UsageError(MnistDeployError):
    """An option or argument that names nothing known, or asks for nothing that can be done."""


class DataError(MnistDeployError):
    """A data file that is missing, malformed or not MNIST-shaped."""


class ModelError(MnistDeployError):
    """A trained model that is missing or unreadable."""


class ArtifactError(MnistDeployError):
    """An artifact, manifest or results file that is missing, corrupt or stale."""


class StorageError(MnistDeployError):
    """A place that cannot be written to: it is full, read-only or forbidden, or no folder."""


class OutputError(MnistDeployError):
    """Standard output that is closed or cannot be written to."""


class ClosedPipeError(MnistDeployError):
    """The reader of standard output is gone, as after `| head`: no line is due, and the exit code is SIGPIPE's."""

    exit_code = 128 + 13


class ResourceLimitError(MnistDeployError):
    """A limit of the shell (`ulimit`) that is too low for the command."""


class UnavailableError(MnistDeployError):
    """A library or device that this machine lacks."""


class FailedCheckError(MnistDeployError):
    """A check that was carried out and did not hold."""

    exit_code = 1


def shown(text: str) -> str:
    """Return what a user gave as an error names it: quoted if it is empty or no line can show it, and cut if long."""
    cut = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return cut if cut.strip() and cut.isprintable() else repr(cut)


def printable(text: str) -> str:
    """Return foreign text as it may stand on a terminal: a file's names may hold whatever steers one."""
    return "".join(one if one.isprintable() else "?" for one in text)


def unknown(kind: str, name: str, choices: Iterable[str]) -> UsageError:
    """Return the error for a `name` that is no `kind`, with the nearest valid choice."""
    known = list(choices)
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    if name == "all":
        hint = "give one of them; "
    return UsageError(f"unknown {kind} '{name}': {hint}known: {', '.join(known)}")
