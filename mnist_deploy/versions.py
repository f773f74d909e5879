"""Which version of a library is installed and what it takes on disk, told without importing it."""

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Iterable, Sequence


def versions(*distributions: str) -> dict[str, str]:
    """Return the installed versions of `distributions`, and Python's; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in distributions:
        version = version_of(name)
        if version:
            found[name] = version
    return found


def version_of(*distributions: str) -> str | None:
    """Return the version of the first of `distributions` that is installed, or None."""
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def installed_of(*distributions: str) -> str | None:
    """Return the first of `distributions` that is installed, or None."""
    return next((name for name in distributions if version_of(name)), None)


def importable(module: str) -> bool:
    """Tell whether `module` could be imported, without doing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a.b where there is no a
        return False


def packages_of(*distributions: str, also: Iterable[str] = ()) -> list[str]:
    """Return the packages that `installed_bytes` counts, as sorted canonical names."""
    return sorted(_counted(distributions, also))


def versions_below(*requirements: str) -> dict[str, str]:
    """Return the version of all that is installed of `requirements` and of what they require, by canonical name."""
    return {name: one.version for name, one in sorted(_closure(requirements).items())}


def installed_bytes(*distributions: str, also: Iterable[str] = ()) -> int | None:
    """Return the bytes on disk of the first of `distributions` that is installed, with all that it requires.

    What others require too, as numpy, counts as well. Each file that an installer recorded counts once; a
    distribution without such a record adds nothing. None if none is installed.

    Args:
        distributions: names of packages that stand for each other.
        also: requirements beside it, as 'jax[cuda12]', with their own; what is not installed adds nothing.
    """
    counted = _counted(distributions, also)
    if not counted:
        return None
    located = (one.locate_file(file) for one in counted.values() for file in one.files or ())
    return sum(_size_bytes(path) for path in {os.path.normpath(str(path)) for path in located})


def _counted(distributions: Sequence[str], also: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
    first = installed_of(*distributions)
    return _closure([first, *also]) if first else {}


def _closure(requirements: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
    """Return the transitive closure by canonical name; what this machine's markers leave out is not in it."""
    found: dict[str, importlib.metadata.Distribution] = {}
    # A distribution comes once for itself, with extra "", and once for each extra that someone asks of it.
    seen = {one for text in requirements for one in _wanted(text, "")}
    waiting = list(seen)
    while waiting:
        name, extra = waiting.pop()
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for text in found[name].requires or ():
            wanted = _wanted(text, extra) - seen
            waiting += wanted
            seen |= wanted
    return found


def _wanted(text: str, extra: str) -> set[tuple[str, str]]:
    """Return the name and the extras of the requirement that `text` states, if it holds here and with `extra`."""
    from packaging.requirements import InvalidRequirement, Requirement  # --help does without
    from packaging.utils import canonicalize_name

    try:
        requirement = Requirement(text)
    except InvalidRequirement:  # old packages hold such lines; pip refuses them anew but leaves them installed
        return set()
    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return set()
    return {(canonicalize_name(requirement.name), more) for more in ("", *requirement.extras)}


def _size_bytes(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
