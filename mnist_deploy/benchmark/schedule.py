"""What is measured, in which processes and in what order. Pure functions of a seed."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.messages import Job, Request
from mnist_deploy.benchmark.sampler import Effort

THROUGHPUT_BATCH = 256


class Plan(BaseModel):
    """How much is measured: passes (fresh processes), rounds in each, and the effort for one slice."""

    model_config = ConfigDict(frozen=True)

    passes: int = 3
    rounds: int = 2
    effort: Effort = Effort()
    seed: int = 0
    images: int = 1000


QUICK = Plan(passes=1, rounds=1, effort=Effort(slice_s=0.03, min_calls=3, window_s=0.01, max_warm_up_s=0.1))


class Use(BaseModel):
    """One use of a model: so many images a call, by so many threads."""

    model_config = ConfigDict(frozen=True)

    batch_size: int
    threads: int


@dataclass(frozen=True, eq=False)
class Cell:
    """One thing to measure: an artifact in a runtime on a device, in one use. Each is itself alone, so it is a key."""

    artifact: Artifact
    runtime: str
    device: str
    use: Use

    @property
    def names(self) -> dict[str, str]:
        """What identifies the cell in every record."""
        artifact = self.artifact
        return {
            "architecture": artifact.architecture,
            "format": artifact.format,
            "precision": artifact.precision.value,
            "runtime": self.runtime,
            "device": self.device,
        }

    @property
    def label(self) -> str:
        """The cell in words."""
        use = f"batch {self.use.batch_size}, {self.use.threads} threads"
        return f"{self.artifact.label} in {self.runtime} on {self.device}, {use}"


@dataclass(frozen=True)
class Session:
    """The cells that one worker process measures: one runtime, device and number of threads."""

    runtime: str
    device: str
    threads: int
    cells: tuple[Cell, ...]

    def request(self, images: Path) -> Request:
        """Return what its worker is asked; it works and answers in the folder of `images`."""
        return Request(
            runtime=self.runtime,
            device=self.device,
            threads=self.threads,
            jobs=[Job(artifact=cell.artifact, batch_size=cell.use.batch_size) for cell in self.cells],
            images=images,
            answers=images.with_name(f"{self.runtime}-{self.device}-{self.threads}.npz"),
        )


def uses(batch_sizes: Sequence[int] | None, threads: Sequence[int] | None, cores: int) -> list[Use]:
    """Return the uses to measure.

    By default latency (batch 1, one thread) and throughput (batch 256, all `cores`). Named batch sizes or threads
    take the place of those of both; with both named, every combination is measured.
    """
    if batch_sizes and threads:
        pairs = [(batch, count) for batch in batch_sizes for count in threads]
    elif batch_sizes:
        pairs = [(batch, count) for batch in batch_sizes for count in (1, cores)]
    elif threads:
        pairs = [(batch, count) for batch in (1, THROUGHPUT_BATCH) for count in threads]
    else:
        pairs = [(1, 1), (THROUGHPUT_BATCH, cores)]
    return [Use(batch_size=batch, threads=count) for batch, count in dict.fromkeys(pairs)]


def sessions(cells: Iterable[Cell], order: random.Random) -> list[Session]:
    """Group cells by process and shuffle both the processes and the cells in each."""
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.runtime, cell.device, cell.use.threads), []).append(cell)
    made = [Session(*key, cells=tuple(order.sample(group, len(group)))) for key, group in groups.items()]
    return order.sample(made, len(made))


def rounds(count: int, number: int, order: random.Random) -> list[list[int]]:
    """Return, for each of `number` rounds, the indices 0..count-1 in an order of its own."""
    return [order.sample(range(count), count) for _ in range(number)]
