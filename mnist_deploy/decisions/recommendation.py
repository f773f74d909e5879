"""Which artifact, in which runtime, with how many threads. A pure function of results and wishes."""

import math
from collections.abc import Sequence

from mnist_deploy.benchmark.comparison import MARGIN, Verdict, ratio, verdict
from mnist_deploy.decisions.records import Candidate, Miss, NearMiss, Prefer, Recommendation, Wishes
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.parity import ParityRow
from mnist_deploy.results import Measurement, Results
from mnist_deploy.runtimes import RUNTIMES

RUNNERS_UP = 4
NEAREST = 3


def recommend(results: Results, wishes: Wishes, names: Sequence[str] | None = None) -> Recommendation:
    """Choose among what was measured.

    A limit is kept if the measured figure keeps it: the p50, not an end of its interval. Where the interval crosses the
    limit the recommendation cautions. What is unknown keeps no limit that is set on it.

    Args:
        results: with measurements, and with the rows of parity that belong to them; see `pipeline.gathering`.
        wishes: limits and preference.
        names: the networks to choose among; None means all.

    Raises:
        ArtifactError: nothing was measured.
        UsageError: nothing was measured of what the wishes and names select.
    """
    batch_size, candidates = _candidates(results, wishes, names)
    judged = [NearMiss(candidate=one, misses=_misses(one, wishes)) for one in candidates]
    fitting = [one.candidate for one in judged if not one.misses]
    undecided = results.noise.no_verdicts if results.noise else "no noise was recorded"
    order = sorted(fitting, key=lambda one: (_objective(one, wishes.prefer), one.latency_s))
    chosen = order[0] if order else None
    tied = [one for one in order[1:] if chosen and _tied(chosen, one, wishes.prefer, decided=undecided is None)]
    rest = [one for one in order[1:] if one not in tied]
    return Recommendation(
        wishes=wishes,
        batch_size=batch_size,
        chosen=chosen,
        tied=tied,
        runners_up=[one for one in rest if not _beaten(one, fitting)][:RUNNERS_UP],
        nearest=[] if fitting else sorted(judged, key=_distance)[:NEAREST],
        considered=len(candidates),
        fitting=len(fitting),
        undecided=undecided,
        cautions=_cautions(chosen, wishes, results) if chosen else [],
    )


def candidates(results: Results) -> list[Candidate]:
    """Return every measured cell with what is known of it; runtimes that run no model are left out."""
    parity = {_key(row): row for row in results.parity}
    installed = {row.runtime: row.installed_bytes for row in results.runtimes}
    return [
        _candidate(one, parity.get(_key(one)), installed.get(one.runtime))
        for one in results.measurements
        if one.runtime not in RUNTIMES or not RUNTIMES[one.runtime].diagnostic
    ]


def _candidates(results: Results, wishes: Wishes, names: Sequence[str] | None) -> tuple[int, list[Candidate]]:
    every = candidates(results)
    if not every:
        raise ArtifactError("these results hold no measurements; run: mnist-deploy bench")
    found = [one for one in every if names is None or one.measurement.architecture in names]
    if not found:
        raise UsageError(f"{', '.join(names or [])}: not measured; run: mnist-deploy bench {' '.join(names or [])}")
    found = [one for one in found if wishes.device in (None, one.measurement.device)]
    if not found:
        raise UsageError(f"--device {wishes.device}: not measured; run: mnist-deploy bench --device {wishes.device}")
    sizes = sorted({one.measurement.batch_size for one in found})
    wanted = wishes.batch_size
    if wanted is None:
        wanted = sizes[-1] if wishes.prefer is Prefer.THROUGHPUT else sizes[0]
    if wanted not in sizes:
        told = ", ".join(map(str, sizes))
        raise UsageError(
            f"--batch-size {wanted}: not measured, but {told}; run: mnist-deploy bench --batch-size {wanted}"
        )
    return wanted, [one for one in found if one.measurement.batch_size == wanted]


def _key(row: Measurement | ParityRow) -> tuple[str, ...]:
    # By its bytes: an artifact that was exported anew since has to be verified anew.
    return (row.architecture, row.format, row.precision, row.runtime, row.device, row.artifact_sha256)


def _candidate(one: Measurement, row: ParityRow | None, installed_bytes: int | None) -> Candidate:
    return Candidate(
        measurement=one,
        accuracy=row.accuracy if row else None,
        accuracy_low=row.accuracy_low if row else None,
        accuracy_high=row.accuracy_high if row else None,
        passed=row.passed if row else None,
        failures=row.failures if row else [],
        installed_bytes=installed_bytes,
    )


