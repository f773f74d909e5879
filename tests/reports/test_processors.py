"""Answers on other processors, in every report and in what recommend chooses among."""

import pytest
from rich.console import Group
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.decisions.recommendation import candidates
from mnist_deploy.parity import ProcessorRow
from mnist_deploy.parity.processors import named
from mnist_deploy.reports import listings, processors
from mnist_deploy.reports.html import context_tables
from mnist_deploy.reports.layout import plain
from tests.parity.test_processors import check
from tests.records import RECORDS


def row(changed: int, processor: str, precision: str = "int8", **changes: object) -> ProcessorRow:
    names = {"architecture": "mlp-relu-128", "format": "tflite", "precision": precision, "variant": "standard",
             "runtime": "litert", "device": "cpu"}  # fmt: skip
    emulator = None if processor == "exact kernels" else "QEMU 7.2"
    made = check(changed, processor=processor, runtime="litert", emulator=emulator, **changes)
    return named(made, names, "1" * 64, "0" * 64)


ROWS = [
    row(0, "exact kernels", images=2000),
    row(69, "Haswell"),
    row(0, "Haswell", "dynamic"),
    row(0, "Nehalem", "dynamic"),
]


def test_terminal(snapshot: SnapshotAssertion) -> None:
    assert plain(Group(*processors.tables_of(ROWS))) == snapshot


def test_nothing_checked_shows_nothing() -> None:
    assert not list(processors.tables_of([]))


def test_a_column_for_each_processor_and_a_dash_for_what_is_not_known() -> None:
    listing = listings.processors(RECORDS.model_copy(update={"processors": ROWS}))
    assert listing.head == ("network", "artifact", "runtime", "exact kernels", "Haswell, emulated", "Nehalem, emulated")
    assert listing.rows == [
        ["mlp-relu-128", "tflite int8", "litert", "0/2,000", "69/300", "-"],
        ["mlp-relu-128", "tflite dynamic", "litert", "-", "0/300", "0/300"],
    ]


def test_the_page_marks_what_failed_and_says_why() -> None:
    grid = context_tables.processors(ROWS)
    assert [line.bad for line in grid.rows] == [True, False]
    assert any("69 of the 300 images" in note for note in grid.notes)


@pytest.mark.parametrize(("changed", "passed"), [(0, True), (10, True), (11, False)])
def test_what_answers_otherwise_elsewhere_is_no_candidate(changed: int, passed: bool) -> None:
    measured = next(one for one in RECORDS.measurements if one.format == "tflite")
    precision, sha256 = measured.precision, measured.artifact_sha256
    elsewhere = row(changed, "Haswell", precision).model_copy(update={"artifact_sha256": sha256})
    verified = [one.model_copy(update={"passed": True, "failures": []}) for one in RECORDS.parity]
    results = RECORDS.model_copy(update={"processors": [elsewhere], "parity": verified})
    found = [one for one in candidates(results) if one.measurement == measured]
    assert [one.passed for one in found] == [passed]
    assert bool(found[0].failures) is not passed
