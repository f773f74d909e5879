"""No command, with --force or without, changes or deletes anything outside of the folder that it may write to."""

import shutil
from pathlib import Path

import pytest

from mnist_deploy import files, holding
from tests.conftest import NETWORKS
from tests.test_cli import ended, one_line

MLP = NETWORKS[0]
WRITERS = {
    "train": ["train", MLP, "--epochs", "1", "--force"],
    "export": ["export", MLP, "--format", "tflite", "--force"],
    "verify": ["verify", MLP, "--format", "tflite"],
    "bench": ["bench", MLP, "--format", "tflite", "--quick"],
    "run": ["run", MLP, "--quick"],
}


def led_outside(place: Path, outside: Path) -> Path:
    """Move what is at `place`, if anything is, into `outside`, and leave a link to it."""
    there = outside / place.name
    if place.exists():
        shutil.move(place, there)
    else:
        there.mkdir(parents=True)
        (there / "notes.txt").write_text("mine")
    place.symlink_to(there)
    return there


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("command", "place"),
    [*((command, MLP) for command in WRITERS), ("train", f"{MLP}/previous"), ("export", f"{MLP}/saved_model"),
     ("bench", "results")],
)  # fmt: skip
def test_a_folder_that_is_a_link_is_refused(
    command: str, place: str, root: Path, outside: Path, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    led_outside(root / place, outside)
    before = files.sha256(outside), files.sha256(root)
    code, out, err = ended(capfd, *WRITERS[command], "--artifacts", root, "--data", tiny_data)
    assert code == 2 and out == ""
    assert one_line(err) == f"error: {root / place}: a link that leads outside of {root}; put the folder itself there"
    assert (files.sha256(outside), files.sha256(root)) == before


def test_an_export_that_is_a_link_is_refused(
    root: Path, outside: Path, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    there = led_outside(root / MLP / "int8.tflite", outside)
    before = files.sha256(there)
    code, _, err = ended(capfd, *WRITERS["export"], "--artifacts", root, "--data", tiny_data)
    assert code == 2 and "int8.tflite: a link that leads outside of" in one_line(err)
    assert "put the file itself there" in one_line(err) and files.sha256(there) == before


def test_other_files_that_are_links_are_replaced_and_what_they_lead_to_stays(
    root: Path, outside: Path, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / holding.HOLDER).write_text("{}")
    names = ("model.keras", "training.json", "reference.npz")
    for place in (*(root / MLP / name for name in names), root / "manifest.json", root / holding.HOLDER):
        led_outside(place, outside)
    before = files.sha256(outside)
    code, _, err = ended(capfd, *WRITERS["train"], "--artifacts", root, "--data", tiny_data)
    assert code == 0, err
    assert files.sha256(outside) == before and not (root / MLP / "model.keras").is_symlink()


def test_a_lock_that_is_a_link_empties_nothing(
    root: Path, outside: Path, tiny_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (outside / "notes.txt").write_text("mine")
    (root / holding.LOCK).unlink(missing_ok=True)
    (root / holding.LOCK).symlink_to(outside / "notes.txt")
    code, _, err = ended(capfd, *WRITERS["export"], "--artifacts", root, "--data", tiny_data)
    assert code == 2 and f"{root}: cannot be written (" in one_line(err)
    assert (outside / "notes.txt").read_text() == "mine"


def test_a_package_that_is_replaced_goes_aside_with_all_that_was_done_to_it(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output, artifacts = tmp_path / "package", files.sha256(root)
    command = ["package", MLP, "--runtime", "litert", "--output", output, "--artifacts", root]
    assert ended(capfd, *command)[0] == 0
    (output / "predict.py").write_text("mine")
    code, out, _ = ended(capfd, *command, "--force")
    former = [path for path in tmp_path.iterdir() if path.name.startswith("package.replaced-")]
    assert code == 0 and len(former) == 1 and f"What was there before: {former[0]}" in out
    assert (former[0] / "predict.py").read_text() == "mine" != (output / "predict.py").read_text()

    output.rename(tmp_path / "elsewhere")
    output.symlink_to(tmp_path / "elsewhere")
    before = files.sha256(tmp_path / "elsewhere")
    code, _, err = ended(capfd, *command, "--force")
    assert code == 2 and "not a folder; give another name" in one_line(err)
    assert files.sha256(tmp_path / "elsewhere") == before and files.sha256(root) == artifacts
