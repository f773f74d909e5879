"""One folder, one writer: the second waits, and is told for whom."""

import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pytest

from mnist_deploy import files, holding
from mnist_deploy.artifacts import ArtifactStore, State
from mnist_deploy.errors import StorageError
from mnist_deploy.progress import Silent
from tests.conftest import NETWORKS, mnist_deploy, written
from tests.test_crashes import begun
from tests.test_disks import content

MLP = NETWORKS[0]


class Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, line: str) -> None:
        self.lines.append(line)


def test_the_second_command_waits_and_says_who_holds_the_folder(root: Path, tiny_data: Path) -> None:
    before = content(root)
    with holding.held(root, "mnist-deploy bench", Silent()):
        process = begun("export", MLP, "--format", "tflite", "--data", tiny_data, "--artifacts", root)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert f"{root} is in use by mnist-deploy bench (process " in line and "waiting until that ends" in line
        with pytest.raises(TimeoutError):
            deadline = time.monotonic() + 1.5
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise TimeoutError
    assert process.wait() == 0 and "error" not in process.stderr.read()
    assert content(root) == before, "everything was there already"


def test_who_waits_can_give_up(root: Path, tiny_data: Path) -> None:
    with holding.held(root, "mnist-deploy bench", Silent()):
        before = written(root)
        process = begun("export", MLP, "--force", "--data", tiny_data, "--artifacts", root)
        assert process.stderr is not None and "is in use by" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130 and "interrupted" in process.stderr.read()
        assert written(root) == before


def test_two_exports_at_once_make_one_whole_folder(root: Path, tiny_data: Path) -> None:
    def export(format: str) -> int:
        told = ("--format", format, "--precision", "float32", "--force", "--data", tiny_data, "--artifacts", root)
        return mnist_deploy("export", MLP, *told).code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(export, ("tflite", "onnx"))) == [0, 0]
    assert {state for _, state in ArtifactStore(root).select()} == {State.CURRENT}


def test_what_killed_writers_left_is_undone(store: ArtifactStore) -> None:
    """A folder that went aside comes back, unless its successor is there; what is not whole goes."""
    folder = store.root / MLP
    torn, whole = folder / f"{files.WRITING}torn", folder / f"{files.WRITING}whole"
    for holder in (torn, whole):
        (holder / ".replaced").mkdir(parents=True)
    (folder / "saved_model").rename(torn / ".replaced" / "saved_model")
    (torn / "saved_model").mkdir()
    shutil.copytree(folder / "float32.openvino", whole / ".replaced" / "float32.openvino")
    (whole / "half.onnx").write_bytes(b"half")
    (store.results / f"{files.WRITING}a").mkdir()
    (store.root / f"{files.WRITING}link").symlink_to(folder)
    with store.claimed("a test", Silent()):
        assert {state for _, state in store.select()} == {State.CURRENT}
    left = [path.name for path in store.root.rglob(f"{files.WRITING}*")]
    assert left == [f"{files.WRITING}link"] and (folder / "model.keras").exists(), "no link is followed"


def test_a_holder_that_says_nothing_readable_is_another_process(tmp_path: Path) -> None:
    said = Said()

    def wait() -> None:
        with holding.held(tmp_path, "mnist-deploy verify", said):
            said.log("its turn")

    waiting = Thread(target=wait)
    with holding.held(tmp_path, "mnist-deploy train", Silent()):
        (tmp_path / holding.HOLDER).write_text("{")
        waiting.start()
        while not said.lines:
            time.sleep(0.01)
        assert len(said.lines) == 1 and "is in use by another process" in said.lines[0]
    waiting.join(timeout=10)
    assert said.lines[1:] == ["its turn"]


def test_a_folder_with_nothing_in_it_is_left_alone(tmp_path: Path) -> None:
    with ArtifactStore(tmp_path / "none").claimed("mnist-deploy bench", Silent()):
        assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("text")
    with (
        pytest.raises(StorageError, match="file: cannot be written"),
        ArtifactStore(tmp_path / "file").claimed("mnist-deploy train", Silent(), makes=True),
    ):
        pass
