"""The formats that a model can be exported to: every file beside this one that defines an `Exporter`."""

from mnist_deploy.exporters.base import Exporter
from mnist_deploy.plugins import discover

__all__ = ["EXPORTERS", "Exporter"]

EXPORTERS: dict[str, type[Exporter]] = {cls.format: cls for cls in discover(__name__, Exporter)}
