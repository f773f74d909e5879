"""Markdown as GitHub reads it; markdown-it, which rich brings, stands in for GitHub's parser."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.reports import html as pages
from mnist_deploy.reports.markdown import LIMIT, page
from mnist_deploy.reports.markup import LONGEST, code, escaped, shortened, table
from mnist_deploy.reports.units import seconds
from mnist_deploy.results import Results
from tests.records import NOISY, RECORDS, measurement, parity_row
from tests.reports.fixed import report

HOSTILE = (
    "a|b `c` <script>alert(1)</script> @octocat #12 **d** [e](http://f) _g_ ![h](i)\n\n# j\n| k | ~~l~~ $m$ &amp; \\"
)
GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def inline(text: str) -> list[Token]:
    """All tokens of running text."""
    return [child for token in GITHUB.parse(text) for child in token.children or []]


def shown(text: str) -> str:
    """What a reader sees of running text, without what keeps a mention from being one."""
    return "".join(token.content for token in inline(text)).replace("\u200b", "")


def test_page(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    assert page(report(tmp_path)) == snapshot


def test_page_of_a_quick_run_on_a_noisy_machine_that_was_interrupted(tmp_path: Path) -> None:
    found = report(tmp_path, RECORDS.model_copy(update={"quick": True, "noise": NOISY, "parity": []}))
    interrupted = found.gathered.results.model_copy(update={"complete": False})
    text = page(replace(found, gathered=replace(found.gathered, results=interrupted)))
    assert text.startswith("## \\[quick\\] mnist-deploy")
    top = text.split("### ")[0]
    assert "> [!WARNING]" in top
    for words in ("interrupted", "quick", "disturbed 9000 of 31200 bursts", "No verdicts"):
        assert words in top, words
    assert "nothing was verified" in top and "not verified" in text


def test_page_of_a_verification_alone(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    nothing = {"measurements": [], "noise": None, "samples": None, "training": [], "runtimes": [], "skips": []}
    text = page(report(tmp_path, RECORDS.model_copy(update=nothing)))
    assert text == snapshot
    assert "Nothing was measured" in text and "1 of 4 rows fail" in text


def test_nothing_is_recommended_where_all_failed(tmp_path: Path) -> None:
    failed = [row.model_copy(update={"passed": False, "failures": ["too far"]}) for row in RECORDS.parity]
    rows = [one for one in RECORDS.measurements if one.architecture == "mlp-relu-128" and one.device == "cpu"]
    rows = [one for one in rows if one.runtime != "onnxruntime"]
    text = page(report(tmp_path, RECORDS.model_copy(update={"parity": failed, "measurements": rows})))
    assert "None of 3 candidates (batch 1) kept its parity gate" in text
    assert "too far" in text.split("Parity:")[0], "the nearest say why they failed"


def test_fastest_first_and_unknown_is_no_number(tmp_path: Path) -> None:
    lines = page(report(tmp_path)).splitlines()
    start = lines.index("### mlp-relu-128")
    rows = [line.split(" | ") for line in lines[start:] if line.startswith(("| tflite", "| onnx", "| keras"))][:5]
    assert [row[0].removeprefix("| ") for row in rows[:2]] == ["tflite int8", "tflite float32"]
    assert rows[0][2:5] == ["3.30 us ±3.0%, rank 1, fastest", "150 us ±3.0%", "0.9513"]
    gpu = next(row for row in rows if row[1] == "onnxruntime gpu")
    assert gpu[2] == "-" and gpu[3] == "90.0 us ±3.0%, rank 1, fastest"


def test_a_leader_failed_no_gate(tmp_path: Path) -> None:
    leaders = [line for line in page(report(tmp_path)).splitlines() if line.startswith("- batch 1, 1 thread")]
    assert leaders[0] == "- batch 1, 1 thread: tflite float32 in litert, 3.37 us ±3.0%, rank 1, tie"
    assert leaders[1].endswith(", not verified")


def test_ranks_and_verdicts_are_those_of_the_html_page(tmp_path: Path) -> None:
    found = report(tmp_path)
    text, html = page(found), pages.page(found)
    ranked = [one for one in RECORDS.measurements if one.rank is not None]
    assert len({one.versus_fastest for one in ranked}) > 2
    for row in ranked:
        assert f"{seconds(row.latency_quiet_s)} ±3.0%, rank {row.rank}, {row.versus_fastest}" in text
        (line,) = {
            line
            for line in re.findall(r"<tr.*?</tr>", html.split('id="network-1"')[1].split("Parity with Keras")[0], re.S)
            if f'data-sort="{row.latency_quiet_s!r}"' in line
        }
        assert f">{row.rank}<" in line and f">{row.versus_fastest}<" in line


def hostile(text: str) -> Results:
    rows = [one.model_copy(update={"format": text, "runtime": text, "call": text}) for one in RECORDS.measurements[:2]]
    skips = [one.model_copy(update={"reason": text, "remedy": text}) for one in RECORDS.skips]
    parity = [
        parity_row(text, text, text, passed=False, failures=[text]),
        parity_row(text, text, f"{text} again", warnings=[text]),
    ]
    here = RECORDS.environment.model_copy(update={"cpu": text, "platform": text, "libraries": {text: text}})
    changes = {"measurements": rows, "skips": skips, "parity": parity, "environment": here}
    training = [one.model_copy(update={"caveat": text, "architecture": text}) for one in RECORDS.training]
    return RECORDS.model_copy(update=changes | {"training": training})


def test_values_stay_values(tmp_path: Path) -> None:
    text = page(report(tmp_path, hostile(HOSTILE)))
    kinds = {token.type for token in inline(text)}
    assert kinds <= {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak"}, kinds
    tags = re.findall(r"</?(\w+)", text)
    assert set(tags) == {"details", "summary"}
    assert not re.search(r"@\w|#\d", re.sub(r"`[^`]*`|&#8203;", " ", text)), (
        "a person would be notified, an issue linked"
    )
    assert "<script>alert(1)</script> @octocat #12 **d**" in shown(text), "to the letter"


@given(st.text())
def test_any_value_is_shown_to_the_letter(value: str) -> None:
    drawn = table(["x"], [[f"a{value}b"]])
    words = " ".join("".join(one if one.isprintable() else " " for one in f"a{value}b").split())
    expected = words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"
    assert drawn.count("\n") == 2
    assert shown(drawn) == "x" + expected.replace("\u200b", "")


@given(st.text(alphabet="`ab| @"))
def test_any_code_is_shown_to_the_letter(value: str) -> None:
    words = " ".join(value.split())
    assert shown(code(value)) == words
    assert not words or {token.type for token in inline(code(value))} == {"code_inline"}


def test_markdown_is_escaped_once() -> None:
    assert escaped(escaped("a|b")) == escaped("a|b") == "a\\|b"


def grown(networks: int, artifacts: int) -> Results:
    """So many networks, each with so many artifacts in two uses."""
    rows = [
        measurement(f"network-{network:04}", "tflite", f"precision-{number:04}", "litert", 1e-6 * (number + 1), **use)
        for network in range(networks)
        for number in range(artifacts)
        for use in ({}, {"batch_size": 256, "threads": 2})
    ]
    return RECORDS.model_copy(update={"measurements": rows})


def test_an_ordinary_whole_run_is_not_cut(tmp_path: Path) -> None:
    text = page(report(tmp_path, grown(6, 13), samples=False))
    assert len(text) < LIMIT / 2 and "left out, to keep" not in text
    assert text.count("\n| tflite precision-") == 6 * 13


@pytest.mark.parametrize("networks", [1, 6])
def test_longer_tables_are_cut_to_the_limit_and_say_so(tmp_path: Path, networks: int) -> None:
    text = page(report(tmp_path, grown(networks, 1500 // networks), samples=False))
    assert len(text.encode()) <= LIMIT
    said = [int(found) for found in re.findall(r"^(\d+) more rows left out", text, flags=re.MULTILINE)]
    assert len(said) == networks
    assert text.count("\n| tflite precision-") + sum(said) == networks * (1500 // networks)
    assert "| tflite precision-0000 |" in text, "the fastest stay"
    assert "Environment" in text and text.count("<details>") == text.count("</details>")


def test_what_no_table_can_be_cut_for_is_cut_at_a_line(tmp_path: Path) -> None:
    text = page(report(tmp_path, grown(800, 1), samples=False))
    assert LIMIT - 500 < len(text.encode()) <= LIMIT
    assert text.splitlines()[-1].startswith("**Cut here**") and text.startswith("## mnist-deploy")


@given(st.lists(st.sampled_from(["<details>", "</details>", "a row", "±±±"])), st.integers(0, 90))
def test_shortened_keeps_the_limit(lines: list[str], limit: int) -> None:
    text = "\n".join(lines)
    cut = shortened(text, limit, "cut")
    assert len(cut.encode()) <= limit or cut == text == ""
    if cut != text:
        assert not cut or cut.endswith("\ncut\n")
        assert cut == "" or text.startswith(cut.splitlines()[0]) or cut.startswith("\n")
