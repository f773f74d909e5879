"""The notebook's figures stand beside results of MNIST, and beside no other data's."""

import json
import re
from pathlib import Path

import pytest

from mnist_deploy import cli
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.reports import layout, markdown, tables
from mnist_deploy.reports.html import page as html_page
from mnist_deploy.reports.report import Report, build
from mnist_deploy.results import Results
from tests.conftest import TinyRun
from tests.records import RECORDS
from tests.reports.fixed import stored

NOTE = "Trained on other data than MNIST: there are no published figures to compare with."
FORMS = {
    "terminal": lambda report: layout.plain(tables.everything(report.gathered.results)),
    "markdown": markdown.page,
    "page": html_page,
}


def of_other_data(results: Results) -> Results:
    none = {"reported_loss": None, "reported_accuracy": None, "caveat": None}
    return results.model_copy(update={"training": [row.model_copy(update=none) for row in results.training]})


def report(folder: Path, results: Results) -> Report:
    return build(gather(stored(folder, results)))


@pytest.mark.parametrize("form", FORMS)
def test_no_published_figure_stands_beside_other_data(form: str, tmp_path: Path) -> None:
    of_mnist, other = (
        " ".join(FORMS[form](report(tmp_path / name, results)).split())
        for name, results in (("mnist", RECORDS), ("other", of_other_data(RECORDS)))
    )
    words = re.compile(r"reproduced|reported|notebook|0\.1602|0\.9552|a slip")
    assert words.search(of_mnist) and NOTE not in of_mnist
    assert not words.search(other) and NOTE in other
    # What was reached is there in both.
    assert all("0.1647" in text and "0.9525" in text for text in (of_mnist, other))


def test_a_run_on_other_data_has_no_published_figures(tiny_run: TinyRun, capfd: pytest.CaptureFixture[str]) -> None:
    assert NOTE in tiny_run.ended.out and "reported" not in tiny_run.ended.out
    assert cli.run(["report", "--format", "markdown", "--artifacts", str(tiny_run.root)]) == 0
    assert NOTE in (text := capfd.readouterr().out) and "reported" not in text
    (results, *_) = sorted(tiny_run.store.results.glob("*.json"))
    rows = json.loads(results.read_text())["training"]
    assert rows and all(row["reported_loss"] is row["reported_accuracy"] is row["caveat"] is None for row in rows)
    assert {row["architecture"] for row in rows} <= set(ARCHITECTURES)
