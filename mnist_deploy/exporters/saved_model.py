"""TensorFlow SavedModel: what TensorFlow Serving and the LiteRT converter read."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mnist_deploy.artifacts import Precision
from mnist_deploy.dataset import FloatArray
from mnist_deploy.exporters.base import Exporter, signature


def write_saved_model(model: Any, path: Path) -> None:
    """Write `model` as a SavedModel with the one signature 'serving_default'."""
    import keras

    archive = keras.export.ExportArchive()
    archive.track(model)
    # With 'serve' as its name the endpoint becomes the default signature too.
    archive.add_endpoint("serve", signature(model))
    archive.write_out(str(path), verbose=False)


@contextmanager
def as_saved_model(model: Any) -> Iterator[Path]:
    """Write `model` as a SavedModel for a converter to read, and remove it in the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "saved_model"
        write_saved_model(model, path)
        yield path


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

    def export(self, model: Any, precision: Precision, calibration_images: FloatArray, path: Path) -> None:
        """Write the folder."""
        write_saved_model(model, path)
