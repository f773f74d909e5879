"""What every profiler offers: load an artifact with the library's own profiling on, call it, and read the operators."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mnist_deploy.artifacts import Artifact
from mnist_deploy.benchmark.sampler import Times
from mnist_deploy.plugins import Closing
from mnist_deploy.profiling.records import Operator


@dataclass(frozen=True)
class Reading:
    """What a library told of its calls.

    Attributes:
        operators: in the order in which they run.
        unfused_qdq: quantise and dequantise nodes that remain in the graph that runs.
    """

    operators: list[Operator]
    unfused_qdq: int


class Profiler(Closing, ABC):
    """One artifact, loaded with profiling on; a context manager.

    It loads as the runtime of the same name does, with as many threads and for the same batch.

    Class attributes:
        runtime: the name of the runtime whose artifacts it profiles.
        covers: what its times cover and how fine they are, in one sentence.
        order: its place in lists.
    """

    runtime: ClassVar[str]
    covers: ClassVar[str]
    order: ClassVar[int]

    @abstractmethod
    def __init__(self, artifact: Artifact, *, threads: int, batch_size: int) -> None:
        """Load `artifact`, ready for calls with exactly `batch_size` images."""

    @abstractmethod
    def run(self, tensor: Any) -> Any:
        """Compute one batch, encoded as the runtime does, while the library takes its times; return the output."""

    @abstractmethod
    def read(self, warm: int, calls: int) -> Reading:
        """Return what the library told of the last `calls` calls, after `warm` before them; `run` is done with then."""


def interquartile_mean_s(microseconds: Sequence[float] | Times) -> float:
    """Return the mean of the middle half, in seconds.

    Libraries write whole microseconds: a median of them would be a whole one too, and a plain mean would follow the
    few calls in which the machine did something else.
    """
    from scipy import stats

    return float(stats.trim_mean(microseconds, 0.25)) / 1e6
