"""Which artifact, in which runtime, with how many threads. A pure function of results and wishes."""

from collections.abc import Sequence

from mnist_deploy.decisions.limits import accurate_enough, best_accuracy, excluded, misses, nearest
from mnist_deploy.decisions.parting import Parting, order
from mnist_deploy.decisions.records import (
    ACCURACY_DROP,
    MAX_ACCURACY_DROP,
    PARITY,
    Candidate,
    NearMiss,
    Prefer,
    Recommendation,
    Wishes,
)
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.kinds import CELL, Variant, identity
from mnist_deploy.parity import ParityRow, ProcessorRow
from mnist_deploy.results import Measurement, Results
from mnist_deploy.runtimes import RUNTIMES

RUNNERS_UP = 5


def recommend(
    results: Results, wishes: Wishes, names: Sequence[str] | None = None, variants: Sequence[str] | None = None
) -> Recommendation:
    """Choose among what was measured.

    A limit is kept if the measured figure keeps it: the quiet p50, not an end of its interval. Where the interval
    crosses the limit the recommendation cautions. What is unknown keeps no limit that is set on it; so what was not
    verified is left out too, unless nothing was.

    Of all that keep the limits the first in what is preferred is chosen, by the figures. Between equals, and where
    latency is preferred, the lower quiet p50 decides. But where another equals it in what is preferred, but for noise,
    and beats it in all else that is not noise, that one is. Those that the measurements do not part from it are its
    ties; see `parting.Parting.ties`.

    Args:
        results: with measurements, and with the rows of parity that belong to them; see `pipeline.gathering`.
        wishes: limits and preference.
        names: the networks to choose among; None means all.
        variants: the variants of artifacts to choose among; None means all.

    Raises:
        ArtifactError: nothing was measured.
        UsageError: nothing was measured of what the wishes and names select.
    """
    every = _selected(candidates(results), wishes, names, variants)
    batch_sizes = _batch_sizes(every, wishes)
    judged = _judged(every, batch_sizes, wishes)
    parting, prefer = Parting.of(results), wishes.prefer
    within = [one.candidate for one in judged if not one.misses]
    fitting = sorted(accurate_enough(within, wishes), key=lambda one: order(one, prefer))
    chosen = _best(fitting, prefer, parting) if fitting else None
    rest = [one for one in fitting if one is not chosen and not (chosen and _passed_over(one, chosen, prefer, parting))]
    tied = parting.ties(chosen, rest, prefer) if chosen else []
    near = [] if chosen else nearest(judged, wishes)
    best = best_accuracy([one for one in every if wishes.ignore_gates or one.passed])
    return Recommendation(
        wishes=wishes,
        batch_size=(chosen or near[0].candidate).measurement.batch_size,
        batch_sizes=batch_sizes,
        chosen=chosen,
        tied=tied,
        runners_up=_runners_up([chosen, *tied], rest, prefer, parting) if chosen else [],
        best_accuracy=best,
        best_within_limits=best_accuracy(within),
        passed_over=fitting[0] if chosen and fitting[0] is not chosen else None,
        better_but_failed=_better_but_failed(chosen, judged, wishes) if chosen else None,
        nearest=near,
        elsewhere=[] if chosen else _elsewhere(every, batch_sizes, wishes),
        considered=len(judged),
        fitting=len(fitting),
        excluded=excluded(judged, wishes) | _inaccurate(len(within) - len(fitting), wishes),
        undecided=parting.undecided,
        cautions=_of_run(results, every, names) + (_of_chosen(chosen, wishes, best) if chosen else []),
    )


def _best(fitting: Sequence[Candidate], prefer: Prefer, parting: Parting) -> Candidate:
    """Return the first of all that equal the very first, but for noise, that none of them dominates."""
    equals = [one for one in fitting if one is fitting[0] or parting.as_good(one, fitting[0], prefer)]
    # What is noise is no order: three may dominate each other in a circle.
    best = (one for one in equals if not any(parting.dominates(other, one, prefer) for other in equals))
    return next(best, fitting[0])


