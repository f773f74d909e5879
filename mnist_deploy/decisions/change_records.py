"""The types of a comparison of two results."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from mnist_deploy.kinds import CELL, Variant, identity, kind
from mnist_deploy.parity import ParityRow
from mnist_deploy.plural import counted
from mnist_deploy.results import Measurement


class Outcome(StrEnum):
    """What a change of a time comes to, against what is allowed."""

    REGRESSION = "regression"  # slower than allowed, and the noise does not explain it
    SLOWER = "slower"  # slower beyond the noise, by 3 % or more, as is allowed
    FASTER = "faster"  # faster beyond the noise, by 3 % or more
    NO_REGRESSION = "no regression"  # whatever the change is, its interval ends below what is allowed
    UNDECIDED = "undecided"  # the interval neither shows a regression nor rules one out


class CellName(BaseModel):
    """What identifies a cell in results: two with the same name are compared."""

    model_config = ConfigDict(frozen=True)

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    runtime: str
    device: str
    batch_size: int
    threads: int
    timed: str = "call"

    @classmethod
    def of(cls, one: Measurement) -> Self:
        """Return the name of a measurement's cell."""
        return cls.model_validate({name: getattr(one, name) for name in cls.model_fields})

    @property
    def label(self) -> str:
        """The cell in words: 'mlp-relu-128 tflite int8 in litert, batch 1, 1 thread'."""
        where = self.runtime if self.device == "cpu" else f"{self.runtime} on {self.device}"
        threads = counted(self.threads, "thread")
        what = f"{self.architecture} {kind(self)} in {where}, batch {self.batch_size}, {threads}"
        return what if self.timed == "call" else f"{what}, {self.timed}"


class CellChange(BaseModel):
    """One cell in both results. Seconds, bytes.

    Attributes:
        ratio: quiet p50 of HEAD over that of BASE, with its 95 % interval; None where there are too few passes for one.
        p_value: of 'nothing changed', corrected by Holm for the number of cells; None likewise.
        reason: what widened the interval, or left none; None where nothing did.
        base_memory_bytes, head_memory_bytes: what the process grew by. For information.
    """

    cell: CellName
    base_s: float
    head_s: float
    ratio: float
    low: float | None
    high: float | None
    p_value: float | None
    outcome: Outcome
    reason: str | None
    base_memory_bytes: int
    head_memory_bytes: int


class SizeChange(BaseModel):
    """The exact size of one artifact in both results."""

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    base_bytes: int
    head_bytes: int


class AccuracyChange(BaseModel):
    """The accuracy of one artifact in one runtime in both results, over the same images.

    Attributes:
        lost: images that BASE has right and HEAD has wrong; None if they were held to different models, whose flips
            cannot be paired.
        gained: the other way round.
        p_value: exact two-sided p of McNemar's test; None likewise.
    """

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    runtime: str
    device: str
    base_accuracy: float
    head_accuracy: float
    lost: int | None
    gained: int | None
    p_value: float | None

    @classmethod
    def key(cls, row: ParityRow) -> tuple[str, ...]:
        """Return what identifies a row of parity."""
        return identity(row, of=CELL)


class Source(BaseModel):
    """One of the two results: what it is called, when it was measured, and by which version of this package."""

    name: str
    created_at: datetime
    mnist_deploy: str


class Changes(BaseModel):
    """Two results against each other. Ratios are HEAD over BASE: above 1 is slower.

    Attributes:
        paired: whether both were measured in one run, so that each pass of one has its pair in the other.
        max_regression: how much longer a call may take, as a share.
        alpha: the largest corrected p of what is not noise.
        differs: what should have forbidden the comparison; empty unless it was forced.
        undecided: why nothing can be decided; None if something can.
        whole_ratio: median ratio of all cells: what moved the whole run; None if paired, or for few cells.
        whole_taken: the part of it that is taken for the machine's, and off every change.
        probe_ratio: the machine's own probe in quiet moments; None if unknown.
        only_base: cells that HEAD has not; `only_head` those that BASE has not.
        broken: those of `only_base` that went wrong in HEAD.
        sizes: of all artifacts that both have.
        accuracies: of all that both have verified.
        versions: libraries and others whose version changed, as 'onnxruntime: 1.31.0 to 1.32.0'.
        cautions: what to know before relying on it, one sentence each.
    """

    schema_version: int = 1
    base: Source
    head: Source
    paired: bool
    max_regression: float
    alpha: float
    differs: list[str]
    undecided: str | None
    whole_ratio: float | None
    whole_taken: float
    probe_ratio: float | None
    cells: list[CellChange]
    only_base: list[CellName]
    only_head: list[CellName]
    broken: list[CellName]
    sizes: list[SizeChange]
    accuracies: list[AccuracyChange]
    versions: list[str]
    cautions: list[str]

    @property
    def decided(self) -> int:
        """How many cells are not undecided."""
        return len(self.cells) - len(self.having(Outcome.UNDECIDED))

    def having(self, outcome: Outcome) -> list[CellChange]:
        """Return the cells of one outcome, largest ratio first."""
        return sorted((one for one in self.cells if one.outcome is outcome), key=lambda one: -one.ratio)
