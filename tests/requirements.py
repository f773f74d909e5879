"""What pyproject.toml requires, and a check that an environment holds the lowest of it.

`python -m tests.requirements`, in an environment that `uv pip install --resolution lowest-direct -e ".[all,dev]"` made,
fails if a version there is another than the bound: then what is tested there would not be what is promised.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mnist_deploy.versions import version_of

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def required(*extras: str) -> list[Requirement]:
    """Return every requirement of the package with `extras`, whatever its marker; extras of extras are resolved."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"], *(text for name in extras for text in project["optional-dependencies"][name])]
    found: list[Requirement] = []
    for requirement in map(Requirement, texts):
        inner = requirement.name == project["name"]
        found += required(*requirement.extras) if inner else [requirement]
    return found


def lowest(requirement: Requirement) -> Version:
    """Return the only bound from below."""
    (bound,) = [one.version for one in requirement.specifier if one.operator == ">="]
    return Version(bound)


def main() -> int:
    here = [one for one in required("all", "dev") if one.marker is None or one.marker.evaluate()]
    promised = {canonicalize_name(one.name): lowest(one) for one in here}
    installed = {name: version_of(name) for name in promised}
    others = [name for name, version in installed.items() if not version or Version(version) != promised[name]]
    for name in others:
        print(f"{name}: the bound is {promised[name]}, installed is {installed[name]}")
    print(f"{len(promised) - len(others)} of {len(promised)} direct requirements are installed at their bound")
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit(main())
