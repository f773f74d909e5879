"""What changed from one run to another, cell by cell, and whether anything became slower. Pure functions of results."""

import math
from collections.abc import Sequence
from statistics import median

from mnist_deploy.benchmark import comparison
from mnist_deploy.benchmark.comparison import MARGIN, Ratio, Series, holm
from mnist_deploy.benchmark.noise import PROBE_TOLERANCE
from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL, counted
from mnist_deploy.decisions import between_runs, side_effects
from mnist_deploy.decisions.change_records import CellChange, CellName, Changes, Outcome, Source
from mnist_deploy.decisions.identity import differences
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.results import Measurement, Results

Pair = tuple[CellName, Measurement, Measurement]
MAX_REGRESSION = 0.05
ALPHA = 0.05


def compare(
    base: Results,
    head: Results,
    names: tuple[str, str] = ("BASE", "HEAD"),
    *,
    max_regression: float = MAX_REGRESSION,
    force: bool = False,
) -> Changes:
    """Match the cells of two results and judge each change, HEAD over BASE.

    Results of one run (two folders measured in turn, or one file given twice) are compared pass by pass; those of two
    runs as `between_runs` says. A regression is a change that the noise does not explain, all cells taken together
    (Holm's correction, 5 %), and that is larger than allowed.

    Args:
        base: the results that were there before.
        head: those with the change.
        names: what to call them.
        max_regression: how much longer a p50 may take, as a share.
        force: whether to compare what should not be compared.

    Raises:
        UsageError: they are of different machines, data or models.
        ArtifactError: one holds no measurements, or was changed by hand.
    """
    for name, results in zip(names, (base, head), strict=True):
        _require_measurements(name, results)
    differs = differences(base, head)
    if differs and not force:
        raise refusal(names, differs)
    before, after = _by_name(base), _by_name(head)
    pairs = [(name, one, after[name]) for name, one in before.items() if name in after]
    if not pairs:
        raise UsageError(
            f"{names[0]} and {names[1]}: they have no cell in common; measure the same with: mnist-deploy bench"
        )
    paired = base.created_at == head.created_at
    probe = _probe(base, head)
    undecided = _undecided(names, (base, head), probe)
    ratios, whole, taken = _paired(pairs) if paired else _unpaired(pairs)
    alpha = min(one.plan.alpha if one.plan else ALPHA for one in (base, head)) if paired else ALPHA
    p_values = iter(holm([one.p_value for one in ratios if one.p_value is not None]))
    adjusted = [None if one.p_value is None else next(p_values) for one in ratios]
    cells = [
        _change(pair, found, p, undecided, taken, max_regression, alpha, paired=paired)
        for pair, found, p in zip(pairs, ratios, adjusted, strict=True)
    ]
    return Changes(
        base=_source(names[0], base),
        head=_source(names[1], head),
        paired=paired,
        max_regression=max_regression,
        differs=differs,
        undecided=undecided,
        whole_ratio=None if whole is None else math.exp(whole),
        whole_taken=math.exp(taken),
        probe_ratio=probe,
        cells=cells,
        only_base=[name for name in before if name not in after],
        only_head=[name for name in after if name not in before],
        sizes=side_effects.sizes(base, head),
        accuracies=side_effects.accuracies(base, head),
        versions=side_effects.versions(base, head),
        cautions=_cautions(names, (base, head)),
    )


def refusal(names: tuple[str, str], differs: Sequence[str]) -> UsageError:
    """Return the error for what should not be compared: each field that differs, and what to do."""
    remedy = "measure both on the same machine, with the same data and models, or give --force"
    return UsageError(f"{names[1]} cannot be compared with {names[0]}: {'; '.join(differs)}; {remedy}")


def _require_measurements(name: str, results: Results) -> None:
    if not results.measurements:
        raise ArtifactError(f"{name}: holds no measurements, only those of {results.command}; run: mnist-deploy bench")
    for one in results.measurements:
        middle = median(one.pass_p50_s[number] for number in counted(one.pass_trusted))
        if not math.isclose(middle, one.latency_p50_s, rel_tol=1e-6):
            cell = CellName.of(one).label
            raise ArtifactError(
                f"{name}: latency_p50_s of {cell} is not the median of its passes: the file was changed by hand; "
                "measure again: mnist-deploy bench"
            )


def _by_name(results: Results) -> dict[CellName, Measurement]:
    return {CellName.of(one): one for one in results.measurements}


def _of_one_run(base: Results, head: Results, pairs: Sequence[Pair]) -> bool:
    return base.created_at == head.created_at and all(before.passes == after.passes for _, before, after in pairs)


def _paired(pairs: Sequence[Pair]) -> tuple[list[Ratio], None, float]:
    """Compare pass by pass: what slowed one of a pair down slowed the other, so there is nothing to take off."""
    return [comparison.ratio(_series(head), _series(base)) for _, base, head in pairs], None, 0.0


