"""How the calls of one cell spread: all of them, reduced to quantiles and shares. Pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mnist_deploy.benchmark.recording import CellKey, Recording
from mnist_deploy.benchmark.sampler import Times
from mnist_deploy.kinds import CELL, identity
from mnist_deploy.results import Measurement

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# A quantile with fewer calls than this on either side of it is little but the slowest (or fastest) call.
CALLS_BEYOND = 5
# Bins of 2 % each, from half of the p50 to four times it: finer than any difference that is given a name here.
EDGES = np.geomspace(0.5, 4.0, 106)


@dataclass(frozen=True)
class Distribution:
    """The calls of one cell.

    Attributes:
        calls: how many there are; none is left out.
        quantiles_s: seconds by quantile (linear interpolation); without those that have too few calls beyond them.
        bins: lower and upper edge as multiples of the p50, and the share of calls between them; empty ones left out.
        below: the share of calls below the first edge.
        above: the share of calls above the last one.
    """

    calls: int
    quantiles_s: dict[float, float]
    bins: list[tuple[float, float, float]]
    below: float
    above: float


def distribution(calls: Times, p50_s: float) -> Distribution:
    """Reduce calls, int64 nanoseconds (calls,), at least one, to how they spread about the cell's p50 in seconds."""
    shares = np.histogram(calls / (p50_s * 1e9), EDGES)[0] / len(calls)
    told = [one for one in QUANTILES if min(one, 1 - one) * len(calls) >= CALLS_BEYOND - 1e-9]
    return Distribution(
        calls=len(calls),
        quantiles_s={one: float(np.quantile(calls, one)) / 1e9 for one in told},
        bins=[
            (float(EDGES[number]), float(EDGES[number + 1]), float(share))
            for number, share in enumerate(shares)
            if share
        ],
        below=float(np.mean(calls / (p50_s * 1e9) < EDGES[0])),
        above=float(np.mean(calls / (p50_s * 1e9) > EDGES[-1])),
    )


def distributions(recording: Recording, rows: Iterable[Measurement]) -> list[Distribution | None]:
    """Return the distribution of each row; None where the recording has not the calls that the row was made of."""
    keys = {_key(key): key for key in recording.passes if not key.twin}
    return [_of(recording, keys.get(_key(row)), row) for row in rows]


def _of(recording: Recording, key: CellKey | None, row: Measurement) -> Distribution | None:
    if key is None:
        return None
    calls = recording.calls(key)
    return distribution(calls, row.latency_p50_s) if len(calls) == row.calls else None


def _key(one: CellKey | Measurement) -> tuple[str | int, ...]:
    return identity(one, "batch_size", "threads", of=CELL)
