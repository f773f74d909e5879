import csv
import io
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.parity import ParityRow
from mnist_deploy.reports.sheet import sheet
from mnist_deploy.results import Measurement, Results
from tests.records import NOISY, RECORDS, measurement, parity_row

LISTS = {"pass_quiet_s", "flips"}


def rows(results: Results) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet(results), newline="")))


def test_sheet(snapshot: SnapshotAssertion) -> None:
    assert sheet(RECORDS).splitlines() == snapshot


def test_every_field_that_is_one_value_is_a_column() -> None:
    columns = rows(RECORDS)[0].keys()
    for name in (*Measurement.model_fields, *Measurement.model_computed_fields, *ParityRow.model_fields):
        assert name in LISTS or any(column == name or column.startswith(f"{name}_") for column in columns), name


def test_values_are_those_of_the_records() -> None:
    first = rows(RECORDS)[1]
    one, row = RECORDS.measurements[1], RECORDS.parity[2]
    assert float(first["latency_p50_s"]) == one.latency_p50_s and int(first["size_bytes"]) == one.size_bytes
    assert float(first["accuracy_change"]) == row.accuracy_change == -0.0012, "a number is no formula"
    assert first["passed"] == "false" and first["failures"] == "; ".join(row.failures)
    assert (first["flips_lost"], first["flips_gained"], first["flips_altered"]) == ("16", "4", "3")
    assert float(first["speed_up_ratio"]) == 13_333 and first["speed_up_verdict"] == "faster"
    assert first["installed_bytes"] == "138000000" and first["noisy"] == "false"
    assert [row["versus_fastest"] for row in rows(RECORDS)[:4]] == ["slower", "fastest", "slower", "tie"]


def test_unknown_is_empty() -> None:
    by_runtime = {(one["runtime"], one["device"]): one for one in rows(RECORDS) if one["batch_size"] == "1"}
    unverified = by_runtime["openvino-default", "cpu"]
    for name in ("accuracy", "passed", "flips_lost", "failures", "gate", "installed_bytes", "rank", "versus_fastest",
                 "speed_up_ratio"):  # fmt: skip
        assert unverified[name] == "", name
    assert rows(RECORDS.model_copy(update={"noise": None}))[0]["noisy"] == ""
    assert rows(RECORDS.model_copy(update={"noise": NOISY}))[0]["noisy"] == "true"


def test_what_was_verified_only_has_a_row_without_speed() -> None:
    extra = parity_row("openvino", "int8", "openvino", accuracy=0.9)
    found = rows(RECORDS.model_copy(update={"parity": [*RECORDS.parity, extra]}))
    alone = [one for one in found if one["runtime"] == "openvino"]
    assert len(alone) == 1 and len(found) == len(rows(RECORDS)) + 1
    assert alone[0]["accuracy"] == "0.9" and alone[0]["precision"] == "int8" and alone[0]["proof_executed_on"] == "CPU"
    assert alone[0]["latency_p50_s"] == alone[0]["size_bytes"] == alone[0]["threads"] == ""


def test_another_artifact_s_parity_is_not_joined() -> None:
    one = measurement("mlp-relu-128", "tflite", "int8", "litert", 1e-6, artifact_sha256="9" * 64)
    joined = rows(RECORDS.model_copy(update={"measurements": [one]}))[0]
    assert joined["latency_quiet_s"] == "1e-06" and joined["accuracy"] == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_text_is_no_formula(text: str) -> None:
    one = RECORDS.measurements[0].model_copy(update={"call": text, "runtime": text})
    found = rows(RECORDS.model_copy(update={"measurements": [one], "parity": []}))[0]
    assert found["call"] == f"'{text}" and found["runtime"] == f"'{text}"


def test_rfc_4180(tmp_path: Path) -> None:
    one = RECORDS.measurements[0].model_copy(update={"call": 'a "b", c\nd'})
    text = sheet(RECORDS.model_copy(update={"measurements": [one], "parity": []}))
    assert '"a ""b"", c\nd"' in text and text.endswith("\r\n")
    assert text.count("\r\n") == 2, "the header and one row"
