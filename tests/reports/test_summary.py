from pathlib import Path

import pytest

from mnist_deploy.errors import UsageError
from mnist_deploy.reports.summary import LIMIT_BYTES, VARIABLE, append_to_step_summary


def test_nothing_is_written_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    append_to_step_summary("# a")
    monkeypatch.setenv(VARIABLE, "")
    append_to_step_summary("# a")
    assert not list(tmp_path.iterdir())


def test_it_is_appended_as_a_block_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    monkeypatch.setenv(VARIABLE, str(path))
    append_to_step_summary("# a ±")
    append_to_step_summary("b\n")
    assert path.read_text(encoding="utf-8") == "# a ±\n\nb\n"


@pytest.mark.parametrize("taken", [0, 1000, LIMIT_BYTES - 50, LIMIT_BYTES])
def test_the_limit_is_kept_and_a_cut_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, taken: int) -> None:
    path = tmp_path / "summary.md"
    path.write_text("x" * taken)
    monkeypatch.setenv(VARIABLE, str(path))
    append_to_step_summary("<details>\n\n" + "± a line\n" * 200_000 + "</details>\n")
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) <= LIMIT_BYTES and text.startswith("x" * taken)
    if taken <= 1000:
        assert len(text.encode()) > LIMIT_BYTES - 100
        assert "</details>\n\n**Cut here:**" in text and text.endswith("output.\n")


def test_a_summary_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere" / "summary.md"))
    with pytest.raises(UsageError, match=r"GITHUB_STEP_SUMMARY=.*summary\.md: not writable"):
        append_to_step_summary("# a")