def _unpaired(
    pairs: Sequence[Pair],
) -> tuple[list[Ratio], float | None, float]:
    """Compare two runs; return the ratios, what moved the whole run, and how much of that is the machine's."""
    found = [
        between_runs.apart(
            _series(base), _series(head), head.latency_p50_s / base.latency_p50_s, between_runs.spread(name.runtime)
        )
        for name, base, head in pairs
    ]
    whole = between_runs.shift(
        [one for (_, *both), one in zip(pairs, found, strict=True) if one and not _disturbed(*both)]
    )
    taken = between_runs.machines_part(whole)
    ratios = []
    for (_, base, head), one in zip(pairs, found, strict=True):
        if one is None:
            ratios.append(Ratio(head.latency_p50_s / base.latency_p50_s, None, None, None))
        else:
            with_interval = one.ratio()
            ratios.append(Ratio(with_interval.centre, with_interval.low, with_interval.high, one.p_value(taken)))
    return ratios, whole, taken


def _change(
    pair: Pair,
    found: Ratio,
    p_value: float | None,
    undecided: str | None,
    taken: float,
    limit: float,
    alpha: float,
    *,
    paired: bool,
) -> CellChange:
    name, base, head = pair
    return CellChange(
        cell=name,
        base_s=base.latency_p50_s,
        head_s=head.latency_p50_s,
        ratio=found.centre,
        low=found.low,
        high=found.high,
        p_value=p_value,
        outcome=Outcome.OPEN if undecided else _outcome(found, p_value, taken, limit, alpha),
        reason=undecided or _too_few(base, head, paired=paired),
        base_memory_bytes=base.memory_bytes,
        head_memory_bytes=head.memory_bytes,
    )


def _outcome(found: Ratio, p_value: float | None, taken: float, limit: float, alpha: float) -> Outcome:
    """Judge a change by what it is beyond the machine's part of a shift of the whole run."""
    if p_value is None or found.high is None:
        return Outcome.OPEN
    centre = math.exp(between_runs.beyond(math.log(found.centre), taken))
    if p_value <= alpha and centre > 1 + limit:
        return Outcome.REGRESSION
    if p_value <= alpha and centre >= 1 + MARGIN:
        return Outcome.SLOWER
    if p_value <= alpha and centre <= 1 - MARGIN:
        return Outcome.FASTER
    high = between_runs.beyond(math.log(found.high), taken)
    return Outcome.HOLDS if high <= math.log(1 + limit) else Outcome.OPEN


def _too_few(base: Measurement, head: Measurement, *, paired: bool) -> str | None:
    if min(base.passes, head.passes) < MIN_PASSES_FOR_INTERVAL:
        return f"{base.passes} and {head.passes} passes, and it takes {MIN_PASSES_FOR_INTERVAL} in each"
    if paired or not _disturbed(base, head):
        return None
    clean = " and ".join(str(sum(one.pass_trusted)) for one in (base, head))
    return f"disturbed: {clean} clean passes, and it takes {MIN_PASSES_FOR_INTERVAL} in each for a narrow interval"


def _disturbed(*both: Measurement) -> bool:
    return any(between_runs.disturbed(_series(one)) for one in both)


def _undecided(names: tuple[str, str], both: tuple[Results, Results], probe: float | None) -> str | None:
    """Return why nothing can be decided at all; None if something can."""
    for name, one in zip(names, both, strict=True):
        why = one.noise.no_verdicts if one.noise else "no noise was recorded"
        if why:
            return f"{name} allows no verdicts: {why}"
    if probe is not None and not 1 / PROBE_TOLERANCE <= probe <= PROBE_TOLERANCE:
        return (
            f"the machine itself ran at another speed: its probe, which runs none of what is compared, took "
            f"{probe - 1:+.0%} in {names[1]}"
        )
    return None


def _probe(base: Results, head: Results) -> float | None:
    """Return how much longer the machine's own probe took in quiet moments, HEAD over BASE; None if unknown."""
    if base.noise is None or head.noise is None or not base.noise.quiet_probe_s:
        return None
    return head.noise.quiet_probe_s / base.noise.quiet_probe_s


def _cautions(names: tuple[str, str], both: tuple[Results, Results]) -> list[str]:
    found = []
    for name, one in zip(names, both, strict=True):
        if not one.complete:
            found.append(f"{name} was interrupted and is not complete.")
        if one.quick:
            found.append(f"{name} is a quick measurement: run mnist-deploy bench for figures to rely on.")
        if one.noise is not None and one.noise.noisy:
            found.append(f"The machine was noisy while {name} was measured.")
    base, head = both
    if base.plan and head.plan and base.plan.effort != head.plan.effort:
        found.append("They were measured with slices of different length (see plan.effort in both).")
    return found


def _source(name: str, results: Results) -> Source:
    return Source(name=name, created_at=results.created_at, mnist_deploy=results.environment.mnist_deploy)


def _series(one: Measurement) -> Series:
    return Series(one.pass_p50_s, one.pass_trusted)
