"""What is said of fixed records. None of these figures was measured."""

import io
import json

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.diagnosis.findings import finding, first_past
from mnist_deploy.diagnosis.matching import BY_NAME, BY_ORDER
from mnist_deploy.diagnosis.records import Diagnosis, LayerRow, Verdict
from mnist_deploy.reports import diagnosis as report
from mnist_deploy.reports.layout import WIDTH

NAMES = ["conv_1", "maxpool_2", "flatten_3", "dense_4", "probabilities logits", "probabilities"]


def layer(name: str, error: float | None, conversion: float | None, quantization: float | None) -> LayerRow:
    if error is None:
        return LayerRow(layer=name, conversion=conversion)
    return LayerRow(
        layer=name, tensor=f"m_1/{name}_1/Relu:0", operator="DequantizeLinear", found_by=BY_NAME, layout="NHWC",
        relative=error / 5, worst_channel=error, max_abs=error * 3, conversion=conversion, quantization=quantization,
        verdict=Verdict.OK if error <= 0.2 else Verdict.PAST,
    )  # fmt: skip


def record(errors: list[float | None], split: list[tuple[float | None, float | None]], **changes: object) -> Diagnosis:
    rows = [layer(name, error, *parts) for name, error, parts in zip(NAMES, errors, split, strict=True)]
    plain: dict[str, object] = {
        "architecture": "cnn-relu-16-32", "format": "onnx", "precision": "int8", "runtime": "onnxruntime",
        "images": 64, "state": "current", "tolerance": 0.2, "float32_tolerance": 1e-4, "scores_gap": 0.0,
    }  # fmt: skip
    made = Diagnosis.model_validate({**plain, "layers": rows, **changes})
    first = first_past(made.layers)
    made.first = first.layer if first else None
    made.finding = finding(made)
    return made


FINE: list[tuple[float | None, float | None]] = [(1e-7, 0.01)] * 6
HEALTHY = [0.01] * 6
BROKEN: list[float | None] = [0.01, 0.01, 0.01, 0.9, 0.5, 0.4]
CASES = {
    "healthy": record([*HEALTHY], FINE),
    "quantization": record(BROKEN, [*FINE[:3], *[(1e-7, 0.9)] * 3]),
    "conversion": record(BROKEN, [*FINE[:3], *[(0.9, 0.01)] * 3]),
    "both": record(BROKEN, [*FINE[:3], *[(0.9, 0.8)] * 3]),
    "corrupt": record(BROKEN, [*FINE[:3], *[(1e-7, 0.9)] * 3], state="corrupt"),
    "unsplit": record(BROKEN, [(None, None)] * 6, unsplit="the float32 artifact is not exported"),
    "float32": record(BROKEN, [(0.0, None)] * 3 + [(0.9, None)] * 3, precision="float32", state="corrupt"),
    "not a number": record([0.01, 0.01, 0.01, float("inf"), 0.5, 0.4], [*FINE[:3], *[(1e-7, float("inf"))] * 3]),
    "not found": record([0.01, 0.01, None, 0.01, 0.01, 0.01], FINE),
    "not found before": record([0.01, 0.01, None, 0.9, 0.5, 0.4], [*FINE[:3], *[(1e-7, 0.9)] * 3]),
    "near before": record([0.01, 0.01, 0.15, 0.9, 0.5, 0.4], [*FINE[:3], *[(1e-7, 0.9)] * 3]),
    "float32 is off alone": record([*HEALTHY], [*FINE[:3], *[(0.15, 0.15)] * 3]),
}


@pytest.mark.parametrize("case", CASES)
def test_findings(case: str, snapshot: SnapshotAssertion) -> None:
    assert CASES[case].finding == snapshot


@pytest.mark.parametrize("case", ["quantization", "float32", "not found before", "healthy"])
def test_tables(case: str, snapshot: SnapshotAssertion) -> None:
    one = CASES[case].model_copy(update={"scores_gap": 0.0039})
    one.layers[1] = one.layers[1].model_copy(update={"found_by": BY_ORDER})
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, force_terminal=False, highlight=False, markup=False)
    console.print(report.diagnosis(one))
    text = stream.getvalue()
    assert text == snapshot
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize("case", CASES)
def test_records_survive_json(case: str) -> None:
    text = CASES[case].model_dump_json()
    json.loads(text, parse_constant=pytest.fail)
    assert Diagnosis.model_validate_json(text) == CASES[case]
