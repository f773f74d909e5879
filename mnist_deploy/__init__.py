"""Train, export, verify and benchmark six MNIST networks in every format, precision and runtime.

The public names below are loaded when they are first used, so that importing the package stays cheap.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "ARCHITECTURES": "architectures",
    "Architecture": "architectures",
    "Artifact": "artifacts",
    "ArtifactStore": "artifacts",
    "Dataset": "dataset",
    "EXPORTERS": "exporters",
    "MnistDeployError": "errors",
    "Precision": "artifacts",
    "RUNTIMES": "runtimes",
    "Results": "results",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    """Load a public name from the module that defines it."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
