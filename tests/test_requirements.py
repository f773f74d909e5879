"""The bounds and the lock file are what pyproject.toml says; .ci/run installs and tests both."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.requirements import lowest, required

LOCK = (Path(__file__).parents[1] / ".ci" / "requirements.lock").read_text(encoding="utf-8")
# A name, its one version and where it holds; hashes follow on lines of their own.
PINNED = [Requirement(line.removesuffix("\\")) for line in LOCK.splitlines() if re.match(r"\w", line)]


def test_every_library_has_one_bound_from_below_whatever_asks_for_it() -> None:
    found: dict[str, set[Version]] = {}
    for requirement in required("all", "gpu", "dev"):
        found.setdefault(canonicalize_name(requirement.name), set()).add(lowest(requirement))
    assert [name for name, versions in found.items() if len(versions) > 1] == []


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(("system", "machine"), [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")])
def test_the_lock_has_one_version_of_all_that_is_required(python: str, system: str, machine: str) -> None:
    told = {"python_version": python, "python_full_version": f"{python}.1"}
    told |= {"sys_platform": system, "platform_machine": machine}
    holding = [one for one in PINNED if one.marker is None or one.marker.evaluate(told)]
    pinned = {canonicalize_name(one.name): one.specifier for one in holding}
    assert len(pinned) == len(holding), "one name is pinned twice"
    for requirement in required("all", "dev"):
        if requirement.marker is None or requirement.marker.evaluate(told):
            (pin,) = pinned[canonicalize_name(requirement.name)]
            assert pin.operator == "==" and requirement.specifier.contains(pin.version), requirement


def test_the_lock_holds_a_hash_of_all_and_no_place() -> None:
    entries = re.split(r"\n(?=\w)", LOCK)[1:]
    assert len(entries) == len(PINNED)
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []
    options = set(re.findall(r"--[\w-]+", LOCK))
    assert options == {"--hash"} and "/" not in LOCK.replace(".ci/lock", "")
