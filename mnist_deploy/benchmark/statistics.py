"""From raw call times to the figures that are published. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnist_deploy.benchmark.sampler import Times

# The fewest calls of which the second largest bounds p99 from above with 99 % confidence: the smallest n with
# P(Binomial(n, 0.01) <= 1) <= 0.01. With fewer, p99 is the slowest call and little else.
MIN_CALLS_FOR_P99 = 662
# Fewer processes than this give no interval: process effects do not average out inside one of them.
MIN_PASSES_FOR_INTERVAL = 3


@dataclass(frozen=True)
class PassTimes:
    """What one process measured of one cell: its slices, each int64 nanoseconds (calls,), and its cold start."""

    slices: Sequence[Times]
    load_s: float
    first_call_s: float


@dataclass(frozen=True)
class Summary:
    """The figures of one cell; seconds, and images a second.

    Attributes:
        p50_s: median over passes of the median over slices of a slice's median call.
        p50_low_s: lower end of the 95 % interval for p50 over passes; None with fewer than three passes.
        p50_high_s: its upper end.
        p99_s: 99th percentile of all calls; None with fewer than 662 calls.
        mean_s: mean of all calls.
        min_s: the fastest call.
        throughput_images_per_s: images over time inside the calls; median of slices, then of passes.
        load_s: median over passes.
        first_call_s: median over passes.
        calls: how many calls were timed.
        pass_p50_s: each pass's p50.
    """

    p50_s: float
    p50_low_s: float | None
    p50_high_s: float | None
    p99_s: float | None
    mean_s: float
    min_s: float
    throughput_images_per_s: float
    load_s: float
    first_call_s: float
    calls: int
    pass_p50_s: list[float]


def summarize(passes: Sequence[PassTimes], batch_size: int) -> Summary:
    """Reduce the passes of one cell, in each of which every call took `batch_size` images."""
    pass_p50 = [_median_of([float(np.median(times)) for times in one.slices]) / 1e9 for one in passes]
    rates = [_median_of([batch_size * len(times) / (times.sum() / 1e9) for times in one.slices]) for one in passes]
    calls = np.concatenate([times for one in passes for times in one.slices])
    interval = t_interval_of_log(pass_p50)
    return Summary(
        p50_s=_median_of(pass_p50),
        p50_low_s=interval[0] if interval else None,
        p50_high_s=interval[1] if interval else None,
        p99_s=p99(calls),
        mean_s=float(calls.mean()) / 1e9,
        min_s=float(calls.min()) / 1e9,
        throughput_images_per_s=_median_of(rates),
        load_s=_median_of([one.load_s for one in passes]),
        first_call_s=_median_of([one.first_call_s for one in passes]),
        calls=len(calls),
        pass_p50_s=pass_p50,
    )


def p99(calls: Times) -> float | None:
    """Return the 99th percentile in seconds (linear interpolation), or None with fewer than 662 calls."""
    return float(np.quantile(calls, 0.99)) / 1e9 if len(calls) >= MIN_CALLS_FOR_P99 else None


def t_interval_of_log(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return Student's t interval for the geometric centre of positive `values`; None for fewer than three."""
    from scipy import stats

    if len(values) < MIN_PASSES_FOR_INTERVAL:
        return None
    logs: npt.NDArray[np.float64] = np.log(np.asarray(values, dtype=np.float64))
    error = float(logs.std(ddof=1)) / len(logs) ** 0.5
    reach = float(stats.t.ppf(0.5 + confidence / 2, len(logs) - 1)) * error
    centre = float(logs.mean())
    return float(np.exp(centre - reach)), float(np.exp(centre + reach))


def _median_of(values: Sequence[float]) -> float:
    return float(np.median(values))
