from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_deploy import documents, results
from mnist_deploy.errors import ArtifactError
from mnist_deploy.reports.units import number_bytes, percent, points, rate, seconds, seconds_interval, times
from mnist_deploy.results import Results
from tests.conftest import NETWORKS, TinyRun
from tests.records import RECORDS

PROMISED_MEASUREMENT = {
    "architecture", "format", "precision", "runtime", "device", "threads", "batch_size", "latency_p50_s",
    "latency_p99_s", "throughput_images_per_s", "size_bytes", "load_s", "first_call_s",
}  # fmt: skip
PROMISED_PARITY = {
    "architecture", "format", "precision", "runtime", "accuracy", "accuracy_change", "top1_agreement",
    "max_abs_error", "passed",
}  # fmt: skip


def test_real_run_wrote_what_is_promised(tiny_run: TinyRun) -> None:
    latest = results.load(tiny_run.root / "results" / "latest.json")
    assert latest.complete and latest.quick and latest.command == "run"
    content = latest.model_dump(mode="json")
    assert all(set(one) >= PROMISED_MEASUREMENT for one in content["measurements"])
    assert all(set(one) >= PROMISED_PARITY for one in content["parity"])
    # 13 pairs of artifact and runtime a network on the CPU, in two uses.
    assert latest.noise is not None
    cpu = [one for one in latest.measurements if one.device == "cpu"]
    assert len(cpu) == 13 * 2 * len(NETWORKS)
    assert len([one for one in latest.parity if one.device == "cpu"]) == 13 * len(NETWORKS)
    assert all(one.passed for one in latest.parity)
    for one in cpu:
        assert 0 < one.latency_min_s <= one.latency_quiet_s <= one.latency_p50_s < one.first_call_s * 50
        assert one.latency_p99_s >= one.latency_min_s and one.latency_p99_half_width is None, "a quick run"
        if one.throughput_images_per_s is not None:
            assert one.throughput_images_per_s == pytest.approx(one.batch_size / one.latency_p50_s, rel=0.9)
        assert one.size_bytes < one.memory_bytes < 10**10 and one.roof_share is not None and one.roof_share > 0
    memory = {one.runtime: one.memory_bytes for one in cpu}
    assert memory["tensorflow"] > 3 * memory["litert"] and memory["openvino"] > memory["litert"]
    jsonschema.validate(content, results.json_schema())
    timed = list((tiny_run.root / "results").glob("2*.json"))
    assert len(timed) == 1 and timed[0].read_text() == (tiny_run.root / "results" / "latest.json").read_text()


def test_round_trip_and_latest_only_when_complete(tmp_path: Path) -> None:
    unfinished = RECORDS.model_copy(update={"complete": False})
    path = unfinished.save(tmp_path)
    assert results.load(path) == unfinished
    assert not (tmp_path / "latest.json").exists()
    assert RECORDS.save(tmp_path) == path, "the finished run takes the place of its unfinished self"
    assert results.load(tmp_path / "latest.json") == RECORDS


def test_schema_is_valid_and_refuses_other_content() -> None:
    schema = results.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    content = RECORDS.model_dump(mode="json")
    jsonschema.validate(content, schema)
    content["measurements"][0]["latency_p50_s"] = "fast"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a results file"),
        ("[]", "no JSON object"),
        ("{}", "schema version None"),
        (documents.sealed('{"schema_version": 99}'), "schema version 99"),
        ('{"schema_version": 6}', "altered since it was written"),
    ],
)
def test_unreadable_results(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ArtifactError, match=words):
        results.load(path)
    with pytest.raises(ArtifactError, match="no such results"):
        results.load(tmp_path / "none.json")


def test_two_runs_in_one_second_do_not_share_a_file(tmp_path: Path) -> None:
    moments = [datetime(2026, 1, 1, 12, 0, 0, micro, tzinfo=UTC) for micro in (0, 1)]
    paths = {RECORDS.model_copy(update={"created_at": moment}).save(tmp_path) for moment in moments}
    assert len(paths) == 2


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (seconds(None), "-"),
        (seconds(66.7e-9), "66.7 ns"),
        (seconds(3.314e-6), "3.31 us"),
        (seconds(999.6e-6), "1.00 ms"),
        (seconds(0.0441), "44.1 ms"),
        (seconds(12.34), "12.3 s"),
        (seconds(123.4), "123 s"),
        (number_bytes(999), "999 B"),
        (number_bytes(106_872), "107 kB"),
        (number_bytes(1_500_000), "1.50 MB"),
        (number_bytes(2_139_720_457), "2.14 GB"),
        (number_bytes(None), "-"),
        (rate(None), "-"),
        (rate(104e9), "104 G"),
        (seconds_interval(2.84e-6, 2.99e-6), "2.84 to 2.99 us"),
        (seconds_interval(990e-9, 1.02e-6), "0.990 to 1.02 us"),
        (seconds_interval(0.5e-9, 1.02e-6), "0.000500 to 1.02 us"),
        (seconds_interval(0.98, 123.4), "0.980 to 123 s"),
        (seconds_interval(None, 1.0), "-"),
        (points(0.01), "1 point"),
        (points(0.0133), "1.33 points"),
        (points(0.0), "0 points"),
        (points(None), "-"),
        (percent(0.0312), "3.1%"),
        (percent(4.12), "412%"),
        (percent(None), "-"),
        (times(13_333.3), "13,300x"),
        (times(1.0312), "1.03x"),
        (times(0.0999), "0.0999x"),
        (times(0.09996), "0.100x"),
        (times(6.4e-5), "0.0000640x"),
        (times(0), "0.00x"),
        (rate(24.63), "24.6"),
        (rate(1_600_000), "1.60 M"),
        (rate(56_040), "56.0 k"),
    ],
)
def test_units(shown: str, expected: str) -> None:
    assert shown == expected


@given(st.floats(1e-9, 1e3))
def test_a_shown_time_is_right_to_three_digits(value: float) -> None:
    number, unit = seconds(value).split()
    factor = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}[unit]
    assert float(number) * factor == pytest.approx(value, rel=0.00501)


def test_results_are_empty_until_filled() -> None:
    fresh = Results(
        command="x", created_at=RECORDS.created_at, environment=RECORDS.environment, data_sha256=RECORDS.data_sha256
    )
    assert (fresh.measurements, fresh.parity, fresh.skips, fresh.complete) == ([], [], [], False)