def _misses(one: Candidate, wishes: Wishes) -> list[Miss]:
    limits = [
        ("--max-latency", one.latency_s, wishes.max_latency_s, False),
        ("--max-size", one.measurement.size_bytes, wishes.max_size_bytes, False),
        ("--max-memory", one.measurement.memory_bytes, wishes.max_memory_bytes, False),
        ("--max-install-size", one.installed_bytes, wishes.max_install_bytes, False),
        ("--min-accuracy", one.accuracy, wishes.min_accuracy, True),
        ("--min-throughput", one.throughput_images_per_s, wishes.min_throughput_images_per_s, True),
    ]
    found = [
        Miss(limit=name, value=value, allowed=allowed, excess=_excess(value, allowed, least=least))
        for name, value, allowed, least in limits
        if allowed is not None
    ]
    if one.passed is False and not wishes.ignore_gates:
        # How far a gate is missed has no common measure; the least that counts puts it behind no other miss.
        found.append(Miss(limit="parity", value=None, allowed=None, excess=math.nextafter(1, 2)))
    return [miss for miss in found if miss.excess > 1]


def _excess(value: float | None, allowed: float, *, least: bool) -> float:
    """Return by which factor a value misses its limit; at most 1 if it keeps it."""
    if value is None:
        return math.inf
    above, below = (allowed, value) if least else (value, allowed)
    if above <= below:
        return 1.0
    return above / below if below else math.inf


def _distance(one: NearMiss) -> tuple[bool, int, float, float]:
    """Order by what is least to give up: known figures first, then few misses, then small ones, then speed."""
    unknown = any(math.isinf(miss.excess) for miss in one.misses)
    return unknown, len(one.misses), max(miss.excess for miss in one.misses), one.candidate.latency_s


def _objective(one: Candidate, prefer: Prefer) -> float:
    """Return what is to be small. What was not verified is as accurate as nothing."""
    match prefer:
        case Prefer.SIZE:
            return one.measurement.size_bytes
        case Prefer.ACCURACY:
            return -(one.accuracy or 0.0)
        case Prefer.LATENCY | Prefer.THROUGHPUT:
            return 0.0  # of one batch size the fastest has the highest throughput: the latency decides


def _tied(chosen: Candidate, other: Candidate, prefer: Prefer, *, decided: bool) -> bool:
    """Tell whether nothing parts two candidates: the objective where it is exact, and then the latency by verdict."""
    if _objective(chosen, prefer) != _objective(other, prefer):
        return False
    if decided:
        return verdict(ratio(other.series, chosen.series)) is not Verdict.SLOWER
    if other.latency_s <= chosen.latency_s * (1 + MARGIN):
        return True
    high, low = chosen.measurement.latency_p50_high_s, other.measurement.latency_p50_low_s
    return high is not None and low is not None and low <= high


def _beaten(one: Candidate, fitting: Sequence[Candidate]) -> bool:
    """Tell whether another is better or equal in every respect, and better in one (Pareto dominance)."""
    mine = _respects(one)
    return any(
        all(theirs <= own for theirs, own in zip(_respects(other), mine, strict=True)) and _respects(other) != mine
        for other in fitting
    )


def _respects(one: Candidate) -> tuple[float, ...]:
    installed = math.inf if one.installed_bytes is None else one.installed_bytes
    row = one.measurement
    return one.latency_s, -(one.accuracy or 0.0), row.size_bytes, row.memory_bytes, installed


def _cautions(chosen: Candidate, wishes: Wishes, results: Results) -> list[str]:
    row, found = chosen.measurement, []
    if results.quick:
        found.append("The measurement was a quick one: run mnist-deploy bench for figures to rely on.")
    if results.noise and results.noise.noisy:
        found.append("The machine was noisy while it was measured.")
    if chosen.passed is None:
        found.append("It was not verified in this runtime: run mnist-deploy verify.")
    elif not chosen.passed:
        found.append(f"It failed its parity gate: {'; '.join(chosen.failures)}.")
    slowest, worst = row.latency_p50_high_s, chosen.accuracy_low
    lowest = row.batch_size / slowest if slowest else None
    if _crosses(slowest, wishes.max_latency_s):
        found.append("The interval of its p50 reaches beyond --max-latency.")
    if _crosses(wishes.min_throughput_images_per_s, lowest):
        found.append("The interval of its p50 reaches below --min-throughput.")
    if _crosses(wishes.min_accuracy, worst):
        found.append("The 95 % interval of its accuracy reaches below --min-accuracy.")
    return found


def _crosses(above: float | None, below: float | None) -> bool:
    """Tell whether `above` is more than `below`; what is unknown is not."""
    return above is not None and below is not None and above > below
