"""One cell in two results: how far apart it is, and what that comes to. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mnist_deploy.benchmark import comparison
from mnist_deploy.benchmark.comparison import MARGIN, Ratio
from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL
from mnist_deploy.decisions import between_runs
from mnist_deploy.decisions.change_records import CellChange, CellName, Outcome
from mnist_deploy.results import Measurement

Pair = tuple[CellName, Measurement, Measurement]


@dataclass(frozen=True)
class Rules:
    """What every cell of a comparison is judged by.

    Attributes:
        undecided: why nothing can be decided; None if something can.
        taken: the logarithm of what is taken for the machine's part of a change.
        limit: how much longer a call may take, as a share.
        alpha: the largest corrected p of what is not noise.
        paired: whether pass is compared with pass.
    """

    undecided: str | None
    taken: float
    limit: float
    alpha: float
    paired: bool


def paired(pairs: Sequence[Pair]) -> tuple[list[Ratio], None, float]:
    """Compare pass by pass: what slowed one of a pair down slowed the other, so there is nothing to take off."""
    return [comparison.ratio(head.series, base.series) for _, base, head in pairs], None, 0.0


def unpaired(
    pairs: Sequence[Pair],
) -> tuple[list[Ratio], float | None, float]:
    """Compare two runs; return the ratios, what moved the whole run, and how much of that is the machine's."""
    spreads = [between_runs.spread(base, head) for _, base, head in pairs]
    both = list(zip(pairs, spreads, strict=True))
    core = [between_runs.apart(base.series, head.series, spread.core) for (_, base, head), spread in both]
    tail = [between_runs.apart(base.series, head.series, spread.tail) for (_, base, head), spread in both]
    whole = between_runs.shift(
        [
            one
            for (_, base, head), one in zip(pairs, core, strict=True)
            if one is not None and not base.contended and not head.contended
        ]
    )
    taken = between_runs.machines_part(whole)
    ratios = []
    for (_, base, head), likely, worst in zip(pairs, core, tail, strict=True):
        if likely is None or worst is None:
            ratios.append(Ratio(head.latency_quiet_s / base.latency_quiet_s, None, None, None))
        else:
            ratios.append(replace(likely.ratio(), p_value=worst.p_value(taken)))
    return ratios, whole, taken


def change(pair: Pair, found: Ratio, p_value: float | None, rules: Rules) -> CellChange:
    """Return what a cell's ratio comes to; `p_value` is corrected for all cells already."""
    name, base, head = pair
    return CellChange(
        cell=name,
        base_s=base.latency_quiet_s,
        head_s=head.latency_quiet_s,
        ratio=found.centre,
        low=found.low,
        high=found.high,
        p_value=p_value,
        outcome=Outcome.UNDECIDED if rules.undecided else _outcome(found, p_value, rules),
        reason=rules.undecided or _widened(base, head, paired=rules.paired),
        base_memory_bytes=base.memory_bytes,
        head_memory_bytes=head.memory_bytes,
    )


def _outcome(found: Ratio, p_value: float | None, rules: Rules) -> Outcome:
    """Judge a change by what it is beyond the machine's part of a shift of the whole run."""
    if p_value is None or found.high is None:
        return Outcome.UNDECIDED
    centre = math.exp(between_runs.beyond(math.log(found.centre), rules.taken))
    if p_value <= rules.alpha and centre > 1 + rules.limit:
        return Outcome.REGRESSION
    if p_value <= rules.alpha and centre >= 1 + MARGIN:
        return Outcome.SLOWER
    if p_value <= rules.alpha and centre <= 1 - MARGIN:
        return Outcome.FASTER
    high = between_runs.beyond(math.log(found.high), rules.taken)
    return Outcome.NO_REGRESSION if high <= math.log(1 + rules.limit) else Outcome.UNDECIDED


def _widened(base: Measurement, head: Measurement, *, paired: bool) -> str | None:
    if min(base.passes, head.passes) < MIN_PASSES_FOR_INTERVAL:
        return f"fewer than {MIN_PASSES_FOR_INTERVAL} passes in BASE or in HEAD, and verdicts need so many in each"
    if paired or not (base.contended or head.contended):
        return None
    return "other programs used the processors meanwhile, in BASE or in HEAD: measure with little else running"