def _passed_over(one: Candidate, chosen: Candidate, prefer: Prefer, parting: Parting) -> bool:
    return order(one, prefer) < order(chosen, prefer) and parting.dominates(chosen, one, prefer)


def _inaccurate(count: int, wishes: Wishes) -> dict[str, int]:
    return {} if wishes.max_accuracy_drop is None else {ACCURACY_DROP: count}


def candidates(results: Results) -> list[Candidate]:
    """Return every measured cell with what is known of it; runtimes that run no model are left out.

    What answers differently on another processor has failed, as what fails its parity gate.
    """
    parity = {_key(row): row for row in results.parity}
    elsewhere: dict[tuple[str, ...], list[str]] = {}
    for row in results.processors:
        elsewhere.setdefault(_key(row), []).extend(row.failures)
    installed = {row.runtime: row.installed_bytes for row in results.runtimes}
    return [
        _candidate(one, parity.get(_key(one)), elsewhere.get(_key(one), []), installed.get(one.runtime))
        for one in results.measurements
        if one.runtime not in RUNTIMES or not RUNTIMES[one.runtime].diagnostic
    ]


def _key(row: Measurement | ParityRow | ProcessorRow) -> tuple[str, ...]:
    # By its bytes: an artifact that was exported anew since has to be verified anew.
    return identity(row, "artifact_sha256", of=CELL)


def _candidate(one: Measurement, row: ParityRow | None, elsewhere: list[str], installed_bytes: int | None) -> Candidate:
    passed = row.passed if row else None
    return Candidate(
        measurement=one,
        accuracy=row.accuracy if row else None,
        accuracy_low=row.accuracy_low if row else None,
        accuracy_high=row.accuracy_high if row else None,
        passed=False if elsewhere else passed,
        failures=[*(row.failures if row else []), *elsewhere],
        installed_bytes=installed_bytes,
        warnings=row.warnings if row else [],
    )


def _selected(
    every: Sequence[Candidate], wishes: Wishes, names: Sequence[str] | None, variants: Sequence[str] | None
) -> list[Candidate]:
    if not every:
        raise ArtifactError("these results hold no measurements; run: mnist-deploy bench")
    found = [one for one in every if not names or one.measurement.architecture in names]
    if not found:
        raise UsageError(f"{', '.join(names or [])}: not measured; run: mnist-deploy bench {' '.join(names or [])}")
    found = [one for one in found if not variants or one.measurement.variant in variants]
    if not found:
        named = " ".join(f"--variant {name}" for name in variants or [])
        raise UsageError(f"{named}: not measured; run: mnist-deploy bench {named}")
    found = [one for one in found if wishes.device in (None, one.measurement.device)]
    if not found:
        raise UsageError(f"--device {wishes.device}: not measured; run: mnist-deploy bench --device {wishes.device}")
    return found


def _batch_sizes(every: Sequence[Candidate], wishes: Wishes) -> list[int]:
    """Return the batch sizes to choose among. A latency is of one batch size; a throughput compares across them."""
    sizes = sorted({one.measurement.batch_size for one in every})
    if wishes.batch_size is None:
        return sizes if wishes.prefer is Prefer.THROUGHPUT else sizes[:1]
    if wishes.batch_size not in sizes:
        told, wanted = ", ".join(map(str, sizes)), wishes.batch_size
        raise UsageError(
            f"--batch-size {wanted}: not measured, but {told}; run: mnist-deploy bench --batch-size {wanted}"
        )
    return [wishes.batch_size]


def _judged(every: Sequence[Candidate], batch_sizes: Sequence[int], wishes: Wishes) -> list[NearMiss]:
    considered = [one for one in every if one.measurement.batch_size in batch_sizes]
    verified = any(one.passed is not None for one in considered)
    return [NearMiss(candidate=one, misses=misses(one, wishes, verified=verified)) for one in considered]


def _elsewhere(every: Sequence[Candidate], batch_sizes: Sequence[int], wishes: Wishes) -> list[int]:
    """Return the batch sizes besides `batch_sizes` at which something keeps every limit."""
    others = sorted({one.measurement.batch_size for one in every} - set(batch_sizes))
    return [size for size in others if any(not one.misses for one in _judged(every, [size], wishes))]


