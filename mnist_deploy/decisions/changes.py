"""What changed from one run to another, cell by cell, and whether anything became slower. Pure functions of results."""

import math
from collections.abc import Iterable, Iterator, Sequence

from mnist_deploy.benchmark.comparison import holm
from mnist_deploy.benchmark.noise import PROBE_TOLERANCE
from mnist_deploy.decisions import judging, side_effects
from mnist_deploy.decisions.change_records import CellName, Changes, Source
from mnist_deploy.decisions.identity import differences
from mnist_deploy.decisions.judging import Pair, Rules
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.kinds import CELL
from mnist_deploy.results import TRIED, Measurement, Results

MAX_REGRESSION = 0.05
ALPHA = 0.05
SAME = "both sides are the same measurement"
SAME_REMEDY = "give the results of two measurements, or --force"


def compare(
    base: Results,
    head: Results,
    names: tuple[str, str] = ("BASE", "HEAD"),
    *,
    max_regression: float = MAX_REGRESSION,
    force: bool = False,
) -> Changes:
    """Match the cells of two results and judge each change, HEAD over BASE.

    Results of one run (two folders measured in turn) are compared pass by pass; those of two runs as `between_runs`
    says. A regression is a change that the noise does not explain, all cells taken together
    (Holm's correction, 5 %), and that is larger than allowed.

    Args:
        base: the results that were there before.
        head: those with the change.
        names: what to call them.
        max_regression: how much longer a call may take, as a share.
        force: whether to compare what should not be compared.

    Raises:
        UsageError: they are of different machines, data or models, or one measurement given twice.
        ArtifactError: one holds no measurements.
    """
    for name, results in zip(names, (base, head), strict=True):
        _require_measurements(name, results)
    before, after = _by_name(base), _by_name(head)
    pairs = [(name, one, after[name]) for name, one in before.items() if name in after]
    differs = list(dict.fromkeys([*differences(base, head), *_models(pairs)]))
    if differs and not force:
        raise refusal(names, differs)
    same = _same_measurement(base, head, pairs)
    if same and not force:
        raise UsageError(f"{names[0]} and {names[1]}: {SAME}, so no regression could be seen; {SAME_REMEDY}")
    if not pairs:
        raise UsageError(f"{names[0]} and {names[1]}: no cell in common; measure the same in both: mnist-deploy bench")
    paired = _of_one_run(base, head, pairs)
    probe = _probe(base, head)
    undecided = SAME if same else _undecided(names, (base, head), probe)
    ratios, whole, taken = judging.paired(pairs) if paired else judging.unpaired(pairs)
    # Two looks at one run share the probability of error; see `benchmark.schedule.Plan`.
    alpha = min(one.plan.alpha if one.plan else ALPHA for one in (base, head)) if paired else ALPHA
    rules = Rules(undecided, taken, max_regression, alpha, paired)
    p_values = iter(holm([one.p_value for one in ratios if one.p_value is not None]))
    cells = [
        judging.change(pair, found, None if found.p_value is None else next(p_values), rules)
        for pair, found in zip(pairs, ratios, strict=True)
    ]
    return Changes(
        base=_source(names[0], base),
        head=_source(names[1], head),
        paired=paired,
        max_regression=max_regression,
        alpha=alpha,
        differs=differs,
        undecided=undecided,
        whole_ratio=None if whole is None else math.exp(whole),
        whole_taken=math.exp(taken),
        probe_ratio=probe,
        cells=cells,
        only_base=[name for name in before if name not in after],
        only_head=[name for name in after if name not in before],
        broken=[name for name in before if name not in after and _failed(name, head)],
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


def _by_name(results: Results) -> dict[CellName, Measurement]:
    return {CellName.of(one): one for one in results.measurements}


def _models(pairs: Iterable[Pair]) -> Iterator[str]:
    """Yield the networks whose matched cells are of different models, as `identity.differences` tells them."""
    for name, base, head in pairs:
        if base.model_sha256 != head.model_sha256:
            yield f"model_sha256 of {name.architecture}: {base.model_sha256[:12]} against {head.model_sha256[:12]}"


def _of_one_run(base: Results, head: Results, pairs: Sequence[Pair]) -> bool:
    return base.created_at == head.created_at and all(before.passes == after.passes for _, before, after in pairs)


def _same_measurement(base: Results, head: Results, pairs: Sequence[Pair]) -> bool:
    """Tell whether one measurement is on both sides: a file given twice, or a copy of it."""
    return base.created_at == head.created_at and all(before == after for _, before, after in pairs)


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
    """Return how much longer the machine's own probe took in quiet moments, HEAD over BASE; None if unknown.

    With the fewest threads that both have: more meet more of what else the machine does.
    """
    before, after = (one.noise.quiet_probe_s if one.noise else {} for one in (base, head))
    threads = min(before.keys() & after.keys(), default=None)
    return None if threads is None else after[threads] / before[threads]


def _failed(name: CellName, results: Results) -> bool:
    return any(
        skip.kind in TRIED and all(getattr(skip, field) in (None, getattr(name, field)) for field in CELL)
        for skip in results.skips
    )


def _cautions(names: tuple[str, str], both: tuple[Results, Results]) -> list[str]:
    found = []
    for name, one in zip(names, both, strict=True):
        if not one.complete:
            found.append(f"{name} was interrupted and is not complete.")
    quick = [name for name, one in zip(names, both, strict=True) if one.quick]
    if quick:
        found.append(f"Quick measurements: {' and '.join(quick)}; run mnist-deploy bench for figures to rely on.")
    noisy = [name for name, one in zip(names, both, strict=True) if one.noise is not None and one.noise.noisy]
    if noisy:
        verb = "were" if len(noisy) > 1 else "was"
        found.append(f"The machine was noisy while {' and '.join(noisy)} {verb} measured.")
    base, head = both
    if base.plan and head.plan and base.plan.effort != head.plan.effort:
        found.append("They were measured with bursts of different length (see plan.effort in both).")
    return found


def _source(name: str, results: Results) -> Source:
    return Source(name=name, created_at=results.created_at, mnist_deploy=results.environment.mnist_deploy)
