"""The types of a recommendation: what is wished for, what was measured, and what comes of it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from mnist_deploy.benchmark.comparison import Series
from mnist_deploy.results import Measurement


class Prefer(StrEnum):
    """What to choose by, among all that keeps the limits."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    SIZE = "size"
    ACCURACY = "accuracy"


class Wishes(BaseModel):
    """The limits that a deployment must keep, each None for none, and what to choose by.

    Attributes:
        max_latency_s: for the p50 of one call with `batch_size` images.
        min_accuracy: share of right answers on the test set.
        max_size_bytes: of the artifact.
        max_memory_bytes: of what the process grows by, library and model, at its peak.
        min_throughput_images_per_s: for images over p50; see `Candidate.throughput_images_per_s`.
        max_install_bytes: of the runtime's package and all that it requires.
        batch_size: images a call; None means 1, or the largest that was measured where throughput is preferred.
        device: 'cpu' or 'gpu'; None means any.
        ignore_gates: whether to choose among artifacts that failed their parity gate too.
    """

    model_config = ConfigDict(frozen=True)

    max_latency_s: float | None = None
    min_accuracy: float | None = None
    max_size_bytes: int | None = None
    max_memory_bytes: int | None = None
    min_throughput_images_per_s: float | None = None
    max_install_bytes: int | None = None
    batch_size: int | None = None
    device: str | None = None
    prefer: Prefer = Prefer.LATENCY
    ignore_gates: bool = False


class Candidate(BaseModel):
    """One artifact in one runtime, with so many threads, and all that is known of it.

    Attributes:
        accuracy: on the test set, with its 95 % Wilson interval; None if this pair was not verified.
        passed: whether it kept its parity gate; None likewise.
        failures: the limits of its gate that it broke.
        installed_bytes: of the runtime's package and all that it requires; None if unknown.
    """

    measurement: Measurement
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    passed: bool | None
    failures: list[str]
    installed_bytes: int | None

    @property
    def label(self) -> str:
        """The candidate in words: 'mlp-relu-128 tflite int8 in litert, 1 thread'."""
        one = self.measurement
        where = one.runtime if one.device == "cpu" else f"{one.runtime} on {one.device}"
        threads = "1 thread" if one.threads == 1 else f"{one.threads} threads"
        return f"{one.architecture} {one.format} {one.precision} in {where}, {threads}"

    @property
    def latency_s(self) -> float:
        """The p50 of one call."""
        return self.measurement.latency_p50_s

    @property
    def throughput_images_per_s(self) -> float:
        """Images a call over its p50: it holds on a noisy machine too, where a mean does not."""
        return self.measurement.batch_size / self.latency_s

    @property
    def series(self) -> Series:
        """Its p50 in each pass, for `benchmark.comparison`."""
        return Series(self.measurement.pass_p50_s, self.measurement.pass_trusted)


class Miss(BaseModel):
    """A limit that a candidate does not keep.

    Attributes:
        limit: the option that set it, as '--max-latency'; 'parity' for the gate.
        value: the candidate's own figure; None if it is unknown.
        allowed: the limit; None for the gate.
        excess: by which factor it is missed, above 1; infinite where the figure is unknown.
    """

    limit: str
    value: float | None
    allowed: float | None
    excess: float


class NearMiss(BaseModel):
    """A candidate and the limits that it does not keep."""

    candidate: Candidate
    misses: list[Miss]


class Recommendation(BaseModel):
    """What to deploy.

    Attributes:
        wishes: what was asked.
        batch_size: the images a call that all candidates were measured with.
        chosen: the best of those that keep every limit; None if none does.
        tied: those that the measurements do not part from it, best first.
        runners_up: the next best, best first: those that nothing fitting beats in every respect.
        nearest: where nothing fits, the candidates that miss least, nearest first.
        considered: how many candidates there were, and how many of them fit.
        fitting: see `considered`.
        undecided: why no verdict parts candidates in this run; None if verdicts do.
        cautions: what to know before relying on the choice, one sentence each.
    """

    wishes: Wishes
    batch_size: int
    chosen: Candidate | None
    tied: list[Candidate]
    runners_up: list[Candidate]
    nearest: list[NearMiss]
    considered: int
    fitting: int
    undecided: str | None
    cautions: list[str]
