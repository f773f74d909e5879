"""What is damaged on the disk is told in one line, before anything is measured."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnist_deploy.artifacts import Artifact, ArtifactStore, is_intact, remake
from tests.conftest import NETWORKS, TinyRun, written
from tests.test_cli import ended, one_line

MLP = NETWORKS[0]
Break = Callable[[Path, Path], None]
# For each format the file to be broken: in a folder, the one that the library opens first.
FORMATS = {
    "keras": "model.keras",
    "saved_model": "saved_model/saved_model.pb",
    "tflite": "int8.tflite",
    "onnx": "int8.onnx",
    "openvino": "int8.openvino/model.xml",
    "mnn": "float32.mnn",
}


def truncated(path: Path, root: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def one_bit_flipped(path: Path, root: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size // 2)
        (byte,) = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte ^ 1]))


def emptied(path: Path, root: Path) -> None:
    os.truncate(path, 0)


def of_another_format(path: Path, root: Path) -> None:
    other = "float32.onnx" if path.suffix == ".tflite" else "float32.tflite"
    shutil.copyfile(root / MLP / other, path)


def missing(path: Path, root: Path) -> None:
    path.unlink()


def pipe(path: Path, root: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path, root: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def linked(path: Path, root: Path) -> None:
    """The very bytes, but not in the folder."""
    outside = root.parent / "outside"
    path.rename(outside)
    path.symlink_to(outside)


def bound(path: Path, root: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path has 107 bytes at most
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


PLAIN: tuple[Break, ...] = (truncated, one_bit_flipped, emptied, of_another_format, missing)
SPECIAL: tuple[Break, ...] = (pipe, endless, linked, bound)
# Whether it is a file or lies in a folder is all that matters to the latter.
CASES = [(format, broken) for format in FORMATS for broken in PLAIN] + [
    (format, broken) for format in ("tflite", "saved_model") for broken in (SPECIAL if os.name == "posix" else ())
]


@pytest.fixture(scope="module")
def shared(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network's part of the tiny run, which each test leaves as it was."""
    root = tmp_path_factory.mktemp("damaged") / "artifacts"
    shutil.copytree(tiny_run.root / MLP, root / MLP)
    shutil.copytree(tiny_run.root / "results", root / "results")
    shutil.copyfile(tiny_run.root / "manifest.json", root / "manifest.json")
    return root


@pytest.fixture
def keep(shared: Path) -> Iterator[Callable[[Path], Path]]:
    """Put what a test breaks back in its place."""
    kept: list[tuple[Path, bytes]] = []

    def remember(path: Path) -> Path:
        kept.append((path, path.read_bytes()))
        return path

    yield remember
    for path, content in kept:
        path.unlink(missing_ok=True)
        path.write_bytes(content)


def artifact_of(root: Path, format: str) -> Artifact:
    inside = root / MLP / FORMATS[format]
    (found,) = (one for one in ArtifactStore(root).manifest().artifacts if inside.is_relative_to(one.path))
    return found


@pytest.mark.parametrize(("format", "broken"), CASES, ids=lambda one: getattr(one, "__name__", one))
def test_a_damaged_artifact_is_told_and_never_measured(
    format: str, broken: Break, shared: Path, keep: Callable[[Path], Path], tiny_data: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    artifact = artifact_of(shared, format)
    broken(keep(shared / MLP / FORMATS[format]), shared)
    before = written(shared / "results")
    chosen = ["--format", format, "--precision", artifact.precision]
    # Both select alike: the other is tried once a format.
    for command in (["bench", MLP, "--quick"], ["verify", MLP])[: 1 + (broken is one_bit_flipped)]:
        code, out, err = ended(capfd, *command, *chosen, "--artifacts", shared, "--data", tiny_data)
        line = one_line(err)
        assert code == 2 and not out
        led_out = format == "tflite" and broken in (linked, endless)
        remedy = "a link that leads outside" if led_out else f"run: {remake(artifact)}"
        assert str(artifact.path) in line and remedy in line
    assert written(shared / "results") == before


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
@pytest.mark.parametrize("broken", SPECIAL, ids=lambda one: one.__name__)
@pytest.mark.parametrize("format", ["saved_model", "tflite"])
def test_what_is_no_file_is_not_looked_into_either(
    format: str, broken: Break, shared: Path, keep: Callable[[Path], Path], tiny_data: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    artifact = artifact_of(shared, format)
    broken(keep(shared / MLP / FORMATS[format]), shared)
    arguments = ["diagnose", MLP, "--format", format, "--precision", artifact.precision]
    code, _, err = ended(capfd, *arguments, "--artifacts", shared, "--data", tiny_data)
    assert code == 2 and str(artifact.path) in one_line(err)


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
def test_what_was_added_to_a_folder_is_seen(tiny_run: TinyRun, tmp_path: Path) -> None:
    """A pipe is no regular file, so that no hash of files tells of it."""
    artifact = artifact_of(tiny_run.root, "saved_model")
    folder = Path(shutil.copytree(artifact.path, tmp_path / "saved_model"))
    copy = artifact.model_copy(update={"path": folder})
    assert is_intact(copy)
    for add in (os.mkfifo, lambda path: path.symlink_to("/"), lambda path: path.symlink_to(path.parent)):
        add(folder / "assets" / "more" if (folder / "assets").is_dir() else folder / "more")
        assert not is_intact(copy)
        for path in folder.rglob("more"):
            path.unlink()
    assert is_intact(copy)


@pytest.mark.parametrize("broken", PLAIN[:-1], ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", ["manifest.json", "results/latest.json", f"{MLP}/model.keras"])
def test_a_damaged_document_or_model_is_named(
    name: str, broken: Break, shared: Path, keep: Callable[[Path], Path], tiny_data: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = shared / name
    good = keep(path)
    commands = {
        "manifest.json": [["bench"], ["export", MLP]],
        "results/latest.json": [["report", path], ["recommend", "--results", path], ["compare", path, path]],
        f"{MLP}/model.keras": [["export", MLP]],
    }
    broken(good, shared)
    content = path.read_bytes()
    for command in commands[name]:
        data = [] if command[0] in ("report", "recommend", "compare") else ["--data", tiny_data]
        at = [] if command[0] == "compare" else ["--artifacts", shared]
        code, out, err = ended(capfd, *command, *at, *data)
        line = one_line(err)
        assert code == 2 and not out and str(path) in line and "run: mnist-deploy" in line
    assert path.read_bytes() == content
