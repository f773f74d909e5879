"""The runtimes that a package may run in, and what each needs installed. Each has its part of predict.py, a template.

Those left out are variants, or need a compiler, a GPU's libraries or a build of their own on the device.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mnist_deploy.errors import UnavailableError, UsageError
from mnist_deploy.quiet import CHATTER
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.versions import installed_of, version_of

# What the package's preprocessing/ imports.
BESIDE = ("numpy", "pillow", "opencv-python-headless")


@dataclass(frozen=True)
class Engine:
    """What `predict.py` needs in its environment before it imports the runtime's library."""

    environment: Mapping[str, str] = field(default_factory=dict)


ENGINES: dict[str, Engine] = {
    "litert": Engine(CHATTER),
    "onnxruntime": Engine(),
    "openvino": Engine(),
    "tensorflow": Engine(CHATTER),
    "keras-call": Engine({"KERAS_BACKEND": "tensorflow", **CHATTER}),
}


def engine(runtime: str) -> Engine:
    """Return the engine for `runtime`.

    Raises:
        UsageError: packages cannot run in it.
    """
    if runtime not in ENGINES:
        raise UsageError(f"--runtime {runtime}: no package runs in it; give one of {', '.join(ENGINES)}")
    return ENGINES[runtime]


def requirements(runtime: str) -> dict[str, str]:
    """Return the versions installed here of what `predict.py` imports, by package.

    Raises:
        UnavailableError: one is not installed, so that there is no version to pin.
    """
    cls = RUNTIMES[runtime]
    names = (installed_of(*cls.distributions) or cls.distributions[0], *cls.needs.values(), *BESIDE)
    found = {}
    for name in names:
        version = version_of(name)
        if version is None:
            raise UnavailableError(f"{name} is not installed, so its version cannot be pinned; run: pip install {name}")
        # What stands after + is a build's own name, which indexes do not have.
        found[name] = version.partition("+")[0]
    return found
