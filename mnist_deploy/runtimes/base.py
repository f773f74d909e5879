"""What every runtime offers: load an artifact, and turn images into scores, with only `run` on the clock."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import CLASSES, FloatArray, Images, UInt8Array, scaled, unscaled
from mnist_deploy.errors import ArtifactError, UnavailableError
from mnist_deploy.plugins import Closing
from mnist_deploy.versions import importable, version_of

DEVICE_NODES = Path("/dev")


@dataclass(frozen=True)
class Availability:
    """Whether a runtime can be used on a device here: its version, or why not and what mends it."""

    ok: bool
    version: str | None = None
    reason: str | None = None
    remedy: str | None = None


class Proof(BaseModel):
    """What really ran a model, as the library tells after a call.

    Attributes:
        executed_on: the provider, delegate or device.
        placement: how many nodes each provider, delegate or arithmetic took; empty where the library does not tell.
        arithmetic: the floating point that was computed in; None where the library does not tell.
    """

    executed_on: str
    placement: dict[str, int] = {}
    arithmetic: str | None = None


class Runtime(Closing, ABC):
    """One loaded artifact; a context manager.

    Class attributes:
        name: its name on the command line and in results.
        title: its name in prose.
        formats: the artifact formats that it reads.
        devices: where it can run at all: 'cpu', 'gpu'.
        module: what it imports; `distributions` are the packages that may bring it, the first being the one to install.
        needs: further modules that it imports, each with the package that brings it.
        gpu_distribution: what to install for the GPU.
        timed_call: what the clock stands around, in the library's own words.
        environment: what a process needs in its environment before it imports the library.
        on_request: True for a variant or an extra that is worked on only when it is named, or with `--runtime all`.
        threads_linger: True if its threads go on looking for work for some time after a call.
        diagnostic: True for a runtime that measures this package, not a model; it is used only when named.
        order: its place in lists.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    formats: ClassVar[tuple[str, ...]]
    devices: ClassVar[tuple[str, ...]]
    module: ClassVar[str]
    distributions: ClassVar[tuple[str, ...]]
    needs: ClassVar[Mapping[str, str]] = {}
    gpu_distribution: ClassVar[str] = ""
    timed_call: ClassVar[str]
    environment: ClassVar[Mapping[str, str]] = {}
    on_request: ClassVar[bool] = False
    threads_linger: ClassVar[bool] = False
    diagnostic: ClassVar[bool] = False
    order: ClassVar[int]

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Load `artifact`, ready for calls with exactly `batch_size` images.

        Args:
            artifact: of one of `formats`.
            device: one of `devices`.
            threads: how many threads compute one call; None leaves the runtime's own default.
            batch_size: how many images one call takes.

        Raises:
            UnavailableError: the device is not what runs, or the threads of this process are fixed at another number.
        """
        self.artifact = artifact
        self.device = device
        self.threads = threads
        self.batch_size = batch_size

    @classmethod
    def availability(cls, device: str) -> Availability:
        """Tell whether the runtime can be used on `device` here; the library is imported only to look for a GPU."""
        found = cls.presence(device)
        return cls._gpu_availability(found.version) if found.ok and device == "gpu" else found

    @classmethod
    def presence(cls, device: str) -> Availability:
        """Tell whether anything stands in the way of using `device` that can be seen without importing the library."""
        if device not in cls.devices:
            return Availability(False, reason=f"{cls.title} is measured on {', '.join(cls.devices)} only")
        wanted = {cls.module: cls.distributions[0], **cls.needs}
        missing = [package for module, package in wanted.items() if not importable(module)]
        if missing:
            lacks = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
            return Availability(False, reason=lacks, remedy=f"pip install {' '.join(missing)}")
        version = version_of(*cls.distributions)
        if device == "gpu" and not nvidia_gpu_present():
            return Availability(
                False,
                version=version,
                reason="no NVIDIA GPU on this machine",
                remedy='use a machine with one, and pip install ".[gpu]" there',
            )
        return Availability(True, version=version)

    @classmethod
    def _gpu_availability(cls, version: str | None) -> Availability:
        if not cls.built_for_gpu():
            reason = f"an NVIDIA GPU is here, but the installed {cls.title} is built without CUDA"
        elif not cls.sees_gpu():
            reason = f"an NVIDIA GPU is here, and {cls.title} is built for CUDA, but finds no driver or CUDA libraries"
        else:
            return Availability(True, version=version)
        return Availability(False, version, reason, cls.gpu_remedy())

    @classmethod
    def built_for_gpu(cls) -> bool:
        """Ask whether the installed library was built for CUDA at all; may import it."""
        return True

    @classmethod
    def sees_gpu(cls) -> bool:
        """Ask the library itself whether it can use a GPU; may import it."""
        return False

    @classmethod
    def gpu_remedy(cls) -> str:
        """Return the command that brings what the GPU needs; a package with the same module must go first."""
        wanted, _, _ = cls.gpu_distribution.partition("[")
        rivals = [name for name in cls.distributions if name != wanted and version_of(name)]
        remove = f"pip uninstall -y {' '.join(rivals)} && " if rivals else ""
        return f'{remove}pip install "{cls.gpu_distribution}"'

    @classmethod
    def requirements(cls, device: str) -> tuple[str, ...]:
        """Return what is installed beside the package to use it on `device`."""
        return (*cls.needs.values(), *([cls.gpu_distribution] if device == "gpu" and cls.gpu_distribution else []))

    @classmethod
    def preload(cls) -> None:
        """Import the library, without starting anything in it: workers are forked afterwards."""
        importlib.import_module(cls.module)

    @classmethod
    def reads(cls, artifact: Artifact) -> bool:
        """Tell whether the runtime can load `artifact`."""
        return artifact.format in cls.formats

    @classmethod
    def prepare(cls, artifact: Artifact, batch_size: int) -> None:
        """Do once what is kept for every later load of `artifact`, as compiling it: no load's time holds it."""

    @property
    def input_type(self) -> type[np.float32 | np.uint8]:
        """What `encode` gives by default: float32 in [0, 1], or pixels as stored where the artifact scales them."""
        return np.uint8 if self.artifact.variant.uint8 else np.float32

    def encode(self, images: Images) -> Any:
        """Turn images into the artifact's input; a call's clock does not hold this, an end-to-end clock does.

        Pixels that the artifact takes as they are stay what they are, without a copy.

        Args:
            images: float32 (N, 28, 28, 1) in [0, 1], or pixels as stored, uint8 (N, 28, 28).
        """
        if images.dtype != np.uint8:
            return np.ascontiguousarray(unscaled(images) if self.artifact.variant.uint8 else images, self.input_type)
        if self.artifact.variant.uint8:
            return np.ascontiguousarray(images)[..., np.newaxis]
        return np.ascontiguousarray(scaled(images))

    @abstractmethod
    def run(self, tensor: Any) -> Any:
        """Compute one batch: host array in, finished host array out. This alone is what the clock times."""

    def decode(self, output: Any) -> FloatArray:
        """Turn the artifact's output into scores, float32 (N, 10); this is outside the clock."""
        return np.asarray(output)

    @abstractmethod
    def executed_on(self) -> str:
        """Return the provider, delegate or device that really ran the last call."""

    def placement(self) -> dict[str, int]:
        """Return how many of the loaded model's nodes each provider, delegate or arithmetic took.

        Empty where the library does not tell. Weights and other constants are no nodes.
        """
        return {}

    def arithmetic(self) -> str | None:
        """Return what floating point it really computed in ('float32', 'bfloat16' ...); None if it does not tell."""
        return None

    def proof(self) -> Proof:
        """Return what really ran the last call.

        Raises:
            UnavailableError: the GPU was asked for and the library fell back to the CPU, as some do without a word.
        """
        found = Proof(executed_on=self.executed_on(), placement=self.placement(), arithmetic=self.arithmetic())
        if self.device == "gpu" and "CPU" in found.executed_on.upper():
            raise UnavailableError(f"asked for the GPU, but it ran on {found.executed_on}")
        return found

    def call_path(self) -> str:
        """Return what the clock stands around for this artifact, device and batch size."""
        return self.timed_call

    def engine_s(self) -> float | None:
        """Return what the library itself says that its last call took, in seconds; None if it does not tell."""
        return None

    def classify(self, pixels: UInt8Array) -> npt.NDArray[np.int64]:
        """Return the labels, int64 (N,), of one batch of images as stored, uint8 (N, 28, 28): the whole way."""
        return np.asarray(self.decode(self.run(self.encode(pixels))).argmax(axis=1))

    def infer(self, images: Images) -> FloatArray:
        """Return the scores, float32 (N, 10), of any number of images, as `encode` takes them.

        They go through `run` in batches of `batch_size`; the last one is filled up with zeros that are cut off again.

        Raises:
            ArtifactError: the artifact answers something else.
        """
        scores = np.empty((len(images), CLASSES), dtype=np.float32)
        for start in range(0, len(images), self.batch_size):
            batch = images[start : start + self.batch_size]
            used = len(batch)
            if used < self.batch_size:
                batch = np.concatenate([batch, np.zeros((self.batch_size - used, *batch.shape[1:]), batch.dtype)])
            answer = require_scores(self.decode(self.run(self.encode(batch))), self.batch_size)
            scores[start : start + used] = answer[:used]
        return scores

    def require_answer(self, output: Any) -> None:
        """Hold what `run` gave for one batch to what a network answers; how fast anything else comes, says nothing.

        Raises:
            ArtifactError: it is not scores that are numbers.
        """
        if not np.isfinite(require_scores(self.decode(output), self.batch_size)).all():
            raise ArtifactError("answers scores that are no numbers")


def require_scores(answer: FloatArray, images: int) -> FloatArray:
    """Return what an artifact answered to so many images, if that is scores: numpy would stretch other shapes to them.

    Raises:
        ArtifactError: it is not float32 (N, 10).
    """
    if answer.shape != (images, CLASSES) or answer.dtype != np.float32:
        raise ArtifactError(f"answers {answer.dtype} {answer.shape}, not scores: float32 ({images}, {CLASSES})")
    return answer


def nvidia_gpu_present() -> bool:
    """Tell whether the driver shows an NVIDIA GPU: its device node on Linux, /dev/nvidia0 and so on, or in WSL."""
    return any(next(DEVICE_NODES.glob(pattern), None) for pattern in ("nvidia[0-9]*", "dxg"))
