"""Which version of a library is installed, told without importing it."""

import importlib.metadata
import importlib.util
import platform


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


def importable(module: str) -> bool:
    """Tell whether `module` could be imported, without doing it."""
    return importlib.util.find_spec(module) is not None
