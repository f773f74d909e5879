"""How far a healthy artifact's layers may be from the Keras model's."""

from dataclasses import dataclass

from mnist_deploy.artifacts import Precision

# Fewer leave a unit's error to chance: over one image 0.13 was seen where sixteen showed 0.06.
MIN_IMAGES = 16


@dataclass(frozen=True)
class Tolerance:
    """The largest `Difference.worst_channel` of a healthy layer; `reason` says why this much."""

    worst_channel: float
    reason: str


TOLERANCES: dict[Precision, Tolerance] = {
    Precision.FLOAT32: Tolerance(1e-4, ""),
    Precision.FLOAT16: Tolerance(5e-3, ""),
    Precision.DYNAMIC: Tolerance(0.1, ""),
    Precision.INT8: Tolerance(0.1, ""),
}
