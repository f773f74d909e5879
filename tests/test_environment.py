"""What is told of the machine and of all that is installed on it."""

import importlib.metadata
import platform

import pytest
from packaging.utils import canonicalize_name

from mnist_deploy import environment
from mnist_deploy.environment import EXTRAS, PACKAGE


def test_a_figure_can_be_traced_to_what_the_libraries_require() -> None:
    found = environment.describe()
    assert {"numpy", "scipy", "protobuf", "ml-dtypes", "jaxlib", "h5py", "flatbuffers"} <= found.distributions.keys()
    for name, version in found.distributions.items():
        assert importlib.metadata.version(name) == version
    for name, version in found.libraries.items():
        assert found.distributions[canonicalize_name(name)] == version


def test_neither_the_tools_of_development_nor_the_package_itself_are_among_them() -> None:
    assert not environment.distributions().keys() & {"pytest", "ruff", "mypy", "syrupy", PACKAGE}


def test_the_extras_that_are_looked_at_ask_for_every_library() -> None:
    asked = [line.partition(";") for line in importlib.metadata.requires(PACKAGE) or ()]
    extras = set(importlib.metadata.metadata(PACKAGE).get_all("Provides-Extra") or ())
    whole = next(line for line, _, marker in asked if marker.strip() in {'extra == "all"', "extra == 'all'"})
    taken = set(whole.partition("[")[2].partition("]")[0].split(","))
    assert taken | {*EXTRAS.split(","), "dev"} == extras


def test_without_the_package_the_libraries_still_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGE", "mnd-nowhere")
    assert {"numpy", "protobuf"} <= environment.distributions().keys()


def test_python_and_the_system_are_told_by_build() -> None:
    found = environment.describe()
    assert found.python_build == f"{platform.python_implementation()}, {platform.python_compiler()}"
    assert found.kernel is not None and found.kernel.startswith(platform.release())
    assert found.libc is None or found.libc[-1].isdigit()
