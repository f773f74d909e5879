"""Whether the measurements tell two candidates apart. Pure functions of records."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mnist_deploy.benchmark.comparison import MARGIN, NEVER_JOINT, Ratio, Verdict, holm, ratio, verdict
from mnist_deploy.decisions.records import Candidate, Prefer
from mnist_deploy.results import Results

# What a process grows by differs by some percent from network to network in one library; a tenth is worth a name.
NOTABLE_BYTES = 0.1


@dataclass(frozen=True)
class Parting:
    """How well one run tells its cells apart.

    Attributes:
        undecided: why no verdicts can be given; None if they can.
        alpha: the probability of error of a verdict.
        margin: without verdicts, how far two times must be apart at least, as a share: 3 %, or what the cell that was
            measured twice differs from itself by.
    """

    undecided: str | None
    alpha: float
    margin: float

    @staticmethod
    def of(results: Results) -> "Parting":
        """Return how well `results` tell their cells apart."""
        noise, plan = results.noise, results.plan
        itself = abs(noise.twin_ratio - 1) if noise and noise.twin_ratio is not None else 0.0
        undecided = noise.no_verdicts if noise else "how noisy the machine was is not recorded"
        return Parting(undecided, plan.alpha if plan else 0.05, max(MARGIN, itself))

    def faster(self, one: Candidate, other: Candidate, prefer: Prefer) -> bool:
        """Tell whether `one` takes less time than `other`: by verdict, or else beyond margin and intervals."""
        if self.undecided is None:
            return verdict(times(one, other, prefer, self.alpha)) is Verdict.FASTER
        return not self._near(one, other, prefer)

    def ties(self, chosen: Candidate, rest: Sequence[Candidate], prefer: Prefer) -> list[Candidate]:
        """Return those of `rest`, none of which is better than `chosen`, that nothing parts from it.

        Nothing does if neither what is preferred nor then the time does. Of the times all comparisons are taken
        together by Holm's correction, as `comparison.sole_winner` does: with many rivals one of them would else be
        called slower by chance.
        """
        rivals = [one for one in rest if _same(chosen, one, prefer)]
        if self.undecided is not None:
            return [one for one in rivals if self._near(chosen, one, prefer)]
        found = [times(one, chosen, prefer, self.alpha) for one in rivals]
        p_values = holm([1.0 if one.p_value is None else one.p_value for one in found])
        return [
            one
            for one, apart, p_value in zip(rivals, found, p_values, strict=True)
            if apart.centre < NEVER_JOINT and (verdict(apart) is not Verdict.SLOWER or p_value > self.alpha)
        ]

    def gains(self, one: Candidate, over: Candidate, prefer: Prefer) -> bool:
        """Tell whether `one` is better than `over` in any respect by as much as is worth a name."""
        mine, theirs = one.measurement, over.measurement
        pairs = (
            (mine.size_bytes, theirs.size_bytes),
            (mine.memory_bytes, theirs.memory_bytes),
            (one.installed_bytes, over.installed_bytes),
        )
        if any(a is not None and b is not None and a <= b * (1 - NOTABLE_BYTES) for a, b in pairs):
            return True
        return (
            more_accurate(one, over)
            or self.faster(one, over, prefer)
            or (prefer is Prefer.THROUGHPUT and self.faster(one, over, Prefer.LATENCY))
        )

    def dominates(self, one: Candidate, other: Candidate, prefer: Prefer) -> bool:
        """Tell whether `one` beats `other` in some respect, and is beaten in none: noise is no respect."""
        return self.gains(one, other, prefer) and not self.gains(other, one, prefer)

    def as_good(self, one: Candidate, first: Candidate, prefer: Prefer) -> bool:
        """Tell whether `one` equals `first`, of which nothing is better, in what is preferred, but for noise.

        A size and a time do if they differ by less than 3 %, a time by the verdict of a tie too; an accuracy by chance.
        """
        match prefer:
            case Prefer.SIZE:
                return one.measurement.size_bytes <= first.measurement.size_bytes * (1 + MARGIN)
            case Prefer.ACCURACY:
                return one.accuracy is not None and not more_accurate(first, one)
            case Prefer.LATENCY | Prefer.THROUGHPUT:
                apart = times(one, first, prefer, self.alpha)
                tie = self.undecided is None and verdict(apart) is Verdict.TIE
                return tie or apart.centre <= 1 + MARGIN

    def _near(self, one: Candidate, other: Candidate, prefer: Prefer) -> bool:
        """Tell whether, without verdicts, `other` is not clearly slower than `one`."""
        if _time(other, prefer) <= _time(one, prefer) * (1 + self.margin):
            return True
        high, low = one.measurement.latency_quiet_high_s, other.measurement.latency_quiet_low_s
        if high is None or low is None or _time(other, prefer) >= NEVER_JOINT * _time(one, prefer):
            return False
        return low / _images(other, prefer) <= high / _images(one, prefer)


def order(one: Candidate, prefer: Prefer) -> tuple[float | str, ...]:
    """Return what candidates are sorted by, best first: what is preferred, then the time, then what is certain."""
    exact = {Prefer.SIZE: float(one.measurement.size_bytes), Prefer.ACCURACY: -(one.accuracy or 0.0)}.get(prefer, 0.0)
    return exact, _time(one, prefer), one.measurement.memory_bytes, one.label, str(one.measurement.batch_size)


def times(one: Candidate, other: Candidate, prefer: Prefer, alpha: float = 0.05) -> Ratio:
    """Return the time of `one` over that of `other`, pass by pass: for each image where throughput is preferred."""
    if prefer is Prefer.THROUGHPUT:
        return ratio(one.image_series, other.image_series, alpha)
    return ratio(one.series, other.series, alpha)


def more_accurate(one: Candidate, other: Candidate) -> bool:
    """Tell whether the accuracy of `one` is higher beyond chance; False where either is unknown.

    By the 95 % interval of the difference of two shares from their Wilson intervals (Newcombe 1998, method 10). Both
    come from the same images, so their errors agree and the interval is rather too wide: it calls a tie too readily,
    never too rarely.
    """
    if one.accuracy is None or other.accuracy is None or one.accuracy_low is None or other.accuracy_high is None:
        return False
    reach = math.hypot(one.accuracy - one.accuracy_low, other.accuracy_high - other.accuracy)
    return one.accuracy - other.accuracy > reach


def _same(chosen: Candidate, other: Candidate, prefer: Prefer) -> bool:
    """Tell whether both are equal in what is preferred, apart from the time."""
    match prefer:
        case Prefer.SIZE:
            return chosen.measurement.size_bytes == other.measurement.size_bytes
        case Prefer.ACCURACY:
            known = (chosen.accuracy is None) == (other.accuracy is None)
            return known and not more_accurate(chosen, other)
        case Prefer.LATENCY | Prefer.THROUGHPUT:
            return True


def _time(one: Candidate, prefer: Prefer) -> float:
    return one.image_s if prefer is Prefer.THROUGHPUT else one.latency_s


def _images(one: Candidate, prefer: Prefer) -> int:
    return one.measurement.batch_size if prefer is Prefer.THROUGHPUT else 1
