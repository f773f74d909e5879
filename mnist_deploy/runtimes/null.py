"""A runtime that computes nothing: it shows what the harness itself costs."""

from typing import Any

import numpy as np

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import CLASSES
from mnist_deploy.runtimes.base import Runtime


class NullRuntime(Runtime):
    """Answers every batch with the same zeros. What it measures is the floor below which no figure means anything."""

    name = "null"
    title = "null"
    formats = ()
    devices = ("cpu",)
    module = "numpy"
    distributions = ("numpy",)
    diagnostic = True
    timed_call = "nothing"
    order = 99

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Make the answer."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        self._output = np.zeros((batch_size, CLASSES), dtype=np.float32)

    @classmethod
    def reads(cls, artifact: Artifact) -> bool:
        """Read everything: nothing is looked at."""
        return True

    def run(self, tensor: Any) -> Any:
        """Return zeros."""
        return self._output

    def executed_on(self) -> str:
        """Return where nothing was computed."""
        return "nowhere"