def _runners_up(first: list[Candidate], others: list[Candidate], prefer: Prefer, parting: Parting) -> list[Candidate]:
    """Return the next best after the `first`, then what gives something that nothing before it gives, then runtimes."""
    rest = [one for one in others if one not in first]
    found = rest[:1]
    for one in rest[1:]:
        if len(found) < RUNNERS_UP and all(parting.gains(one, before, prefer) for before in [*first, *found]):
            found.append(one)
    shown = {_place(one) for one in [*first, *found]}
    for one in rest:
        if len(found) < RUNNERS_UP and _place(one) not in shown:
            found.append(one)
            shown.add(_place(one))
    return sorted(found, key=lambda one: order(one, prefer))


def _place(one: Candidate) -> tuple[str, str]:
    return one.measurement.runtime, one.measurement.device


def _better_but_failed(chosen: Candidate, judged: Sequence[NearMiss], wishes: Wishes) -> Candidate | None:
    prefer = wishes.prefer
    barred = [
        one.candidate
        for one in judged
        if one.candidate.passed is False and [miss.limit for miss in one.misses] == [PARITY]
    ]
    passed = [one.candidate for one in judged if not one.misses]
    barred = [one for one in barred if one in accurate_enough([*passed, one], wishes)]
    first = min([chosen, *barred], key=lambda one: order(one, prefer))
    return first if first in barred else None


def _of_run(results: Results, every: Sequence[Candidate], names: Sequence[str] | None) -> list[str]:
    """Return what to know of the whole run."""
    found = []
    if results.quick:
        found.append("The measurement was a quick one: run mnist-deploy bench for figures to rely on.")
    if not results.complete:
        found.append("The measurement was interrupted: what it had not come to is missing.")
    if results.noise and results.noise.noisy:
        found.append("The machine was noisy while it was measured.")
    measured = {one.measurement.architecture for one in every}
    missing = [name for name in names or [] if name not in measured]
    if inputs_differ([one.measurement for one in every]):
        found.append(
            "The calls of uint8 input hold the scaling of the pixels, those of float32 input do not: to choose between "
            "them measure with mnist-deploy bench --end-to-end."
        )
    if missing:
        found.append(f"Not measured: {', '.join(missing)}.")
    return found


def _of_chosen(chosen: Candidate, wishes: Wishes, best: float | None) -> list[str]:
    row, found = chosen.measurement, []
    if chosen.passed is None:
        found.append("It was not verified in this runtime: run mnist-deploy verify.")
    elif not chosen.passed:
        found.append(f"It failed its parity gate: {'; '.join(chosen.failures)}.")
    if chosen.warnings:
        found.append(f"Parity warning: {'; '.join(chosen.warnings)}.")
    if best is not None and chosen.accuracy is not None and best - chosen.accuracy > MAX_ACCURACY_DROP + 1e-9:
        points = (best - chosen.accuracy) * 100
        found.append(f"Its accuracy is {points:.2f} points below the best that was measured, {best:.4f}.")
    slowest, worst = row.latency_quiet_high_s, chosen.accuracy_low
    lowest = row.batch_size / slowest if slowest else None
    if _crosses(slowest, wishes.max_latency_s):
        found.append("The interval of its quiet p50 reaches beyond --max-latency.")
    if _crosses(wishes.min_throughput_images_per_s, lowest):
        found.append("The interval of its quiet p50 reaches below --min-throughput.")
    if _crosses(wishes.min_accuracy, worst):
        found.append("The 95 % interval of its accuracy reaches below --min-accuracy.")
    return found


def _crosses(above: float | None, below: float | None) -> bool:
    """Tell whether `above` is more than `below`; what is unknown is not."""
    return above is not None and below is not None and above > below


def inputs_differ(rows: Sequence[Measurement]) -> bool:
    """Tell whether calls of uint8 and of float32 input stand side by side, of which only the former scale pixels."""
    calls = {Variant(row.variant).uint8 for row in rows if row.timed == "call"}
    return len(calls) > 1
