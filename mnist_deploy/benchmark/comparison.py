"""Which of two cells is faster, which share a rank, and whether there is one winner. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL, half_width, interval_reach, rerun_error

# A difference below this is not worth a name: nobody chooses by it, and no protocol on a shared machine holds it.
MARGIN = 0.03
# Where the interval of a ratio reaches further from 1 than this, the run does not tell whether it is a tie.
TIE_MARGIN = 0.10
# What takes so many times as long as the best shares no rank with it, whatever the interval says.
NEVER_JOINT = 1.5


class Verdict(StrEnum):
    """What a ratio of two times, first over second, says of the first."""

    FASTER = "faster"
    SLOWER = "slower"
    TIE = "tie"
    UNDECIDED = "undecided"


class VersusFastest(StrEnum):
    """How a cell stands against the fastest of its table; see `versus_fastest`."""

    FASTEST = "fastest"
    TIE = "tie"
    UNDECIDED = "undecided"
    SLOWER = "slower"


@dataclass(frozen=True)
class Series:
    """One cell's time in quiet moments, and its value for each pass (see `statistics.Estimate`), in seconds."""

    value_s: float
    pass_values_s: Sequence[float]


@dataclass(frozen=True)
class Ratio:
    """The time of one cell over that of another, with its interval for another run, None for fewer than three passes.

    `p_value` is that of 'another run would show no difference', a t test on the logarithms; None likewise.
    """

    centre: float
    low: float | None
    high: float | None
    p_value: float | None

    @property
    def half_width(self) -> float | None:
        """How far the interval reaches to either side, as a share of the ratio; None without one."""
        return half_width(self.low, self.high)


def ratio(first: Series, second: Series, alpha: float = 0.05) -> Ratio:
    """Compare two cells of one run: their bursts lie side by side in its sweeps, so what slowed one slowed the other.

    The ratio is that of the times that are shown. Its error comes from the passes' ratios: what slowed a whole pass
    down cancels.
    """
    from scipy import stats

    centre = first.value_s / second.value_s
    if len(first.pass_values_s) < MIN_PASSES_FOR_INTERVAL:
        return Ratio(centre, None, None, None)
    logs = np.log(first.pass_values_s) - np.log(second.pass_values_s)
    reach, (error, freedom) = interval_reach(logs, alpha), rerun_error(logs)
    assert reach is not None
    p_value = float(2 * stats.t.sf(abs(np.log(centre)) / error, freedom))
    return Ratio(centre, float(centre * np.exp(-reach)), float(centre * np.exp(reach)), p_value)


def verdict(found: Ratio) -> Verdict:
    """Judge a ratio.

    Decided: the interval excludes 1, and the ratio is 3 % or more from it. A tie: else, if the interval is within 10 %
    of 1. Undecided: the rest, whose interval is too wide for either.
    """
    if found.low is None or found.high is None:
        return Verdict.UNDECIDED
    if found.high < 1 and found.centre <= 1 - MARGIN:
        return Verdict.FASTER
    if found.low > 1 and found.centre >= 1 + MARGIN:
        return Verdict.SLOWER
    if found.low >= 1 / (1 + TIE_MARGIN) and found.high <= 1 + TIE_MARGIN:
        return Verdict.TIE
    return Verdict.UNDECIDED


def ranks(cells: Sequence[Series], alpha: float = 0.05) -> list[int] | None:
    """Return each cell's rank: 1 + how many cells are ranked before it.

    In the order of their times a cell shares the rank of the first cell of a rank if it is not slower than that by
    verdict, and takes less than 1.5 times as long. None with fewer than three passes.
    """
    if any(len(cell.pass_values_s) < MIN_PASSES_FOR_INTERVAL for cell in cells):
        return None
    order = sorted(range(len(cells)), key=lambda number: cells[number].value_s)
    found, leader = [1] * len(cells), order[0]
    for place, number in enumerate(order):
        if number != leader and not joint(ratio(cells[number], cells[leader], alpha)):
            leader = number
            found[leader] = place + 1
        found[number] = found[leader]
    return found


def joint(found: Ratio) -> bool:
    """Tell whether two cells, of which the first takes no less time, share a rank."""
    return verdict(found) is not Verdict.SLOWER and found.centre < NEVER_JOINT


def versus_fastest(rank: int, factor: float, judged: Verdict) -> VersusFastest:
    """Return the word for a cell that is not the fastest itself.

    Args:
        rank: the cell's rank, from 1; see `ranks`.
        factor: its time over the fastest one's, at least 1.
        judged: the verdict on that ratio.

    Slower: by verdict, or it takes 1.5 times as long. A tie: by verdict, at rank 1 only, since a cell of a later rank
    comes after one that is slower. Undecided: the rest.
    """
    if judged is Verdict.SLOWER or factor >= NEVER_JOINT:
        return VersusFastest.SLOWER
    return VersusFastest.TIE if judged is Verdict.TIE and rank == 1 else VersusFastest.UNDECIDED


def resolution(cells: Sequence[Series], alpha: float = 0.05) -> float | None:
    """Return the smallest difference that a run tells between most cells and the fastest, as a share; at least 3 %.

    The half-width of three quarters of the intervals is smaller. None for one cell, or fewer than three passes.
    """
    best = min(cells, key=lambda cell: cell.value_s)
    widths = [ratio(cell, best, alpha).half_width for cell in cells if cell is not best]
    known = [width for width in widths if width is not None]
    return max(MARGIN, float(np.quantile(known, 0.75))) if known else None


def sole_winner(cells: Sequence[Series], alpha: float = 0.05) -> int | None:
    """Return the one cell that is faster than every other, all comparisons taken together; None if there is none.

    It must beat each by verdict, and by Holm's step-down correction of the p-values (Holm 1979), since one of many
    comparisons errs more often than one alone.
    """
    if len(cells) < 2:
        return None
    best = min(range(len(cells)), key=lambda number: cells[number].value_s)
    against = [ratio(cells[best], cell, alpha) for number, cell in enumerate(cells) if number != best]
    if any(verdict(one) is not Verdict.FASTER for one in against):
        return None
    p_values = [one.p_value for one in against if one.p_value is not None]
    return best if all(p <= alpha for p in holm(p_values)) else None


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda number: p_values[number])
    adjusted, largest = [0.0] * len(p_values), 0.0
    for step, number in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[number]))
        adjusted[number] = largest
    return adjusted
