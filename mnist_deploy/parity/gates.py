"""What a precision may cost before its artifact fails, and how users change that.

The limits on accuracy are MLPerf's. The MLCommons inference rules (github.com/mlcommons/inference_policies) set two
quality targets for a quantized model: 99 % of the float32 reference, and 99.9 % in the "high accuracy" variants of a
benchmark. The first is the default here, the second is `--gate strict`.

Power over 10,000 images, for reference accuracies of 0.95 and 0.99, checked by exact enumeration in
`pytest tests/parity/test_power.py`:

- An artifact that loses nothing and flips 50 answers on average, lost and gained alike, fails a default gate less than
  once in 10,000 times.
- An artifact that truly loses 1.5 points is caught at least 99 times in 100, by the accuracy limit alone.
- `strict` resolves less than it asks for: with 20 such flips a lossless artifact fails it one time in three.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from mnist_deploy.artifacts import Precision

BFLOAT16 = "bfloat16"

# The two quality targets of MLPerf inference, as shares of the reference's accuracy.
MLPERF_TARGET = 0.99
MLPERF_HIGH_TARGET = 0.999


@dataclass(frozen=True)
class Gate:
    """Limits on what an artifact may differ by from Keras over the same images; None asks for nothing.

    Attributes:
        accuracy_kept: the share of the reference's accuracy that it must be shown to keep: not by the point estimate,
            but by the one-sided 95 % bound of the paired change.
        top1_agreement: the least share of images with the same answer.
        max_abs_error: the largest difference of any one score.
        batch_changes: the largest share of images that get another answer one a call than 256 a call.
        reason: why this much.
    """

    accuracy_kept: float | None
    top1_agreement: float | None
    max_abs_error: float | None
    batch_changes: float | None
    reason: str


LIMITS = tuple(field.name for field in fields(Gate) if field.name != "reason")

# An agreement of 0.99 leaves room for 100 flips of 10,000. With 0.995 a healthy artifact with 50 flips on average would
# fail every second time.
GATES: dict[str, Gate] = {
    Precision.FLOAT32: Gate(None, 0.9999, 1e-4, 0.0, "the same arithmetic with additions in another order"),
    Precision.FLOAT16: Gate(None, 0.999, 1e-2, 0.0, "weights are rounded to 11 bits, which moves a score by little"),
    BFLOAT16: Gate(
        MLPERF_TARGET, 0.99, None, 0.01, "MLPerf's 99 %; arithmetic with 8 bits, as a runtime may choose for float32"
    ),
    Precision.DYNAMIC: Gate(
        MLPERF_TARGET, 0.99, None, 0.01, "MLPerf's 99 %; ONNX takes the range over the whole batch, so answers vary"
    ),
    Precision.INT8: Gate(MLPERF_TARGET, 0.99, None, 0.0, "MLPerf's 99 %; ranges are fixed, so a batch changes nothing"),
}

STRICT: dict[str, Gate] = {
    name: gate if gate.accuracy_kept is None else replace(gate, accuracy_kept=MLPERF_HIGH_TARGET)
    for name, gate in GATES.items()
}

# Whole sets of gates that `--gate NAME` asks for.
PRESETS: dict[str, Mapping[str, Gate]] = {"strict": STRICT}


def applied(precision: Precision, arithmetic: str | None) -> str:
    """Return the name of the gate for an artifact of `precision` that was computed in `arithmetic`, if that is known.

    A float model that a runtime computes in fewer bits is held to what these bits can give.
    """
    lower = {Precision.FLOAT16: (Precision.FLOAT32,), BFLOAT16: (Precision.FLOAT32, Precision.FLOAT16)}
    return arithmetic if arithmetic is not None and precision in lower.get(arithmetic, ()) else precision


def changed(gates: Mapping[str, Gate], changes: Mapping[tuple[str, str], float | None]) -> dict[str, Gate]:
    """Return `gates` with the limits that `changes` names, as (gate, limit): value."""
    made = dict(gates)
    for (name, limit), value in changes.items():
        made[name] = replace(made[name], **{limit: value})  # type: ignore[arg-type]
    return made
