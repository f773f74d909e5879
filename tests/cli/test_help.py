"""`--help`: groups in the order of use, whole lines at 80 columns, and two examples for every command."""

import re
import shlex

import pytest

from mnist_deploy.cli.app import COMMANDS, GROUPS
from mnist_deploy.cli.examples import EXAMPLES
from mnist_deploy.cli.help_pages import MAX_UNGROUPED
from mnist_deploy.runtimes import RUNTIMES
from tests.test_cli import ended


def page(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str, columns: int = 80) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = ended(capfd, *words, "--help")
    assert (code, err) == (0, "")
    return out


def sections(text: str) -> dict[str, list[str]]:
    """Each heading of a help page with the lines below it, without their indentation by two."""
    parts = re.split(r"^([A-Z][^\n]*):\n", text, flags=re.MULTILINE)
    return {
        title: [line.removeprefix("  ") for line in body.splitlines() if line]
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_commands_stand_by_purpose_in_the_order_of_use_a_whole_line_each(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = sections(page(capfd, monkeypatch))
    assert list(told)[:-1] == list(GROUPS) and list(told)[-1] == "Options"
    assert list(GROUPS) == ["Start here", "Make", "Check", "Measure", "Decide", "Deploy", "Inspect"]
    for title, group in GROUPS.items():
        assert [re.match(r"([a-z-]+) +\w", line)[1] for line in told[title]] == list(group)  # type: ignore[index]
        assert not any(line.endswith("...") for line in told[title])
        assert len({re.match(r"[a-z-]+ +", line).end() for line in told[title]}) == 1  # type: ignore[union-attr]


def test_a_narrow_terminal_breaks_the_lines_and_cuts_nothing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wide, narrow = (page(capfd, monkeypatch, columns=columns) for columns in (80, 50))
    assert narrow.split() == wide.split() and len(narrow.splitlines()) > len(wide.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = page(capfd, monkeypatch, command)
    assert not [line for line in text.splitlines() if len(line) > 80]
    # Names of runtimes and limits are there to be copied.
    assert not re.search(r"\w-\n", text), "a word is broken at its hyphen"
    assert "[[" not in text and "]...]" not in text and "{" not in text
    told = sections(text)
    examples = told.pop("Examples")
    assert text.endswith(examples[-1] + "\n")
    assert [line for line in examples if not line.startswith("# ")] == list(EXAMPLES[command].values())
    assert len(EXAMPLES[command]) == 2
    told.pop("Arguments", None)
    options = [line.split()[0] for lines in told.values() for line in lines if line.startswith("--")]
    assert len(options) == len(set(options)) and {"--artifacts", "--debug", "--help"} <= set(options)
    assert (list(told) == ["Options"]) == (len(options) - 1 <= MAX_UNGROUPED)


@pytest.mark.parametrize(
    ("command", "groups"),
    [
        ("verify", {"Selection": "--runtime", "Checks": "--gate", "Other options": "--data"}),
        (
            "bench",
            {"Selection": "--runtime", "Measurement": "--threads", "Duration": "--quick", "Other options": "--json"},
        ),
    ],
)
def test_many_options_stand_in_groups(
    command: str, groups: dict[str, str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = sections(page(capfd, monkeypatch, command))
    assert [title for title in told if title not in ("Arguments", "Examples")] == list(groups)
    for title, option in groups.items():
        assert [line.startswith(f"{option} ") for line in told[title]].count(True) == 1


def test_each_command_has_examples_of_itself() -> None:
    assert list(EXAMPLES) == list(COMMANDS)
    for command, examples in EXAMPLES.items():
        assert all(shlex.split(example)[:2] == ["mnist-deploy", command] for example in examples.values())
        assert all(len(f"  {line}") <= 80 for item in examples.items() for line in (f"# {item[0]}", item[1]))


def test_a_runtime_s_name_is_whole_at_every_width(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = page(capfd, monkeypatch, "bench", columns=50)
    assert all(name in text for name, runtime in RUNTIMES.items() if not runtime.diagnostic)
