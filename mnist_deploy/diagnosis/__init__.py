"""Where an artifact departs from its Keras model, layer by layer; every file that defines a `Tracer` adds a runtime."""

from mnist_deploy.diagnosis.base import Tensor, Tracer
from mnist_deploy.plugins import discover

__all__ = ["TRACERS", "Tensor", "Tracer"]

TRACERS: dict[str, type[Tracer]] = {cls.runtime: cls for cls in discover(__name__, Tracer)}
