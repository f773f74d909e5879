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
    """What one process measured of one cell.

    Attributes:
        slices: each slice's calls, int64 nanoseconds (calls,).
        clean: for each slice, whether no witness speaks against it.
        load_s: how long the load took.
        first_call_s: how long the first call took.
        memory_bytes: by how much the process had grown by then, at its peak.
    """

    slices: Sequence[Times]
    clean: Sequence[bool]
    load_s: float
    first_call_s: float
    memory_bytes: int = 0

    @property
    def trusted(self) -> bool:
        """Whether any slice is clean."""
        return any(self.clean)

    @property
    def used(self) -> list[Times]:
        """The slices that count: the clean ones, or all where none is. Witnesses choose, never the times themselves."""
        if not self.trusted:
            return list(self.slices)
        return [times for times, clean in zip(self.slices, self.clean, strict=True) if clean]

    @property
    def p50_s(self) -> float:
        """Median over the slices that count of a slice's median call, in seconds."""
        return _median_of([float(np.median(times)) for times in self.used]) / 1e9


@dataclass(frozen=True)
class Summary:
    """The figures of one cell; seconds, bytes, and images a second.

    Attributes:
        p50_s: median over the passes that count of the pass's p50.
        p50_low_s: lower end of its 95 % interval over passes; None with fewer than three.
        p50_high_s: its upper end.
        p99_s: 99th percentile of all calls that count; None with fewer than 662.
        mean_s: their mean.
        min_s: the fastest of them.
        throughput_images_per_s: images over time inside the calls; median of slices, then of passes.
        load_s: median over passes.
        first_call_s: median over passes.
        memory_bytes: median over passes.
        calls: how many calls count.
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
    memory_bytes: int
    calls: int


def counted(trusted: Sequence[bool]) -> list[int]:
    """Return the passes that count: those with a clean slice, or all where none has one."""
    return [number for number, one in enumerate(trusted) if one] or list(range(len(trusted)))


def decisive(trusted: Sequence[bool]) -> list[int]:
    """Return the passes that an interval is made of: those that count if there are three of them, else all."""
    counting = counted(trusted)
    return counting if len(counting) >= MIN_PASSES_FOR_INTERVAL else list(range(len(trusted)))


def centre_and_interval(
    values: Sequence[float], trusted: Sequence[bool], confidence: float = 0.95
) -> tuple[float, tuple[float, float] | None]:
    """Return the median of the passes that count, and Student's t interval on the logarithms of the decisive ones.

    Where clean passes are too few for an interval, it comes from all, is wide, and reaches to the centre at least.
    None with fewer than three passes in all.
    """
    centre = _median_of([values[number] for number in counted(trusted)])
    interval = t_interval_of_log([values[number] for number in decisive(trusted)], confidence)
    return centre, interval and (min(interval[0], centre), max(interval[1], centre))


def summarize(passes: Sequence[PassTimes], batch_size: int) -> Summary:
    """Reduce the passes of one cell, in each of which every call took `batch_size` images."""
    trusted = [one.trusted for one in passes]
    counting = [passes[number] for number in counted(trusted)]
    p50_s, interval = centre_and_interval([one.p50_s for one in passes], trusted)
    rates = [_median_of([batch_size * len(times) / (times.sum() / 1e9) for times in one.used]) for one in counting]
    calls = np.concatenate([times for one in counting for times in one.used])
    return Summary(
        p50_s=p50_s,
        p50_low_s=interval[0] if interval else None,
        p50_high_s=interval[1] if interval else None,
        p99_s=p99(calls),
        mean_s=float(calls.mean()) / 1e9,
        min_s=float(calls.min()) / 1e9,
        throughput_images_per_s=_median_of(rates),
        load_s=_median_of([one.load_s for one in passes]),
        first_call_s=_median_of([one.first_call_s for one in passes]),
        memory_bytes=round(_median_of([one.memory_bytes for one in passes])),
        calls=len(calls),
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
