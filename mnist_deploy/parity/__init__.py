"""Does an artifact still give the same answers? Recorded scores of a runtime against the recorded Keras scores."""

from mnist_deploy.parity.agreement import Agreement, Flip, ParityRow, compare
from mnist_deploy.parity.gates import GATES, PRESETS, STRICT, Gate, applied, changed
from mnist_deploy.parity.processors import ProcessorRow
from mnist_deploy.parity.verdicts import failures, warnings

__all__ = [
    "GATES",
    "PRESETS",
    "STRICT",
    "Agreement",
    "Flip",
    "Gate",
    "ParityRow",
    "ProcessorRow",
    "applied",
    "changed",
    "compare",
    "failures",
    "warnings",
]
