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
MANY_CELLS = 100


class Plan(BaseModel):
    """How much is measured.

    Attributes:
        passes: fresh processes of each runtime.
        more_passes: how many there are in all if verdicts are still open after the first look at them; each of the two
            looks then has half of the error's probability.
        rounds: slices of each cell in each pass.
        retry_share: how many slices a process may measure once more, for all that it measures.
        time_limit_s: no pass begins that would end later than this, as far as the passes before it tell.
        effort: how long one slice is, and its warm-up.
        seed: of the order.
        images: how many test images are taken in turn.
        end_to_end: whether a call takes pixels to labels.
        bare: whether a bare loop is timed beside each slice.
    """

    model_config = ConfigDict(frozen=True)

    passes: int = 5
    more_passes: int | None = None
    rounds: int = 2
    retry_share: float = 0.25
    time_limit_s: float | None = 285.0
    effort: Effort = Effort()
    seed: int = 0
    images: int = 1000
    end_to_end: bool = False
    bare: bool = False

    def fitted(self, cells: int) -> "Plan":
        """Return the plan for so many cells: half as long a slice, with a time limit and over 100 of them.

        Warm-up windows are halved too, and slow cells get three calls a slice. Fewer passes would cost more: they
        decide how wide the intervals are, while half a slice has nearly the same median as the whole.
        """
        if self.time_limit_s is None or cells <= MANY_CELLS:
            return self
        effort = self.effort
        shorter = {
            "slice_s": effort.slice_s / 2,
            "window_s": effort.window_s / 2,
            "min_calls": min(3, effort.min_calls),
        }
        return self.model_copy(update={"effort": effort.model_copy(update=shorter)})

    @property
    def alpha(self) -> float:
        """The probability of error that one look at the verdicts may spend."""
        return 0.05 if self.more_passes is None else 0.025


QUICK = Plan(
    passes=1,
    rounds=1,
    retry_share=0.0,
    time_limit_s=None,
    effort=Effort(slice_s=0.03, min_calls=3, window_s=0.01, max_warm_up_s=0.1, rewarm_s=0.0),
)
RIGOROUS_PASSES = 10
# Of two folders each pair of slices lies side by side, so many short ones say more than few long ones. A slice that is
# measured once more would have no pair.
INTERLEAVED = Plan(rounds=4, retry_share=0.0, time_limit_s=None, effort=Effort(slice_s=0.05))
INTERLEAVED_QUICK = Plan(passes=3, retry_share=0.0, time_limit_s=None, effort=QUICK.effort)
# Short slices in many rounds: what is compared here should lie close together in time.
SELF_CHECK = Plan(rounds=12, retry_share=0.0, bare=True, effort=Effort(slice_s=0.02))


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


def sessions(cells: Iterable[Cell], order: random.Random) -> list[Session]:
    """Group cells by process and shuffle both the processes and the cells in each."""
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.runtime, cell.device, cell.use.threads), []).append(cell)
    made = [Session(*key, cells=tuple(order.sample(group, len(group)))) for key, group in groups.items()]
    return order.sample(made, len(made))


def hosts(sessions: Iterable[Session]) -> list[list[Session]]:
    """Group sessions by the library that their runtimes import, and its environment; first come, first served."""
    groups: dict[tuple[str, str, str], list[Session]] = {}
    for session in sessions:
        runtime = RUNTIMES[session.runtime]
        key = (runtime.module, session.device, repr(sorted(runtime.environment.items())))
        groups.setdefault(key, []).append(session)
    return list(groups.values())


def lightest(cells: Sequence[Cell]) -> Cell:
    """Return the cell that is measured twice: fewest threads, smallest batch, smallest file.

    There the harness's own error weighs most, and other threads' luck least.
    """
    return min(cells, key=lambda cell: (cell.use.threads, cell.use.batch_size, cell.artifact.size_bytes))


def beside(cells: Sequence[Cell]) -> list[list[int]] | None:
    """Return which cells are measured side by side, by their indices: those that differ in side or variant alone.

    None where no cell has a side. A twin stands beside its first, so that A/A is held to the same.
    """
    if not any(cell.side for cell in cells):
        return None
    groups: dict[tuple[tuple[str, ...], Use], list[int]] = {}
    for number, cell in enumerate(cells):
        place = tuple(value for name, value in cell.names.items() if name != "variant")
        groups.setdefault((place, cell.use), []).append(number)
    return list(groups.values())


def rounds(
    count: int, number: int, order: random.Random, together: Sequence[Sequence[int]] | None = None
) -> list[list[int]]:
    """Return, for each of `number` rounds, the indices 0..count-1 in an order of its own.

    The groups of `together`, if given, stay together, and have an order of their own in each round.
    """
    if together is None:
        return [order.sample(range(count), count) for _ in range(number)]
    return [
        [index for group in order.sample(together, len(together)) for index in order.sample(group, len(group))]
        for _ in range(number)
    ]
