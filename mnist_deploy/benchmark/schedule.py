"""What is measured, in which processes and in what order. Pure functions of a seed."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.messages import Job, Request
from mnist_deploy.benchmark.sampler import Effort
from mnist_deploy.plural import counted
from mnist_deploy.runtimes import RUNTIMES

THROUGHPUT_BATCH = 256


class Plan(BaseModel):
    """How much is measured.

    Attributes:
        passes: fresh processes of each runtime.
        more_passes: how many there are in all if verdicts are still open after the first look at them; each of the two
            looks then has half of the error's probability.
        sweeps: how often each pass goes over all cells of a table, a burst each.
        min_sweeps: how many there are at least, where time is short.
        time_limit_s: the passes share this time: where it is short they have fewer sweeps, and no pass begins that
            could not have the fewest.
        effort: how long one burst is, and the warm-up.
        seed: of the order.
        images: how many test images are taken in turn.
        end_to_end: whether a call takes pixels to labels.
        bare: whether a bare loop is timed beside each burst.
    """

    model_config = ConfigDict(frozen=True)

    passes: int = 5
    more_passes: int | None = None
    sweeps: int = 30
    min_sweeps: int = 5
    time_limit_s: float | None = 240.0
    effort: Effort = Effort()
    seed: int = 0
    images: int = 1000
    end_to_end: bool = False
    bare: bool = False

    @property
    def alpha(self) -> float:
        """The probability of error that one look at the verdicts may spend."""
        return 0.05 if self.more_passes is None else 0.025


QUICK = Plan(passes=1, sweeps=8, min_sweeps=8, time_limit_s=None, effort=Effort(window_s=0.005, max_warm_up_s=0.1))
RIGOROUS_PASSES = 10
INTERLEAVED = Plan(time_limit_s=None)
INTERLEAVED_QUICK = QUICK.model_copy(update={"passes": 3})
SELF_CHECK = Plan(sweeps=30, bare=True)
# A cell whose call takes so many times as long as a burst takes part in every second sweep only, one with twice as many
# in every third, and so on: it would else take the time of ten others.
SLOW_BURSTS, MAX_STRIDE = 6.0, 4


class Use(BaseModel):
    """One use of a model: so many images a call, by so many threads."""

    model_config = ConfigDict(frozen=True)

    batch_size: int
    threads: int


@dataclass(frozen=True, eq=False)
class Cell:
    """One thing to measure: an artifact in a runtime on a device, in one use. Each is itself alone, so it is a key.

    `side` says whose artifact it is where those of two folders are measured in turn: 'base' or 'head'.
    """

    artifact: Artifact
    runtime: str
    device: str
    use: Use
    side: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """What identifies the cell in every record."""
        artifact = self.artifact
        return {
            "architecture": artifact.architecture,
            "format": artifact.format,
            "precision": artifact.precision.value,
            "variant": artifact.variant.value,
            "runtime": self.runtime,
            "device": self.device,
        }

    def twin(self) -> "Cell":
        """Return the same cell as another one: measuring both tells how far a thing differs from itself (A/A)."""
        return replace(self)

    @property
    def label(self) -> str:
        """The cell in words."""
        use = f"batch {self.use.batch_size}, {counted(self.use.threads, 'thread')}"
        side = f" of {self.side}" if self.side else ""
        return f"{self.artifact.label}{side} in {self.runtime} on {self.device}, {use}"


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
    take the place of those of both; with both named, every combination is measured. More threads than `cores`, which
    are what affinity and cgroup leave to this process, would only wait for each other: they are capped.
    """
    threads = [min(count, cores) for count in threads or []]
    if batch_sizes and threads:
        pairs = [(batch, count) for batch in batch_sizes for count in threads]
    elif batch_sizes:
        pairs = [(batch, count) for batch in batch_sizes for count in (1, cores)]
    elif threads:
        pairs = [(batch, count) for batch in (1, THROUGHPUT_BATCH) for count in threads]
    else:
        pairs = [(1, 1), (THROUGHPUT_BATCH, cores)]
    return [Use(batch_size=batch, threads=count) for batch, count in dict.fromkeys(pairs)]


def stride(call_s: float, effort: Effort) -> int:
    """Return n where a cell whose call takes `call_s` seconds is to take part in every n-th sweep."""
    return max(1, min(MAX_STRIDE, 1 + int(call_s / (SLOW_BURSTS * effort.burst_s))))


def tables(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Group cells by network and use: those of one table are compared, so they are measured in turn."""
    groups: dict[tuple[str, Use], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.artifact.architecture, cell.use), []).append(cell)
    return list(groups.values())


def sessions(cells: Iterable[Cell], order: random.Random, *, timed: bool = False) -> list[Session]:
    """Group cells by process and shuffle both the processes and the cells in each.

    Args:
        cells: what to group.
        order: decides the order.
        timed: whether they are to be measured: then a cell whose runtime's threads stay busy after a call has a process
            of its own, where it has several threads, or those of one cell would take processors from another.
    """
    groups: dict[tuple[str, str, int, int], list[Cell]] = {}
    for number, cell in enumerate(cells):
        alone = timed and cell.use.threads > 1 and cell.device == "cpu" and RUNTIMES[cell.runtime].threads_linger
        groups.setdefault((cell.runtime, cell.device, cell.use.threads, number if alone else -1), []).append(cell)
    made = [Session(*key[:3], cells=tuple(order.sample(group, len(group)))) for key, group in groups.items()]
    return order.sample(made, len(made))


def library(session: Session) -> tuple[str, str, str]:
    """Return what sessions share that a host can serve: a library, a device, and an environment."""
    runtime = RUNTIMES[session.runtime]
    return runtime.module, session.device, repr(sorted(runtime.environment.items()))


def hosts(sessions: Iterable[Session]) -> list[list[Session]]:
    """Group sessions by the library that their runtimes import, and its environment; first come, first served."""
    groups: dict[tuple[str, str, str], list[Session]] = {}
    for session in sessions:
        groups.setdefault(library(session), []).append(session)
    return list(groups.values())


def lightest(cells: Sequence[Cell]) -> Cell:
    """Return the cell that is measured twice: fewest threads, smallest batch, smallest file.

    There the harness's own error weighs most, and other threads' luck least.
    """
    return min(cells, key=lambda cell: (cell.use.threads, cell.use.batch_size, cell.artifact.size_bytes))


def sweep(cells: Sequence[Cell], order: random.Random) -> list[Cell]:
    """Return the cells of one table in an order of their own.

    Where those of two folders, or variants of one artifact, are measured, those that differ in side or variant alone
    stay together, and so does the cell that is measured twice then: they are to lie as close together as can be.
    """
    if not any(cell.side for cell in cells):
        return order.sample(cells, len(cells))
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(tuple(value for name, value in cell.names.items() if name != "variant"), []).append(cell)
    together = list(groups.values())
    return [cell for group in order.sample(together, len(together)) for cell in order.sample(group, len(group))]
