"""Which of two cells is faster, which share a rank, and whether there is one winner. Pure functions of passes' p50s."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL, centre_and_interval, decisive

# A difference below this is not worth a name: nobody chooses by it, and no protocol on a shared machine holds it.
MARGIN = 0.03


class Verdict(StrEnum):
    """What a ratio of two p50s, first over second, says of the first."""

    FASTER = "faster"
    SLOWER = "slower"
    TIE = "tie"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Series:
    """One cell's p50 in each pass, in seconds, and whether the pass had a clean slice."""

    pass_p50_s: Sequence[float]
    trusted: Sequence[bool]


@dataclass(frozen=True)
class Ratio:
    """The p50 of one cell over that of another, by passes: their median with its interval, None for fewer than three.

    `p_value` is that of the paired t test of 'no difference' on the logarithms; None likewise.
    """

    centre: float
    low: float | None
    high: float | None
    p_value: float | None


def ratio(first: Series, second: Series, alpha: float = 0.05) -> Ratio:
    """Compare two cells pass by pass: what slowed a whole pass down slowed both.

    Passes in which both have clean slices count; see `statistics.centre_and_interval`.
    """
    from scipy import stats

    both = [one and other for one, other in zip(first.trusted, second.trusted, strict=True)]
    ratios = [one / other for one, other in zip(first.pass_p50_s, second.pass_p50_s, strict=True)]
    centre, interval = centre_and_interval(ratios, both, 1 - alpha)
    if interval is None:
        return Ratio(centre, None, None, None)
    logs = np.log([ratios[number] for number in decisive(both)])
    error = float(logs.std(ddof=1)) / len(logs) ** 0.5
    if error == 0:
        p_value = 1.0 if logs.mean() == 0 else 0.0
    else:
        p_value = float(2 * stats.t.sf(abs(float(logs.mean()) / error), len(logs) - 1))
    return Ratio(centre, *interval, p_value)


def verdict(found: Ratio) -> Verdict:
    """Judge a ratio.

    Decided: the interval excludes 1, and the ratio is 3 % or more from it. A tie: the interval is within 3 % of 1.
    """
    if found.low is None or found.high is None:
        return Verdict.UNDECIDED
    if found.low >= 1 - MARGIN and found.high <= 1 + MARGIN:
        return Verdict.TIE
    if found.high < 1 and found.centre <= 1 - MARGIN:
        return Verdict.FASTER
    if found.low > 1 and found.centre >= 1 + MARGIN:
        return Verdict.SLOWER
    return Verdict.UNDECIDED


def ranks(cells: Sequence[Series], alpha: float = 0.05) -> list[int] | None:
    """Return each cell's rank: one more than the number of cells that are faster than it by verdict.

    Cells that no verdict parts may share a rank. None with fewer than three passes.
    """
    if any(len(cell.pass_p50_s) < MIN_PASSES_FOR_INTERVAL for cell in cells):
        return None

    def beats(one: Series, other: Series) -> bool:
        return one is not other and verdict(ratio(one, other, alpha)) is Verdict.FASTER

    return [1 + sum(beats(other, cell) for other in cells) for cell in cells]


def sole_winner(cells: Sequence[Series], alpha: float = 0.05) -> int | None:
    """Return the one cell that is faster than every other, all comparisons taken together; None if there is none.

    It must beat each by verdict, and by Holm's step-down correction of the p-values (Holm 1979), since one of many
    comparisons errs more often than one alone.
    """
    if len(cells) < 2:
        return None
    best = min(range(len(cells)), key=lambda number: float(np.median(cells[number].pass_p50_s)))
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
