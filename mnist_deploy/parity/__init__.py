"""Does an artifact still give the same answers? Recorded scores of a runtime against the recorded Keras scores."""

from mnist_deploy.parity.agreement import Agreement, Flip, ParityRow, compare
from mnist_deploy.parity.gates import GATES, Gate, applied, changed, failures
from mnist_deploy.parity.processors import ProcessorRow

__all__ = [
    "GATES",
    "Agreement",
    "Flip",
    "Gate",
    "ParityRow",
    "ProcessorRow",
    "applied",
    "changed",
    "compare",
    "failures",
]
