"""The types of a recommendation: what is wished for, what was measured, and what comes of it."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mnist_deploy.artifacts import ModelRequirements
from mnist_deploy.benchmark.comparison import Series
from mnist_deploy.kinds import kind
from mnist_deploy.plural import counted
from mnist_deploy.results import Measurement

# How the gate that every artifact is held to stands among the limits; each other limit is named as its option.
PARITY = "parity"
# Without a word on accuracy nobody means to give up more of it than this for speed or size: one point.
MAX_ACCURACY_DROP = 0.01
ACCURACY_DROP = "--max-accuracy-drop"


class Prefer(StrEnum):
    """What to choose by, among all that keeps the limits."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    SIZE = "size"
    ACCURACY = "accuracy"


class Wishes(BaseModel):
    """The limits that a deployment must keep, each None for none, and what to choose by.

    Attributes:
        max_latency_s: for the quiet p50 of one call with `batch_size` images.
        min_accuracy: share of right answers on the test set.
        max_accuracy_drop: how far below the best accuracy of all that keeps the other limits, as a share: 0.01 is one
            point. By default one point, and none where `min_accuracy` says what accuracy is needed.
        max_size_bytes: of the artifact.
        max_memory_bytes: of what the process grows by, library and model, at its peak.
        min_throughput_images_per_s: for images over quiet p50; see `Candidate.throughput_images_per_s`.
        max_install_bytes: of the runtime's package and all that it requires.
        batch_size: images a call; None means the fewest that were measured, or any where throughput is preferred.
        device: 'cpu' or 'gpu'; None means any.
        ignore_gates: whether to choose among artifacts that failed their parity gate, or were not held to it, too.
    """

    model_config = ConfigDict(frozen=True)

    max_latency_s: float | None = Field(default=None, gt=0)
    min_accuracy: float | None = Field(default=None, ge=0, le=1)
    max_accuracy_drop: float | None = Field(default=MAX_ACCURACY_DROP, ge=0, le=1)
    max_size_bytes: int | None = Field(default=None, gt=0)
    max_memory_bytes: int | None = Field(default=None, gt=0)
    min_throughput_images_per_s: float | None = Field(default=None, gt=0)
    max_install_bytes: int | None = Field(default=None, gt=0)
    batch_size: int | None = Field(default=None, gt=0)
    device: str | None = None
    prefer: Prefer = Prefer.LATENCY
    ignore_gates: bool = False

    @model_validator(mode="before")
    @classmethod
    def _accuracy_is_limited_once(cls, given: Any) -> Any:
        """Take a stated accuracy for all that is asked of accuracy, unless the drop is stated too."""
        if isinstance(given, dict) and given.get("min_accuracy") is not None:
            return {"max_accuracy_drop": None} | given
        return given


class Candidate(BaseModel):
    """One artifact in one runtime, with so many threads, and all that is known of it.

    Attributes:
        accuracy: on the test set, with its 95 % Wilson interval; None if this pair was not verified.
        passed: whether it kept its parity gate, and gives the same answers on the other processors that it was checked
            on; None likewise.
        failures: the limits of its gate that it broke, and where it answers differently.
        warnings: what is certainly worse than Keras though its gate may allow it.
        installed_bytes: of the runtime's package and all that it requires; None if unknown.
        model_requirements: what the artifact needs of a runtime, by the manifest; None if that does not say, or the
            results are all that is at hand.
    """

    measurement: Measurement
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    passed: bool | None
    failures: list[str]
    installed_bytes: int | None
    warnings: list[str] = []
    model_requirements: ModelRequirements | None = None

    @property
    def verdict(self) -> str:
        """`FAIL`, `warn` or `ok` as in `ParityRow.verdict`, or `not verified`."""
        if self.passed is None:
            return "not verified"
        if not self.passed:
            return "FAIL"
        return "warn" if self.warnings else "ok"

    @property
    def label(self) -> str:
        """The candidate in words: 'mlp-relu-128 tflite int8 in litert, 1 thread'."""
        one = self.measurement
        where = one.runtime if one.device == "cpu" else f"{one.runtime} on {one.device}"
        threads = counted(one.threads, "thread")
        return f"{one.architecture} {kind(one)} in {where}, {threads}"

    @property
    def latency_s(self) -> float:
        """One call, by its quiet p50."""
        return self.measurement.latency_quiet_s

    @property
    def image_s(self) -> float:
        """The quiet p50 of one call, for each of its images."""
        return self.latency_s / self.measurement.batch_size

    @property
    def throughput_images_per_s(self) -> float:
        """Images a call over its quiet p50: it holds on a noisy machine too, where a mean does not."""
        return self.measurement.batch_size / self.latency_s

    @property
    def series(self) -> Series:
        """Its quiet p50, pass by pass, for `benchmark.comparison`."""
        return self.measurement.series

    @property
    def image_series(self) -> Series:
        """The same for each image of a call: cells of different batch sizes compare by it."""
        batch_size = self.measurement.batch_size
        return Series(self.image_s, [value / batch_size for value in self.measurement.pass_quiet_s])


class Miss(BaseModel):
    """A limit that a candidate does not keep.

    Attributes:
        limit: the option that set it, as '--max-latency'; 'parity' for the gate.
        value: the candidate's own figure; None if it is unknown, and for the gate.
        allowed: the limit; None for the gate.
        excess: by which factor it is missed, above 1: of the figures, or of the error rates for an accuracy. None where
            there is no such factor: the figure is unknown, the limit is the gate, or no error at all is allowed.
    """

    limit: str
    value: float | None
    allowed: float | None
    excess: float | None


class NearMiss(BaseModel):
    """A candidate and the limits that it does not keep."""

    candidate: Candidate
    misses: list[Miss]


class Recommendation(BaseModel):
    """What to deploy.

    Attributes:
        wishes: what was asked.
        batch_size: the images a call of the one that was chosen; where none is, of the nearest.
        batch_sizes: those that were chosen among: one, unless throughput is preferred.
        chosen: the best of those that keep every limit; None if none does.
        tied: those that the measurements do not part from it, best first.
        runners_up: others that fit, best first: the next best, those that give something for what they cost, and the
            best in each other runtime.
        best_accuracy: the highest accuracy of all that passed its gate; None if nothing was verified.
        best_within_limits: the highest accuracy of all that keeps the other limits, which `max_accuracy_drop` counts
            from; None likewise, and where nothing keeps them.
        passed_over: the first in what is preferred where another candidate is chosen, that equals it there but for
            noise: another that does so too beats it in something else, and is beaten in nothing. None if it is chosen.
        better_but_failed: the one that would have been chosen, had it kept its parity gate; None if none would.
        nearest: where nothing fits, the candidates that miss least, nearest first; no two miss the same limits.
        elsewhere: where nothing fits, the other batch sizes that were measured and at which something does.
        considered: how many candidates there were, and how many of them fit.
        fitting: see `considered`.
        excluded: for each limit that was set, and for the gate, how many candidates miss it; one may miss several.
        undecided: why no verdict parts candidates in this run; None if verdicts do.
        cautions: what to know before relying on the choice, one sentence each.
    """

    wishes: Wishes
    batch_size: int
    batch_sizes: list[int] = []
    chosen: Candidate | None
    tied: list[Candidate]
    runners_up: list[Candidate]
    best_accuracy: float | None = None
    best_within_limits: float | None = None
    passed_over: Candidate | None = None
    better_but_failed: Candidate | None = None
    nearest: list[NearMiss]
    elsewhere: list[int] = []
    considered: int
    fitting: int
    excluded: dict[str, int] = {}
    undecided: str | None
    cautions: list[str]
