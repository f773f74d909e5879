"""The formats that a model can be exported to: every file beside this one that defines an `Exporter`."""

from mnist_deploy.artifacts import KERAS_FORMAT, Precision
from mnist_deploy.exporters.base import Exporter
from mnist_deploy.plugins import discover

__all__ = ["ARTIFACT_KINDS", "DEFAULT_FORMATS", "EXPORTERS", "Exporter"]

EXPORTERS: dict[str, type[Exporter]] = {cls.format: cls for cls in discover(__name__, Exporter)}

# What is exported, and asked for, unless something else is named.
DEFAULT_FORMATS = [name for name, exporter in EXPORTERS.items() if not exporter.on_request]
# Every format and precision that an artifact can have: the trained model itself, and what is exported from it.
ARTIFACT_KINDS: list[tuple[str, Precision]] = [
    (KERAS_FORMAT, Precision.FLOAT32),
    *((name, precision) for name, exporter in EXPORTERS.items() for precision in exporter.precisions),
]
