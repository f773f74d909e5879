"""TensorFlow SavedModel: what TensorFlow Serving and the LiteRT converter read."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from mnist_deploy.artifacts import Precision
from mnist_deploy.exporters.base import Exporter
from mnist_deploy.exporters.source import Source


class SavedModelExporter(Exporter):
    """A folder with the graph and the weights."""

    format = "saved_model"
    suffix = "saved_model"
    precisions = (Precision.FLOAT32,)
    distributions = ("tensorflow", "keras")
    order = 1

    @classmethod
    def modules(cls, precision: Precision) -> Sequence[str]:
        """Only TensorFlow is needed."""
        return ("tensorflow",)

    def export(self, source: Source, precision: Precision, path: Path) -> None:
        """Write the folder: a copy of the one that the other converters read."""
        shutil.copytree(source.saved_model, path)
