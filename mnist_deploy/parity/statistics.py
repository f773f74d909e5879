"""Statistics of paired answers. Pure functions; the intervals and tests are scipy's where it has them."""

import math
from functools import cache

import numpy as np

from mnist_deploy.dataset import FloatArray

# The one-sided error of a gate: the usual 5 % of a test for non-inferiority.
ALPHA = 0.05
# What keras.losses.KLDivergence clips scores to, so that a score of 0 stays comparable.
EPSILON = 1e-7


def wilson(right: int, images: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share (Wilson 1927; Brown, Cai and DasGupta 2001 advise it)."""
    from scipy import stats  # here and below: --help does without

    found = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def mcnemar(lost: int, gained: int) -> float:
    """Return the exact two-sided p of McNemar's test: the chance of so uneven a split of the images that changed."""
    from scipy import stats

    return float(stats.binomtest(lost, lost + gained, 0.5).pvalue) if lost + gained else 1.0


def paired_change(lost: int, gained: int, images: int) -> tuple[float, float]:
    """Return the interval of the change in accuracy whose ends are one-sided 95 % bounds.

    Wald's interval for paired proportions with the Laplace adjustment of Bonett and Price (2012), one of those that
    Fagerland, Lydersen and Laake (2014) recommend. With nothing changed it still is 2.3 / images wide to either side:
    few images cannot show that little is lost.
    """
    worse, better = (lost + 1) / (images + 2), (gained + 1) / (images + 2)
    change = better - worse
    reach = _one_sided_z() * math.sqrt(max(0.0, (worse + better - change**2) / (images + 2)))
    return max(-1.0, change - reach), min(1.0, change + reach)


@cache
def _one_sided_z() -> float:
    from scipy import stats

    return float(stats.norm.ppf(1 - ALPHA))


def mean_kl(reference: FloatArray, scores: FloatArray) -> float:
    """Return the mean over images of KL(reference || scores) in nats, both float32 (N, 10), clipped to at least 1e-7.

    Rows are made to add up to 1 again, since int8 scores do not quite.
    """
    before, after = (np.clip(each.astype(np.float64), EPSILON, 1.0) for each in (reference, scores))
    before /= before.sum(axis=1, keepdims=True)
    after /= after.sum(axis=1, keepdims=True)
    return float(np.mean(np.sum(before * np.log(before / after), axis=1)))
