"""Time per operator, as each library's own profiler tells it: every file beside this one that defines a `Profiler`."""

from mnist_deploy.plugins import discover
from mnist_deploy.profiling.profilers.base import Profiler

__all__ = ["PROFILERS", "Profiler"]

PROFILERS: dict[str, type[Profiler]] = {cls.runtime: cls for cls in discover(__name__, Profiler)}
