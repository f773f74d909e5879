"""Does an artifact give the same answers on another processor? Its scores there against its scores here."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from mnist_deploy.artifacts import EXACT_KERNELS, ProcessorCheck
from mnist_deploy.dataset import FloatArray
from mnist_deploy.kinds import Variant

# An artifact may give another class for so large a share of the test images, and for one image in any case: scores
# that are computed in another order differ by 1e-6, which may part a tie.
MAX_CHANGED = 0.001


class ProcessorRow(ProcessorCheck):
    """A check of one artifact, named as in every other record of results.

    Attributes:
        artifact_sha256, model_sha256: of the artifact, and of the Keras model that it was made of.
        passed: whether no more classes changed than `MAX_CHANGED` allows.
        failures: what does not hold, in words; empty if it passed.
        kept: whether it was computed by an earlier command, for the same file on the same processors by the same
            versions, and taken from the manifest.
    """

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    device: str = "cpu"
    model_sha256: str
    artifact_sha256: str
    passed: bool
    failures: list[str]
    kept: bool = False

    @property
    def processor_label(self) -> str:
        """The processor in words: 'Haswell, emulated'."""
        return f"{self.processor}, emulated" if self.emulator else self.processor


def named(
    check: ProcessorCheck, names: Mapping[str, str], model_sha256: str, artifact_sha256: str, *, kept: bool = False
) -> ProcessorRow:
    """Return the row of a check of the artifact that `names` names, judged."""
    failures = processor_failures(check)
    return ProcessorRow.model_validate(
        {
            **names,
            **check.model_dump(),
            "model_sha256": model_sha256,
            "artifact_sha256": artifact_sha256,
            "passed": not failures,
            "failures": failures,
            "kept": kept,
        }
    )


def nearest_to_a_tie(reference: FloatArray) -> npt.NDArray[np.int64]:
    """Return the indices of all images, int64 (N,), those first whose two highest scores lie closest together.

    A small change of scores changes their class first, so few images show what all would.

    Args:
        reference: the scores of Keras, float32 (N, 10).
    """
    highest = np.sort(reference, axis=1)[:, -2:]
    return np.argsort(highest[:, 1] - highest[:, 0], kind="stable").astype(np.int64)


def largest_difference(scores: FloatArray, others: FloatArray) -> float | None:
    """Return the largest difference of a score; None if one is not a finite number."""
    difference = np.abs(scores - others)
    return float(difference.max()) if np.isfinite(difference).all() else None


def changed_allowed(test_images: int) -> int:
    """Return how many classes may change, for so many images in the test set."""
    return max(1, math.floor(MAX_CHANGED * test_images))


def processor_failures(check: ProcessorCheck) -> list[str]:
    """Return what does not hold of a check, in words; none means that the artifact passes."""
    if check.max_abs_difference is None:
        return ["a score is not a finite number"]
    allowed = changed_allowed(check.test_images)
    if check.changed <= allowed:
        return []
    where = "with exact kernels" if check.processor == EXACT_KERNELS else f"on {check.processor}"
    return [
        f"{check.changed} of the {check.images:,} images nearest to a tie get another class {where} than on "
        f"{check.compared_with}; at most {allowed} may ({MAX_CHANGED:.1%} of {check.test_images:,})"
    ]
