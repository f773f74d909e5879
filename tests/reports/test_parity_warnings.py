"""A parity warning, and that it is no failure, wherever rows are shown: on a terminal, in every report, in advice."""

import csv
import io
from pathlib import Path

from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.deployment import rendering
from mnist_deploy.parity import warnings
from mnist_deploy.pipeline import verifying
from mnist_deploy.reports import markdown, tables
from mnist_deploy.reports.html.networks import networks
from mnist_deploy.reports.html.page import page
from mnist_deploy.reports.sheet import sheet
from mnist_deploy.reports.wording import parity as parity_in_words
from tests.parity.test_gates import agreement
from tests.records import DEPLOYMENT, RACE, RECORDS
from tests.reports.fixed import report
from tests.reports.test_html import visible
from tests.test_reports import text

(REASON,) = warnings(agreement(18, 4))
# The row that fails in the records passes with a warning.
WARNED = [
    row if row.passed else row.model_copy(update={"passed": True, "failures": [], "warnings": [REASON]})
    for row in RECORDS.parity
]
RESULTS = RECORDS.model_copy(update={"parity": WARNED})
LINE = f"warn tflite int8 in litert (gate int8): {REASON}"


def test_it_is_no_failed_check() -> None:
    alone = RESULTS.model_copy(update={"skips": []})
    assert verifying.passed(alone) and not verifying.passed(alone.model_copy(update={"parity": RECORDS.parity}))


def test_the_terminal_shows_it_in_yellow_and_says_why() -> None:
    plain = text(*tables.parity(WARNED))
    (row,) = [line for line in plain.splitlines() if line.startswith("tflite int8")]
    assert row.endswith("warn") and LINE in " ".join(plain.split()) and "FAIL" not in plain
    colored = text(*tables.parity(WARNED), colour=True)
    assert [line for line in colored.splitlines() if "tflite int8" in line and "\x1b[33m" in line]
    assert "\x1b[31m" not in colored and "\x1b[33m" not in text(*tables.parity(RECORDS.parity), colour=True)


def test_a_row_that_fails_too_is_red_and_says_both() -> None:
    both = [row.model_copy(update={"warnings": [REASON]}) for row in RECORDS.parity if not row.passed]
    plain = " ".join(text(*tables.parity(both)).split())
    assert f"FAIL tflite int8 in litert (gate int8): {both[0].failures[0]}; a second reason; {REASON}" in plain


def test_the_html_page_marks_it(tmp_path: Path) -> None:
    shown = page(report(tmp_path, RESULTS))
    assert shown.count('<tr class="warn">') >= 2, "where it is verified, and where it is measured"
    assert '<tr class="bad">' not in shown.split("Self-check")[0].split('id="skips"')[0]
    assert f"{LINE}." in visible(shown).replace("&#39;", "'")
    (view, *_) = networks(RESULTS, [], None)
    assert "all passed their parity gate, 1 of them with a warning" in view.about


def test_markdown_lists_it(tmp_path: Path) -> None:
    shown = markdown.page(report(tmp_path, RESULTS))
    assert "all 4 rows passed their gate" in shown and "1 of 4 rows have a warning" in shown
    assert "### Parity warnings" in shown and "### Parity failures" not in shown
    assert "### Parity warnings" not in markdown.page(report(tmp_path / "other"))


def test_csv_has_it_as_a_column() -> None:
    found = {(row["format"], row["precision"]): row for row in csv.DictReader(io.StringIO(sheet(RESULTS), newline=""))}
    assert found["tflite", "int8"]["warnings"] == REASON and found["tflite", "int8"]["passed"] == "true"
    assert found["tflite", "float32"]["warnings"] == ""


def test_the_advice_cautions_and_still_chooses() -> None:
    warned = [row.model_copy(update={"warnings": [REASON]}) for row in RACE.parity]
    found = recommend(RACE.model_copy(update={"parity": warned}), Wishes())
    assert found.chosen is not None and found.chosen.label == recommend(RACE, Wishes()).chosen.label  # type: ignore[union-attr]
    assert f"Parity warning: {REASON}." in found.cautions
    assert parity_in_words(found.chosen) == f"passed; warning: {REASON}"


def test_the_model_card_says_it() -> None:
    (row,) = [row for row in WARNED if row.warnings]
    card = rendering.card(DEPLOYMENT.model_copy(update={"parity": row, "cautions": []}))
    (line,) = [line for line in card.splitlines() if line.startswith("| parity gate int8")]
    assert line == f"| parity gate int8 | passed; warning: {REASON} |"
