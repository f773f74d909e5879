"""What every export format offers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Precision
from mnist_deploy.dataset import FloatArray
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME
from mnist_deploy.versions import importable


class Exporter(ABC):
    """Writes a trained Keras model as one format, in one or more precisions.

    Class attributes:
        format: its name on the command line and in the manifest.
        suffix: what follows the precision in the name of a file or folder, with its dot; or the name of the one
            folder of a format that has one precision.
        precisions: what it can write.
        distributions: the installed packages whose versions belong to the provenance.
        on_request: True for a format that is exported only when it is named, or with `--format all`.
        order: its place among the formats in lists.
    """

    format: ClassVar[str]
    suffix: ClassVar[str]
    precisions: ClassVar[tuple[Precision, ...]]
    distributions: ClassVar[tuple[str, ...]]
    on_request: ClassVar[bool] = False
    order: ClassVar[int]

    @classmethod
    @abstractmethod
    def modules(cls, precision: Precision) -> Sequence[str]:
        """Return the modules that an export in `precision` imports; each is named as its package on the index."""

    @classmethod
    def missing(cls, precision: Precision) -> list[str]:
        """Return those of `modules` that are not installed."""
        return [module for module in cls.modules(precision) if not importable(module)]

    @abstractmethod
    def export(self, model: Any, precision: Precision, calibration_images: FloatArray, path: Path) -> None:
        """Write `model` to `path`, a file or a folder that does not exist yet.

        Args:
            model: a built `keras.Model`, float32 (N, 28, 28, 1) -> float32 (N, 10).
            precision: one of `precisions`.
            calibration_images: float32 (N, 28, 28, 1) in [0, 1], for int8; other precisions leave it alone.
            path: where to write.
        """


def signature(model: Any) -> Any:
    """Return `model` as a `tf.function` with input 'image', any batch, and output 'probabilities'."""
    import tensorflow as tf

    spec = tf.TensorSpec((None, *INPUT_SHAPE), tf.float32, name=INPUT_NAME)

    def serve(image: Any) -> dict[str, Any]:
        return {OUTPUT_NAME: model(image, training=False)}

    return tf.function(serve, input_signature=[spec])
