"""What follows of records, from fixed ones. None of these figures was measured."""

import pytest
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.benchmark.comparison import Verdict
from mnist_deploy.profiling.records import Kind, Operator, Profile, Twins, kind_of
from mnist_deploy.profiling.twins import reach
from mnist_deploy.reports import profiles
from mnist_deploy.reports.findings import finding
from tests.records import ENVIRONMENT
from tests.test_reports import text

VNNI, PLAIN = ["avx2", "avx512_vnni"], ["avx2"]
CELL = {"architecture": "cnn-relu-16-32", "format": "onnx", "runtime": "onnxruntime", "batch_size": 1, "threads": 1}


def operator(op: str, microseconds: float, kernel: str = "CPU float -> float") -> Operator:
    return Operator(name=op, op=op, kernel=kernel, seconds=microseconds / 1e6, kind=kind_of(op))


def profile(precision: str, microseconds: float, operators: list[Operator], unfused: int = 0) -> Profile:
    call = microseconds / 1e6
    return Profile(
        **CELL, precision=precision, wall_s=call, beside_s=call, profiled_s=call * 2, operators=operators,
        unfused_qdq=unfused, covers="a profiler's whole microseconds", calls=500,
    )  # fmt: skip


def twins(*ratios: float) -> Twins:
    return Twins(**CELL, precision="int8", ratios=list(ratios), processes=3)


FLOAT32 = profile("float32", 23, [operator("Conv", 10), operator("Conv", 12), operator("Softmax", 1)])
UINT8 = "CPU uint8 -> uint8"
SLOW = profile(
    "int8",
    44,
    [
        operator("QuantizeLinear", 3), operator("QLinearConv", 20, UINT8), operator("QLinearConv", 15, UINT8),
        operator("QLinearSoftmax", 1, UINT8), operator("DequantizeLinear", 2),
    ],
    unfused=2,
)  # fmt: skip
FAST = profile("int8", 12, [operator("QLinearConv", 4, UINT8), operator("QLinearConv", 5, UINT8)])
SLOWER, FASTER = [1.8, 1.9, 2.0] * 7, [0.5, 0.52, 0.55] * 7
EQUAL, WIDE = [0.99, 1.0, 1.01] * 7, [0.8, 1.1, 1.4] * 7


def test_slower_names_what_costs_it(snapshot: SnapshotAssertion) -> None:
    told = finding(SLOW, FLOAT32, twins(*SLOWER), VNNI)
    assert told == snapshot
    for words in (
        "int8 is slower here: 44.0 us a call against 23.0 us in float32, 1.90x as long",
        "13.0 us more for convolution (2 QLinearConv 35.0 us against 2 Conv 22.0 us)",
        "2 quantise or dequantise nodes are left unfused, 5.00 us by the profile",
        "int8 dot products (avx512_vnni)",
        UINT8,
    ):
        assert words in told


def test_without_int8_dot_products_it_says_so_and_of_the_unknown_nothing() -> None:
    assert "names no int8 dot product instruction" in finding(SLOW, FLOAT32, twins(*SLOWER), PLAIN)
    unknown = finding(SLOW, FLOAT32, twins(*SLOWER), [])
    assert "does not tell the processor's instruction sets" in unknown and "dot product" not in unknown


def test_unfused_nodes_that_the_profile_does_not_resolve_are_not_given_a_time() -> None:
    some = SLOW.model_copy(update={"unfused_qdq": 7})
    assert "7 quantise or dequantise nodes are left unfused; the profile has 2 of them with 5.00 us, the others" in (
        finding(some, FLOAT32, twins(*SLOWER), VNNI)
    )
    none = FAST.model_copy(update={"unfused_qdq": 1})
    assert "1 quantise or dequantise node is left unfused, each below the microsecond" in (
        finding(none, FLOAT32, twins(*FASTER), VNNI)
    )


def test_faster(snapshot: SnapshotAssertion) -> None:
    told = finding(FAST, FLOAT32, twins(*FASTER), VNNI)
    assert told == snapshot
    assert told.startswith("int8 is faster here: 12.0 us a call") and "13.0 us less for convolution" in told
    assert "No quantise or dequantise node is left unfused" in told


