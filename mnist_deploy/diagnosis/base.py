"""What can look into a runtime: every inner tensor of an artifact, for given images."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import FloatArray, UInt8Array, unscaled


@dataclass(frozen=True)
class Tensor:
    """One inner tensor of an artifact, with what it held.

    Attributes:
        key: what `Tracer.trace` is asked for it by; no two tensors of an artifact share one.
        name: its name in the artifact; several, joined by ';', where operators were fused.
        operator: what computed it, in the library's own word.
        values: (N, ...), the images first; floating point, dequantised where the artifact holds int8, or integers
            that stand for no real numbers by themselves.
        final: whether it is the artifact's output.
    """

    key: str
    name: str
    operator: str
    values: npt.NDArray[Any]
    final: bool = False

    @property
    def size(self) -> int:
        """How many numbers it holds for one image."""
        return prod(self.values.shape[1:])

    @property
    def real(self) -> bool:
        """Whether its values can be compared with a layer's."""
        return bool(np.issubdtype(self.values.dtype, np.floating))


class Tracer(ABC):
    """One loaded artifact whose inner tensors can be seen, on the CPU.

    Class attributes:
        runtime: the name of the runtime that it looks into.
        formats: what it reads.
    """

    runtime: ClassVar[str]
    formats: ClassVar[tuple[str, ...]]

    def __init__(self, artifact: Artifact) -> None:
        """Take an artifact of one of `formats`; subclasses may load it here."""
        self.artifact = artifact

    def inputs(self, images: FloatArray) -> FloatArray | UInt8Array:
        """Return images, float32 (N, 28, 28, 1) in [0, 1], as the artifact takes them."""
        return unscaled(images) if self.artifact.variant.uint8 else images

    @abstractmethod
    def trace(self, images: FloatArray, keys: Collection[str] | None = None) -> list[Tensor]:
        """Run the artifact on `images` and return its inner tensors in the order in which they are computed.

        What is seen may be left unfused by the library for being seen, so ask for few.

        Args:
            images: float32 (N, 28, 28, 1) in [0, 1].
            keys: which tensors; None means all whose first axis is N, as far as the library shows them.
        """


def batched(tensors: list[Tensor], images: FloatArray) -> list[Tensor]:
    """Return the tensors with one entry an image: weights, shapes and their like are left out."""
    return [one for one in tensors if one.values.ndim > 1 and len(one.values) == len(images)]
