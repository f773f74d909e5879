"""Disks that are full and folders that are read-only: one line, nothing half-written, nothing lost."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_deploy import files, results
from mnist_deploy.artifacts import ArtifactStore, State
from tests.conftest import NETWORKS, TinyRun, mnist_deploy
from tests.test_cli import ended, one_line

MLP = NETWORKS[0]
LIGHT = ["--format", "tflite", "--precision", "int8", "--runtime", "litert"]
WRITERS = {
    "train": ["train", MLP, "--seed", "7", "--epochs", "1"],
    "export": ["export", MLP, "--format", "tflite", "--force"],
    "verify": ["verify", MLP, *LIGHT],
    "bench": ["bench", MLP, *LIGHT, "--quick"],
}
SAVE_RESULTS = ["verify", "bench"]
# What is left of the disk: enough to begin, too little for what the command comes to.
ROOM_BYTES = {"train": 32_768, "export": 32_768, "verify": 8_192, "bench": 8_192}
DISK_BYTES = 24 * 1024**2


def command(name: str, root: Path, data: Path) -> list[str | Path]:
    return [*WRITERS[name], "--data", data, "--artifacts", root]


def content(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): files.sha256(path) for path in root.rglob("*") if path.is_file()}


def mounted(*arguments: str | Path) -> bool:
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def disk(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own, with a copy of the tiny run's artifacts in its folder 'artifacts'."""
    place = tmp_path_factory.mktemp("disk")
    if sys.platform != "linux" or os.geteuid() or not mounted("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", place):
        pytest.skip("only root may mount a disk")
    try:
        shutil.copytree(tiny_run.root, place / "artifacts")
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_line_and_changes_nothing(
    name: str, disk: Path, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root, filler = disk / "artifacts", disk / "filler"
    before = content(root)
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - ROOM_BYTES[name]))
    try:
        code, out, err = ended(capfd, *command(name, root, tiny_data))
        assert code == 2 and out == "", err
        line = one_line(err)
        assert f"error: {root}" in line and "cannot be written (No space left on device); make room" in line
        after = content(root)
        assert before.items() <= after.items()
        # What was finished before there was no room: whole, and said to be unfinished.
        assert not any(results.load(root / more).complete for more in after.keys() - before.keys())
        assert {state for _, state in ArtifactStore(root).select()} == {State.CURRENT}
    finally:
        filler.unlink()


@pytest.mark.parametrize("name", WRITERS)
def test_a_read_only_folder_is_one_line(
    name: str, disk: Path, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert mounted("-o", "remount,ro", disk)
    try:
        code, out, err = ended(capfd, *command(name, disk / "artifacts", tiny_data))
        assert code == 2 and out == ""
        words = "artifacts: cannot be written (Read-only file system); name a place that can be written to"
        assert words in one_line(err) and len(err.splitlines()) == 1
        assert ("--results DIR" in err) is (name in SAVE_RESULTS)
    finally:
        assert mounted("-o", "remount,rw", disk)


def test_read_only_artifacts_are_measured_with_the_results_elsewhere(
    disk: Path, tiny_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root, there = disk / "artifacts", tmp_path / "results"
    before = content(root)
    assert mounted("-o", "remount,ro", disk)
    try:
        for name in SAVE_RESULTS:
            code, out, err = ended(capfd, *command(name, root, tiny_data), "--results", there)
            assert code == 0 and str(there) in out, err
        saved = sorted(path.name for path in there.glob("[0-9]*.json"))
        assert len(saved) == 2 and content(root) == before
        where = ["--artifacts", root]
        assert ended(capfd, "recommend", "--results", there, "--ignore-gates", *where)[0] == 0
        assert ended(capfd, "report", there, "--output", tmp_path / "report.json", *where)[0] == 0
        found = results.load(tmp_path / "report.json")
        assert found.measurements and found.parity, "the rows of parity are of the other file"
        code, _, err = ended(capfd, "compare", there / saved[-1], there, "--force")
        assert code == 0, err
        assert ended(capfd, "bench", "--resume", "--data", tiny_data, "--results", there, *where)[0] == 2
        assert content(root) == before
    finally:
        assert mounted("-o", "remount,rw", disk)


@pytest.mark.parametrize("name", SAVE_RESULTS)
def test_results_that_cannot_be_saved_are_told_before_anything_is_measured(
    name: str, root: Path, tiny_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(root / "results")
    (root / "results").write_text("a file")
    code, out, err = ended(capfd, *command(name, root, tiny_data))
    assert (code, out) == (2, "") and len(err.splitlines()) == 1, "no line of progress before"
    assert f"{root / 'results'}: cannot be written (File exists)" in err and "--results DIR" in one_line(err)
    assert ended(capfd, *command(name, root, tiny_data), "--results", tmp_path / "other")[0] == 0


def test_what_only_reads_needs_no_writing(disk: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert mounted("-o", "remount,ro", disk)
    try:
        root = ["--artifacts", disk / "artifacts"]
        assert ended(capfd, "recommend", "--ignore-gates", *root)[0] == 0
        assert ended(capfd, "report", "--output", tmp_path / "report.csv", *root)[0] == 0
        assert ended(capfd, "package", MLP, "--output", tmp_path / "package", *root)[0] == 0
    finally:
        assert mounted("-o", "remount,rw", disk)


def test_with_room_again_the_same_commands_do_it(
    disk: Path, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in WRITERS:
        code, _, err = ended(capfd, *command(name, disk / "artifacts", tiny_data))
        assert code == 0, err
    assert not list(disk.rglob(f"{files.WRITING}*"))


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits")
def test_a_file_that_may_not_grow_is_one_line(root: Path, tiny_data: Path) -> None:
    """Where no disk may be mounted, a limit on files' size shows the same."""
    before = content(root)
    program = [sys.executable, "-m", "mnist_deploy", *map(str, command("train", root, tiny_data))]
    limit = 50 * 1024
    done = subprocess.run(
        program, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 2 and "cannot be written (File too large); make room" in one_line(done.stderr)
    assert content(root) == before


def test_an_output_that_does_not_fit_leaves_what_was_there(
    disk: Path, tiny_run: TinyRun, capfd: pytest.CaptureFixture[str]
) -> None:
    target, filler = disk / "report.json", disk / "filler"
    target.write_text("old")
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - 8 * 1024))
    try:
        code, _, err = ended(capfd, "report", "--output", target, "--artifacts", tiny_run.root)
        assert code == 2 and "--output" in one_line(err) and "No space left on device" in one_line(err)
        assert target.read_text() == "old"
    finally:
        filler.unlink()
    assert mnist_deploy("report", "--output", target, "--artifacts", tiny_run.root).code == 0
