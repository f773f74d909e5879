"""Which limits a candidate does not keep, and which candidates miss least. Pure functions of records."""

from collections.abc import Sequence

from mnist_deploy.decisions.parting import order
from mnist_deploy.decisions.records import PARITY, Candidate, Miss, NearMiss, Wishes

NEAREST = 3


def misses(one: Candidate, wishes: Wishes, *, verified: bool) -> list[Miss]:
    """Return the limits that a candidate does not keep; what is unknown keeps no limit that is set on it.

    Args:
        one: the candidate.
        wishes: the limits.
        verified: whether any rival was held to a parity gate, so that those which were not are left out.
    """
    found = [
        Miss(limit=name, value=value, allowed=allowed, excess=_excess(name, value, allowed))
        for name, value, allowed, least in _figures(one, wishes)
        if allowed is not None and (value is None or (value < allowed if least else value > allowed))
    ]
    if not wishes.ignore_gates and (one.passed is False or (one.passed is None and verified)):
        found.append(Miss(limit=PARITY, value=None, allowed=None, excess=None))
    return found


def accurate_enough(fitting: Sequence[Candidate], wishes: Wishes) -> list[Candidate]:
    """Return those of all that keep every other limit whose accuracy is close enough to the best of them.

    The best is that of `fitting`, and not of all that was measured: a limit that somebody sets on time or size decides
    first, and what is asked of accuracy by default never ends in an empty choice.
    """
    best = best_accuracy(fitting)
    if wishes.max_accuracy_drop is None or best is None:
        return list(fitting)
    # By a thousandth of an image more: shares of one number of images are compared, and 0.99 - 0.98 is not 0.01.
    least = best - wishes.max_accuracy_drop - 1e-9
    return [one for one in fitting if one.accuracy is not None and one.accuracy >= least]


def best_accuracy(some: Sequence[Candidate]) -> float | None:
    """Return the highest accuracy that is known; None if none is."""
    return max((one.accuracy for one in some if one.accuracy is not None), default=None)


def excluded(judged: Sequence[NearMiss], wishes: Wishes) -> dict[str, int]:
    """Return how many candidates miss each limit that was set, and the gate."""
    names = [name for name, _, allowed, _ in _figures(judged[0].candidate, wishes) if allowed is not None]
    names += [] if wishes.ignore_gates else [PARITY]
    return {name: sum(any(miss.limit == name for miss in one.misses) for one in judged) for name in names}


def nearest(judged: Sequence[NearMiss], wishes: Wishes) -> list[NearMiss]:
    """Return the candidates that miss least, nearest first.

    Of all that miss the same limits only the nearest is given, and none that misses others beside those of another.
    """
    found: list[tuple[set[str], NearMiss]] = []
    for one in sorted(judged, key=lambda one: (_distance(one), order(one.candidate, wishes.prefer))):
        names = {miss.limit for miss in one.misses}
        if not any(before <= names for before, _ in found):
            found.append((names, one))
    return [one for _, one in found][:NEAREST]


def _figures(one: Candidate, wishes: Wishes) -> list[tuple[str, float | None, float | None, bool]]:
    """Return each limit's option, the candidate's figure, what is allowed, and whether that is the least."""
    row = one.measurement
    return [
        ("--max-latency", one.latency_s, wishes.max_latency_s, False),
        ("--min-throughput", one.throughput_images_per_s, wishes.min_throughput_images_per_s, True),
        ("--min-accuracy", one.accuracy, wishes.min_accuracy, True),
        ("--max-size", row.size_bytes, wishes.max_size_bytes, False),
        ("--max-memory", row.memory_bytes, wishes.max_memory_bytes, False),
        ("--max-install-size", one.installed_bytes, wishes.max_install_bytes, False),
    ]


def _excess(name: str, value: float | None, allowed: float) -> float | None:
    """Return by which factor a value misses its limit; None if that cannot be told."""
    if value is None:
        return None
    if name == "--min-accuracy":
        return (1 - value) / (1 - allowed) if allowed < 1 else None
    return max(value, allowed) / min(value, allowed)


def _distance(one: NearMiss) -> tuple[bool, int, bool, float]:
    """Order by what is least to give up: known figures, then few limits, then any but the gate, then by how far."""
    unknown = any(miss.limit != PARITY and miss.value is None for miss in one.misses)
    gate = any(miss.limit == PARITY for miss in one.misses)
    return unknown, len(one.misses), gate, max((miss.excess or 1.0 for miss in one.misses), default=1.0)
