"""Whether a precision is slower than float32, from slices that lie side by side. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_deploy.benchmark.comparison import MARGIN, Verdict


@dataclass(frozen=True)
class Reach:
    """The median of ratios, and the 95 % interval of that median."""

    median: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """Slower or faster if the whole interval is 3 % or more beyond 1; a tie if it is within 3 %; else undecided."""
        if self.low >= 1 + MARGIN:
            return Verdict.SLOWER
        if self.high <= 1 - MARGIN:
            return Verdict.FASTER
        within = self.low >= 1 - MARGIN and self.high <= 1 + MARGIN
        return Verdict.TIE if within else Verdict.UNDECIDED


def reach(ratios: Sequence[float]) -> Reach:
    """Return the median of at least one ratio, and its interval by order statistics.

    With the median between them lie the k-th smallest and the k-th largest, k by the binomial distribution (Conover,
    Practical Nonparametric Statistics, chapter 3): of 21 the 6th and the 16th. It supposes no shape, and a few
    disturbed slices don't move it. Of fewer than six it is the smallest and the largest, and less certain.
    """
    from scipy import stats

    ordered = sorted(ratios)
    count = len(ordered)
    place = max(1, int(stats.binom.ppf(0.025, count, 0.5)))
    return Reach(float(np.median(ordered)), ordered[place - 1], ordered[count - place])
