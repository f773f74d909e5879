"""From raw call times to the figures that are published. Pure functions.

The figures of a cell are statistics of all its bursts, whichever process they are of; their intervals come from leaving
one pass out at a time, since bursts of one process have its luck in common: the delete-a-group jackknife (Shao and Wu
1989, A general theory for jackknife variance estimation). Other estimators were tried on recorded runs; see
docs/explanation/measurement.md.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mnist_deploy.benchmark.sampler import Times

# The quantile of a cell's bursts that is its time in quiet moments. What disturbs a machine only adds time, so a low
# quantile repeats where a median does not (Chen and Revels 2016, arXiv 1608.04295). The minimum hangs on one burst.
QUIET_QUANTILE = 0.05
# The fewest calls of which the second largest bounds p99 from above with 99 % confidence: the smallest n with
# P(Binomial(n, 0.01) <= 1) <= 0.01. With fewer, p99 is the slowest call and little else.
MIN_CALLS_FOR_P99 = 662
# Fewer processes than this give no interval: process effects do not average out inside one of them.
MIN_PASSES_FOR_INTERVAL = 3
# What one cell's figure, or a ratio of two, changes by from run to run beyond what the passes of a run tell: standard
# deviation of the logarithm. From pairs of runs of the same files; see docs/explanation/measurement.md.
BETWEEN_RUNS = 0.01
# With more than 1 / NEGLIGIBLE degrees of freedom Student's t is the normal distribution to the last digit.
NEGLIGIBLE = 1e-15

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellTimes:
    """What was measured of one cell, pass by pass.

    Attributes:
        bursts: each pass's bursts, each burst's calls, int64 nanoseconds (calls,).
        load_s: how long the load took, in each pass.
        first_call_s: how long the first call took.
        memory_bytes: by how much the process had grown by then, at its peak.
    """

    bursts: Sequence[Sequence[Times]]
    load_s: Sequence[float]
    first_call_s: Sequence[float]
    memory_bytes: Sequence[int]


@dataclass(frozen=True)
class Estimate:
    """A positive figure and its 95 % interval for another run's.

    Attributes:
        value: of all passes together.
        pass_values: the jackknife's pseudo-value of each pass, geometric; what is compared are these, pass by pass.
        low: the interval's lower end, None with fewer than three passes.
        high: its upper end, None likewise.
    """

    value: float
    pass_values: Sequence[float]
    low: float | None
    high: float | None

    @property
    def half_width(self) -> float | None:
        """How far the interval reaches to either side, as a share of the value; None without one."""
        return half_width(self.low, self.high)


@dataclass(frozen=True)
class Summary:
    """The figures of one cell; seconds, bytes, and images a second.

    Attributes:
        quiet: the 5 % quantile of the bursts' medians: a call in quiet moments.
        p50: the median of the bursts' medians: a typical call on this machine.
        p99: 99th percentile of all calls; without an interval with fewer than 662.
        mean: of all calls.
        min_s: the fastest call.
        throughput: images over time inside the calls, median of bursts.
        load_s: median over passes.
        first_call_s: median over passes.
        memory_bytes: median over passes.
        calls: how many calls there were.
    """

    quiet: Estimate
    p50: Estimate
    p99: Estimate
    mean: Estimate
    min_s: float
    throughput: Estimate
    load_s: float
    first_call_s: float
    memory_bytes: int
    calls: int


def summarize(times: CellTimes, batch_size: int) -> Summary:
    """Reduce what was measured of one cell, in which every call took `batch_size` images."""
    medians = [np.array([np.median(burst) for burst in bursts]) / 1e9 for bursts in times.bursts]
    rates = [np.array([batch_size * len(burst) / (burst.sum() / 1e9) for burst in bursts]) for bursts in times.bursts]
    calls = [np.concatenate(bursts) / 1e9 for bursts in times.bursts]
    count, worst = sum(map(len, calls)), estimate(calls, p99)
    return Summary(
        quiet=estimate(medians, quiet),
        p50=estimate(medians, np.median),
        p99=worst if count >= MIN_CALLS_FOR_P99 else replace(worst, low=None, high=None),
        mean=estimate(calls, np.mean),
        min_s=min(float(one.min()) for one in calls),
        throughput=estimate(rates, np.median),
        load_s=float(np.median(times.load_s)),
        first_call_s=float(np.median(times.first_call_s)),
        memory_bytes=round(float(np.median(times.memory_bytes))),
        calls=count,
    )


def quiet(medians: Numbers) -> float:
    """Return the 5 % quantile (linear interpolation)."""
    return float(np.quantile(medians, QUIET_QUANTILE))


def p99(calls: Numbers) -> float:
    """Return the 99th percentile (linear interpolation)."""
    return float(np.quantile(calls, 0.99))


def estimate(passes: Sequence[Numbers], statistic: Callable[[Numbers], float]) -> Estimate:
    """Return a statistic of all passes together, with its interval.

    Args:
        passes: each pass's values, positive.
        statistic: takes the values of any number of passes.
    """
    value = float(statistic(np.concatenate(passes)))
    count = len(passes)
    if count == 1:
        return Estimate(value, [value], None, None)
    without = [
        float(statistic(np.concatenate([one for number, one in enumerate(passes) if number != left])))
        for left in range(count)
    ]
    logs = count * np.log(value) - (count - 1) * np.log(without)
    reach = interval_reach(logs)
    ends = (None, None) if reach is None else (value * np.exp(-reach), value * np.exp(reach))
    return Estimate(value, np.exp(logs).tolist(), *(None if end is None else float(end) for end in ends))


def interval_reach(logs: Sequence[float] | Numbers, alpha: float = 0.05) -> float | None:
    """Return how far the interval of another run's figure reaches to either side, as a logarithm.

    Student's t on the pseudo-values of the passes (`logs`, natural logarithms), whose variance both runs have, and the
    normal distribution for `BETWEEN_RUNS`, added in quadrature; None with fewer than three.
    """
    from scipy import stats

    count = len(logs)
    if count < MIN_PASSES_FOR_INTERVAL:
        return None
    within = float(stats.t.ppf(1 - alpha / 2, count - 1)) * math.sqrt(2 * float(np.var(logs, ddof=1)) / count)
    return math.hypot(within, float(stats.norm.ppf(1 - alpha / 2)) * BETWEEN_RUNS)


def rerun_error(logs: Sequence[float] | Numbers) -> tuple[float, float]:
    """Return the standard error of the difference of two runs' figures, and its degrees of freedom.

    Both runs have the error that the pseudo-values of one's passes (`logs`) tell, and `BETWEEN_RUNS` comes on top.
    """
    count = len(logs)
    return combined_error([(2 * float(np.var(logs, ddof=1)) / count, count - 1)], BETWEEN_RUNS)


def combined_error(parts: Sequence[tuple[float, int]], known: float) -> tuple[float, float]:
    """Return the standard error that independent variances add up to, and its degrees of freedom (Satterthwaite 1946).

    Args:
        parts: variances that were estimated, each with its degrees of freedom.
        known: a standard deviation on top, which takes no degrees of freedom.
    """
    variance = sum(part for part, _ in parts) + known**2
    degrees = sum((part / variance) ** 2 / freedom for part, freedom in parts) if variance else 0.0
    return math.sqrt(variance), 1 / degrees if degrees > NEGLIGIBLE else math.inf


def half_width(low: float | None, high: float | None) -> float | None:
    """Return how far an interval that is even on logarithms reaches to either side, as a share; None without one."""
    return None if low is None or high is None else (high / low) ** 0.5 - 1
