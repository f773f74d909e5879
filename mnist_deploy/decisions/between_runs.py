"""How far the p50 of one cell in two runs of different hours differs, and how much of that hours alone do.

The passes of two runs are no pairs: what slowed a pass of one down, another hour, did not slow one of the other down.
So nothing cancels, and three things are held apart: the spread over passes, which the runs tell themselves; the spread
of one cell between runs, which no run can tell; and what moved the whole run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_deploy.benchmark.comparison import MARGIN, Ratio, Series
from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL, decisive
from mnist_deploy.runtimes import RUNTIMES

# Standard deviation of the logarithm of a cell's ratio between two runs of the same files, beyond what the spread over
# passes explains. From 27 pairs of nine default runs, over nine hours of one machine, cells with three clean passes in
# both: LiteRT 0.017, ONNX Runtime 0.011, OpenVINO below 0.01; TensorFlow 0.05, Keras 0.06 to 0.12.
SPREAD, TENSORFLOW_SPREAD = 0.015, 0.08
# The same for cells with fewer clean passes, over all passes: 0.16 to 0.39 by runtime and threads. Its tail is long,
# up to 4.7 times for unchanged files, so it is taken larger: of those pairs none is called a regression then.
DISTURBED_SPREAD = 0.45
# The median of fewer cells would follow one of them.
MIN_CELLS_FOR_SHIFT = 8
# In those pairs the median ratio of all cells was within 1.5 % of 1; a larger one is not taken for the machine's.
MAX_SHIFT = math.log(1 + MARGIN)


@dataclass(frozen=True)
class Apart:
    """The logarithm of a ratio, HEAD over BASE: its mean over passes, standard error, degrees of freedom.

    `centre` is the logarithm of the published p50s' ratio, which are medians.
    """

    centre: float
    mean: float
    error: float
    freedom: float

    def ratio(self, confidence: float = 0.95) -> Ratio:
        """Return the ratio with its interval, which reaches to the centre at least."""
        from scipy import stats

        reach = float(stats.t.ppf(0.5 + confidence / 2, self.freedom)) * self.error
        low, high = min(self.mean - reach, self.centre), max(self.mean + reach, self.centre)
        return Ratio(math.exp(self.centre), math.exp(low), math.exp(high), self.p_value(0.0))

    def p_value(self, shift: float) -> float:
        """Return the two-sided p of 'no difference but a `shift` of the whole run', a logarithm.

        A cell is only as far apart as it is beyond both 1 and the shift: where a faster hour or many improvements moved
        the whole run, one that stayed where it was is not called slower.
        """
        from scipy import stats

        excess = beyond(self.mean, shift)
        return float(2 * stats.t.sf(abs(excess) / self.error, self.freedom))


def spread(runtime: str) -> float:
    """Return the standard deviation between runs of the logarithm of a cell's ratio."""
    known = RUNTIMES.get(runtime)
    return TENSORFLOW_SPREAD if known is not None and known.module == "tensorflow" else SPREAD


def apart(base: Series, head: Series, centre: float, between: float) -> Apart | None:
    """Set one cell's passes in two runs against each other, by Welch's t on the logarithms.

    Welch (1947), with his and Satterthwaite's degrees of freedom; `between`, the standard deviation between runs, is
    a known part of the error and takes none. Where one has fewer than three clean passes all of its passes are taken,
    and what disturbed them, which is not in the other run, makes `between` so much larger.

    Args:
        base: the older run's passes.
        head: the newer run's.
        centre: the ratio of their published p50s, HEAD over BASE.
        between: see `spread`.

    Returns:
        None if one of them has fewer than three passes.
    """
    logs = [_logs(base), _logs(head)]
    if min(map(len, logs)) < MIN_PASSES_FOR_INTERVAL:
        return None
    if disturbed(base) or disturbed(head):
        between = DISTURBED_SPREAD
    parts = [float(one.var(ddof=1)) / len(one) for one in logs]
    within, degrees = sum(parts), sum(part**2 / (len(one) - 1) for part, one in zip(parts, logs, strict=True))
    variance = within + between**2
    freedom = variance**2 / degrees if degrees else math.inf
    return Apart(math.log(centre), float(logs[1].mean() - logs[0].mean()), math.sqrt(variance), freedom)


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


def disturbed(series: Series) -> bool:
    """Tell whether too few passes have a clean slice."""
    return sum(series.trusted) < MIN_PASSES_FOR_INTERVAL


def _logs(series: Series) -> np.ndarray:
    return np.log(np.asarray([series.pass_p50_s[number] for number in decisive(series.trusted)], dtype=np.float64))
