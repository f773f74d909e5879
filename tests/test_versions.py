import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_deploy.versions import (
    importable,
    installed_bytes,
    installed_of,
    packages_of,
    version_of,
    versions,
    versions_below,
)

Install = Callable[..., int]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a made-up distribution, and return its bytes on disk."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name: str, *requires: str, files: dict[str, int] | None = None, record: bool = True) -> int:
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            "Version: 1.0",
            *(f"Requires-Dist: {one}" for one in requires),
        ]
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        named = [f"{info.name}/METADATA"]
        for file, size in (files or {}).items():
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * size)
            named.append(file)
        if record:
            (info / "RECORD").write_text("".join(f"{file},,\n" for file in named), encoding="utf-8")
        return sum((tmp_path / file).stat().st_size for file in named)

    return install


def test_bytes_are_those_of_the_closure(install: Install) -> None:
    sizes = [install("mnd-a", "mnd_B>=0.5"), install("mnd-b", "mnd.c", files={"b/b.so": 1000}), install("mnd-c")]
    install("mnd-unrelated", files={"other.so": 10**6})
    assert packages_of("mnd-a") == ["mnd-a", "mnd-b", "mnd-c"]
    assert installed_bytes("mnd-a") == sum(sizes)
    assert installed_bytes("MND_B") == sum(sizes[1:])


def test_a_file_of_two_counts_once(install: Install) -> None:
    first = install("mnd-a", "mnd-b", files={"shared/one.py": 100})
    second = install("mnd-b", files={"shared/../shared/one.py": 100})
    assert installed_bytes("mnd-a") == first + second - 100


def test_a_cycle_ends(install: Install) -> None:
    sizes = [install("mnd-a", "mnd-b[more]"), install("mnd-b", "mnd-a", "mnd-b[all]; extra == 'more'")]
    assert installed_bytes("mnd-a") == sum(sizes)


def test_markers_are_respected(install: Install) -> None:
    install("mnd-a", "mnd-b; python_version < '3'", "mnd-c; python_version >= '3'")
    install("mnd-b")
    install("mnd-c")
    assert packages_of("mnd-a") == ["mnd-a", "mnd-c"]


def test_extras_count_where_someone_asks_for_them(install: Install) -> None:
    install("mnd-a", "mnd-b[gpu]", "mnd-d; extra == 'gpu'")
    install("mnd-b", "mnd-c; extra == 'gpu'", "mnd-d; extra == 'npu'")
    install("mnd-c")
    install("mnd-d")
    assert packages_of("mnd-a") == ["mnd-a", "mnd-b", "mnd-c"]
    assert packages_of("mnd-b") == ["mnd-b"]


def test_what_is_needed_beside_it_counts_with_its_extras(install: Install) -> None:
    size = install("mnd-a") + install("mnd-b", "mnd-c; extra == 'gpu'") + install("mnd-c", files={"c.so": 10})
    assert packages_of("mnd-a", also=["mnd-b[gpu]<2", "mnd-nowhere"]) == ["mnd-a", "mnd-b", "mnd-c"]
    assert installed_bytes("mnd-a", also=["mnd-b[gpu]<2", "mnd-nowhere"]) == size
    assert installed_bytes("mnd-nowhere", also=["mnd-b"]) is None


def test_what_is_absent_or_unreadable_adds_nothing(install: Install, tmp_path: Path) -> None:
    size = install("mnd-a", "mnd-nowhere", "not a requirement !", "mnd-b", files={"gone.so": 50})
    (tmp_path / "gone.so").unlink()
    install("mnd-b", files={"b.so": 70}, record=False)
    assert packages_of("mnd-a") == ["mnd-a", "mnd-b"]
    assert installed_bytes("mnd-a") == size - 50


def test_all_that_is_required_is_told_with_its_version(install: Install) -> None:
    install("mnd-a", "mnd_B; extra == 'more'", "mnd-c")
    install("mnd-b", "mnd-nowhere")
    install("mnd-c")
    assert versions_below("mnd-a[more]") == {"mnd-a": "1.0", "mnd-b": "1.0", "mnd-c": "1.0"}
    assert versions_below("mnd-nowhere", "mnd-c>=0.5") == {"mnd-c": "1.0"}


def test_the_first_installed_counts(install: Install) -> None:
    size = install("mnd-b")
    install("mnd-c", files={"c.so": 10})
    assert installed_bytes("mnd-nowhere", "mnd-b", "mnd-c") == size
    assert packages_of("mnd-nowhere", "mnd-b", "mnd-c") == ["mnd-b"]


def test_none_installed() -> None:
    assert installed_bytes("mnd-nowhere") is None
    assert installed_bytes() is None
    assert packages_of("mnd-nowhere") == []


def test_real_packages() -> None:
    assert {"onnxruntime", "numpy"} <= set(packages_of("onnxruntime"))
    runtime, numpy, tiny = (installed_bytes(name) or 0 for name in ("onnxruntime", "numpy", "annotated-types"))
    assert runtime > numpy > tiny > 0


def test_versions() -> None:
    numpy = importlib.metadata.version("numpy")
    assert versions("mnd-nowhere", "numpy").keys() == {"python", "numpy"}
    assert version_of("mnd-nowhere", "numpy") == numpy
    assert version_of("mnd-nowhere") is None
    assert installed_of("mnd-nowhere", "numpy") == "numpy" and installed_of("mnd-nowhere") is None
    assert importable("numpy") and not importable("mnd_nowhere")