@pytest.mark.parametrize(
    ("ratios", "words"),
    [(EQUAL, "differ by less than 3% here"), (WIDE, "no difference beyond the spread here")],
    ids=["tie", "undecided"],
)
def test_no_difference_blames_nothing(ratios: list[float], words: str) -> None:
    told = finding(SLOW, FLOAT32, twins(*ratios), VNNI)
    assert words in told and "slower" not in told and "faster" not in told
    assert "The profile has" not in told and "dot product" not in told


def test_a_profile_that_does_not_show_the_difference_is_not_made_to() -> None:
    same = profile("int8", 44, FLOAT32.operators)
    told = finding(same, FLOAT32, twins(*SLOWER), VNNI)
    assert "The profile does not show it" in told and "The profile has" not in told


def test_changes_below_the_profilers_resolution_are_not_named() -> None:
    close = profile("int8", 44, [operator("Conv", 10), operator("Conv", 13.5), operator("Softmax", 9)])
    told = finding(close, FLOAT32, twins(*SLOWER), VNNI)
    assert "8.00 us more for activations" in told and "for convolution" not in told


@pytest.mark.parametrize(
    ("call", "words"),
    [(10, "what is above 100% is added by profiling itself, at least"), (60, "what is missing lies outside")],
)
def test_sums_that_are_far_from_the_call_are_explained(call: float, words: str) -> None:
    far = SLOW.model_copy(update={"beside_s": call / 1e6})
    assert words in finding(far, FLOAT32, twins(*SLOWER), VNNI)
    assert words not in finding(SLOW, FLOAT32, twins(*SLOWER), VNNI)


def test_reach_is_by_order_statistics() -> None:
    found = reach([float(value) for value in range(1, 22)])
    assert (found.median, found.low, found.high) == (11, 6, 16)
    few = reach([3.0, 1.0, 2.0])
    assert (few.median, few.low, few.high) == (2, 1, 3)
    # A few disturbed slices move neither end.
    assert reach([1.0] * 16 + [9.0] * 5).high == 1.0


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        (SLOWER, Verdict.SLOWER), (FASTER, Verdict.FASTER), (EQUAL, Verdict.TIE), (WIDE, Verdict.UNDECIDED),
        ([1.02] * 21, Verdict.TIE), ([1.02, 1.05, 1.06] * 7, Verdict.UNDECIDED),
    ],
)  # fmt: skip
def test_verdict_needs_the_whole_interval_beyond_the_margin(ratios: list[float], verdict: Verdict) -> None:
    assert reach(ratios).verdict is verdict


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("QLinearConv", Kind.CONVOLUTION), ("ConvInteger", Kind.CONVOLUTION), ("Convolution", Kind.CONVOLUTION),
        ("Convert", Kind.CONVERSION), ("DynamicQuantizeLinear", Kind.CONVERSION), ("DEQUANTIZE", Kind.CONVERSION),
        ("FakeQuantize", Kind.CONVERSION), ("DynamicQuantizeMatMul", Kind.DENSE), ("FusedGemm", Kind.DENSE),
        ("FullyConnectedQuantizedLegacy", Kind.DENSE), ("Fully Connected", Kind.DENSE), ("SOFTMAX", Kind.ACTIVATION),
        ("Static Reshape", Kind.LAYOUT), ("ReorderOutput", Kind.LAYOUT), ("Max Pooling", Kind.POOLING),
        ("Mul", Kind.OTHER),
    ],
)  # fmt: skip
def test_kinds(op: str, kind: Kind) -> None:
    assert kind_of(op) is kind


def test_tables(snapshot: SnapshotAssertion) -> None:
    from mnist_deploy.pipeline.profiling import Profiles

    short = profile("dynamic", 20, [operator("Conv", 0.4), operator("Conv", 0.3)])
    here = ENVIRONMENT.model_copy(update={"cpu_features": VNNI})
    found = Profiles(environment=here, profiles=[FLOAT32, SLOW, short], twins=[twins(*SLOWER)])
    shown = text(profiles.everything(found))
    assert shown == snapshot
    assert (
        "under 2 us" in shown and "Finding: int8 is slower here" in shown and max(map(len, shown.splitlines())) <= 100
    )
    empty = profile("float32", 20, [])
    assert "0.0% of the 20.0 us" in text(profiles.operators(empty))
