"""The Pareto front across networks: what nothing else beats in latency, accuracy and size. Pure functions."""

from collections.abc import Sequence

from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.decisions.parting import more_accurate
from mnist_deploy.decisions.records import Candidate


def single_calls(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates at the smallest batch size and with the fewest threads, fastest first.

    Only these compare across networks: one call with as few images as were measured, on as few threads.
    """
    if not candidates:
        return []
    smallest = min(map(_use, candidates))
    rows = [row for row in candidates if _use(row) == smallest]
    return sorted(rows, key=lambda row: (row.latency_s, row.measurement.size_bytes, row.label))


def pareto_front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the single calls that no other beats, fastest first.

    Only what was verified and passed its parity gate takes part. Candidates that differ by noise alone do not beat each
    other, so all of them stay.

    Args:
        candidates: of any networks; those at other batch sizes or thread counts are left out (see `single_calls`).
    """
    rows = [row for row in single_calls(candidates) if row.passed and row.accuracy is not None]
    return [row for row in rows if not any(beats(other, row) for other in rows)]


def beats(candidate: Candidate, other: Candidate) -> bool:
    """Tell whether `candidate` is better than `other` in latency, accuracy or size, and worse in none of them.

    Quiet p50 and file size differ from 3 % on (`comparison.MARGIN`), and accuracies beyond chance (see
    `parting.more_accurate`); a smaller difference counts as none.
    """
    return _better_in_any(candidate, other) and not _better_in_any(other, candidate)


def _better_in_any(candidate: Candidate, other: Candidate) -> bool:
    pairs = (
        (candidate.latency_s, other.latency_s),
        (candidate.measurement.size_bytes, other.measurement.size_bytes),
    )
    return more_accurate(candidate, other) or any(own * (1 + MARGIN) <= its for own, its in pairs)


def _use(candidate: Candidate) -> tuple[int, int]:
    return candidate.measurement.batch_size, candidate.measurement.threads
