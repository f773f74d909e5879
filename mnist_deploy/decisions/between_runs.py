"""How far the time of one cell in two runs of different hours differs, and how much of that hours alone do.

The passes of two runs are no pairs: what slowed a pass of one down, another hour, did not slow one of the other down.
So nothing cancels, and three things are held apart: the spread over passes, which the runs tell themselves; the spread
of one cell between runs, which no run can tell; and what moved the whole run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_deploy.benchmark.comparison import MARGIN, Ratio, Series
from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL, combined_error
from mnist_deploy.results import Measurement
from mnist_deploy.runtimes import RUNTIMES


@dataclass(frozen=True)
class Spread:
    """Standard deviation of the logarithm of a cell's ratio between two runs, beyond what the passes explain.

    Attributes:
        core: of most cells; intervals are made of it.
        tail: one that the few that move furthest agree with; what is called changed is judged by it.
    """

    core: float
    tail: float


# From pairs of runs of the same files; see docs/explanation/measurement.md.
ONE_THREAD, MORE_THREADS, TENSORFLOW = Spread(0.01, 0.015), Spread(0.015, 0.04), Spread(0.03, 0.08)
# Where other programs took processors from a cell. Its tail is long: up to 4.7 times was seen.
CONTENDED = Spread(0.45, 0.45)
# The median of fewer cells would follow one of them.
MIN_CELLS_FOR_SHIFT = 8
# In those pairs the median ratio of all cells was within 1.5 % of 1; a larger one is not taken for the machine's.
MAX_SHIFT = math.log(1 + MARGIN)


@dataclass(frozen=True)
class Apart:
    """The logarithm of a ratio, HEAD over BASE, of the published times: its standard error, and degrees of freedom."""

    centre: float
    error: float
    freedom: float

    def ratio(self, confidence: float = 0.95) -> Ratio:
        """Return the ratio with its interval."""
        from scipy import stats

        reach = float(stats.t.ppf(0.5 + confidence / 2, self.freedom)) * self.error
        low, high = math.exp(self.centre - reach), math.exp(self.centre + reach)
        return Ratio(math.exp(self.centre), low, high, self.p_value(0.0))

    def p_value(self, shift: float) -> float:
        """Return the two-sided p of 'no difference but a `shift` of the whole run', a logarithm.

        A cell is only as far apart as it is beyond both 1 and the shift: where a faster hour or many improvements moved
        the whole run, one that stayed where it was is not called slower.
        """
        from scipy import stats

        excess = beyond(self.centre, shift)
        return float(2 * stats.t.sf(abs(excess) / self.error, self.freedom))


def spread(base: Measurement, head: Measurement) -> Spread:
    """Return how far one cell's ratio spreads between runs."""
    if base.contended or head.contended:
        return CONTENDED
    known = RUNTIMES.get(base.runtime)
    if known is not None and known.module == "tensorflow":
        return TENSORFLOW
    return ONE_THREAD if base.threads == 1 else MORE_THREADS


def apart(base: Series, head: Series, between: float) -> Apart | None:
    """Set one cell's passes in two runs against each other, by Welch's t on the logarithms of their pseudo-values.

    Welch (1947), with his and Satterthwaite's degrees of freedom; `between`, the standard deviation between runs, is
    a known part of the error and takes none.

    Args:
        base: the older run's passes.
        head: the newer run's.
        between: see `Spread`.

    Returns:
        None if one of them has fewer than three passes.
    """
    logs = [np.log(np.asarray(one.pass_values_s, dtype=np.float64)) for one in (base, head)]
    if min(map(len, logs)) < MIN_PASSES_FOR_INTERVAL:
        return None
    parts = [(float(one.var(ddof=1)) / len(one), len(one) - 1) for one in logs]
    error, freedom = combined_error(parts, between)
    return Apart(math.log(head.value_s / base.value_s), error, freedom)


def shift(found: Sequence[Apart]) -> float | None:
    """Return the median logarithm over all cells: what moved the whole run. None for fewer than eight cells."""
    if len(found) < MIN_CELLS_FOR_SHIFT:
        return None
    return float(np.median([one.centre for one in found]))


def machines_part(whole: float | None) -> float:
    """Return how much of a shift of the whole run, a logarithm, is taken for the machine's: up to 3 %."""
    return max(-MAX_SHIFT, min(MAX_SHIFT, whole or 0.0))


def beyond(value: float, shift: float) -> float:
    """Return how far `value` lies outside the interval from 0 to `shift`, all logarithms."""
    low, high = min(0.0, shift), max(0.0, shift)
    return value - high if value > high else min(0.0, value - low)
