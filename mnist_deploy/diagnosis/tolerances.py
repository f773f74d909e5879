"""How far a healthy artifact's layers may be from the Keras model's."""

from dataclasses import dataclass

from mnist_deploy.artifacts import Precision

# Fewer leave it to chance how much of a unit's error is seen: in int8 0.17 was seen over 16 images, 0.09 over 64.
MIN_IMAGES = 64


@dataclass(frozen=True)
class Tolerance:
    """The largest `Difference.worst_channel` of a healthy layer; `reason` says why this much."""

    worst_channel: float
    reason: str


# The extremes that the reasons name were seen over the six networks, every format and precision (ONNX in ONNX Runtime)
# and 16 sets of 64 test images, on an x86-64 CPU with AVX-512. OpenVINO's int8 stays within them as our
# exporter calibrates it; by NNCF's defaults 0.48 was seen.
TOLERANCES: dict[Precision, Tolerance] = {
    Precision.FLOAT32: Tolerance(1e-4, "the same arithmetic with additions in another order: 1.2e-6 was seen"),
    Precision.FLOAT16: Tolerance(5e-3, "weights are rounded to 11 bits: 5e-4 was seen"),
    Precision.DYNAMIC: Tolerance(0.1, "weights and activations are rounded to 8 bits: 0.037 was seen"),
    Precision.INT8: Tolerance(
        0.2, "as dynamic, and what lies beyond the range of the calibration set is clipped: 0.09 was seen"
    ),
}
