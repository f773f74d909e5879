"""What kind of thing an artifact is: how every record names it, and by what it is told from others."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol


class Precision(StrEnum):
    """What the numbers of an artifact are."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"  # float16 weights
    DYNAMIC = "dynamic"  # int8 weights, activations quantised as they come
    INT8 = "int8"  # int8 weights and activations, calibrated


class Variant(StrEnum):
    """Which of the exports of one format and precision an artifact is: standard unless something else was asked for."""

    STANDARD = "standard"
    UINT8 = "uint8"  # takes pixels as stored, uint8 (N, 28, 28, 1); the scaling to [0, 1] stands inside the graph
    PLAIN = "plain"  # of the network as it was trained, not rewritten to compute less
    UINT8_PLAIN = "uint8-plain"

    @classmethod
    def of(cls, *, uint8: bool, optimized: bool) -> "Variant":
        """Return the variant with this input and with or without rewrites."""
        return next(one for one in cls if (one.uint8, one.optimized) == (uint8, optimized))

    @property
    def uint8(self) -> bool:
        """Whether the input is pixels as stored, rather than float32 in [0, 1]."""
        return self in {Variant.UINT8, Variant.UINT8_PLAIN}

    @property
    def optimized(self) -> bool:
        """Whether the network was rewritten to compute less, which makes it faster."""
        return self in {Variant.STANDARD, Variant.UINT8}

    @property
    def options(self) -> str:
        """What `mnist-deploy export` is given for it, with a space before each option; nothing for the standard one."""
        return (" --input uint8" if self.uint8 else "") + ("" if self.optimized else " --no-optimize")


class Kind(Protocol):
    """What an artifact has, and every record that speaks of one."""

    @property
    def format(self) -> str:
        """As 'onnx'."""

    @property
    def precision(self) -> str:
        """One of `Precision`."""

    @property
    def variant(self) -> str:
        """One of `Variant`."""


# What tells an artifact from all others, and a cell from all that are measured in the same use: fields of every record.
ARTIFACT = ("architecture", "format", "precision", "variant")
CELL = (*ARTIFACT, "runtime", "device")


def identity(one: object, *more: str, of: tuple[str, ...] = ARTIFACT) -> tuple[Any, ...]:
    """Return what tells a record from others: its fields `of`, and `more` of them."""
    return tuple(getattr(one, name) for name in (*of, *more))


def kind(one: Kind) -> str:
    """Return a kind in words: 'onnx float32', 'onnx float32 uint8'. The standard variant goes without saying."""
    return " ".join(words(one))


def slug(one: Kind) -> str:
    """Return a kind as part of a file's name: 'onnx-float32', 'onnx-float32-uint8'."""
    return "-".join(words(one))


def words(one: Kind) -> tuple[str, ...]:
    """Return the words of a kind: format, precision, and the variant if it is not the standard one."""
    said = (one.format, one.precision)
    return said if one.variant == Variant.STANDARD else (*said, one.variant)


def options(one: Kind) -> str:
    """Return the options that name a kind on the command line: '--format onnx --precision float32'."""
    names: Mapping[str, str] = dict(zip(("format", "precision", "variant"), words(one), strict=False))
    return " ".join(f"--{name} {value}" for name, value in names.items())
