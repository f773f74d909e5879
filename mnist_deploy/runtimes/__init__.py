"""The runtimes that an artifact can be measured in: every file beside this one that defines a `Runtime`."""

from mnist_deploy.plugins import discover
from mnist_deploy.runtimes.base import Availability, Proof, Runtime, require_scores

__all__ = ["DEVICES", "RUNTIMES", "Availability", "Proof", "Runtime", "require_scores"]

RUNTIMES: dict[str, type[Runtime]] = {cls.name: cls for cls in discover(__name__, Runtime)}
DEVICES = ("cpu", "gpu")
