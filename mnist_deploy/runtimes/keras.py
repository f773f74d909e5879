"""Keras, in the two ways that its users call a model: `predict`, and the model itself."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray, Images
from mnist_deploy.runtimes.base import require_scores
from mnist_deploy.runtimes.tensorflow import TensorFlowBase
from mnist_deploy.training import load_model


class KerasCallRuntime(TensorFlowBase):
    """Calls `model(images)`: what Keras's documentation advises for small inputs that fit in one batch."""

    name = "keras-call"
    title = "Keras call"
    formats = ("keras",)
    needs: ClassVar[Mapping[str, str]] = {"keras": "keras"}
    timed_call = "model(images, training=False), then numpy()"
    order = 2

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Load the .keras file, without its optimizer."""
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        self._model = load_model(artifact.path)

    def call(self, tensor: Any) -> Any:
        """Call the model as a function."""
        return self._model(tensor, training=False)

    def run(self, tensor: Any) -> Any:
        """Call the model and fetch its output, which waits until it is computed."""
        return self.call(tensor).numpy()


class KerasPredictRuntime(KerasCallRuntime):
    """Calls `model.predict`: the way most notebooks do, made for whole sets of images."""

    name = "keras-predict"
    title = "Keras predict"
    timed_call = "model.predict(images, verbose=0)"
    order = 1

    def run(self, tensor: Any) -> Any:
        """Predict one batch; the result is on the host already."""
        return self._model.predict(tensor, batch_size=self.batch_size, verbose=0)

    def infer(self, images: Images) -> FloatArray:
        """Predict all in one call, which goes through them in the same batches: a call of its own takes 45 ms each."""
        answer = self._model.predict(self.encode(images), batch_size=self.batch_size, verbose=0)
        return require_scores(np.asarray(answer), len(images))
