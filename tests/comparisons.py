"""Fixed results to compare: two runs of different hours, and what may change between them."""

from collections.abc import Sequence
from datetime import timedelta

from mnist_deploy.results import Measurement, Results
from tests.records import QUIET, RECORDS, measurement

MLP, CNN = "mlp-relu-128", "cnn-relu-16-32"
SPREAD = (0.998, 1.0, 1.003, 0.999, 1.001)


def cell(time_s: float, spread: Sequence[float] = SPREAD, *, contended: bool = False, **who: object) -> Measurement:
    """One cell, and what its passes make of its time."""
    plain: dict[str, object] = {"architecture": MLP, "format": "tflite", "precision": "int8", "runtime": "litert"}
    named = {name: str({**plain, **who}[name]) for name in plain}
    rest = {name: value for name, value in who.items() if name not in plain}
    passes = [time_s * one for one in spread]
    every = {"passes": len(passes), "pass_quiet_s": passes, "contended": contended}
    return measurement(**named, p50=time_s, **every, **rest)  # type: ignore[arg-type]


def run(rows: Sequence[Measurement], hour: float = 0, **changes: object) -> Results:
    """A run with only measurements."""
    plain: dict[str, object] = {
        "measurements": list(rows), "created_at": RECORDS.created_at + timedelta(hours=hour), "parity": [],
        "training": [], "skips": [], "noise": QUIET, "time_limited": False,
    }  # fmt: skip
    return RECORDS.model_copy(update=plain | changes)


def many(count: int, factor: float = 1.0, slower: dict[int, float] | None = None) -> list[Measurement]:
    """So many cells in different uses, all `factor` times as slow, some more."""
    return [cell(1e-5 * (n + 1) * factor * (slower or {}).get(n, 1.0), batch_size=n + 1) for n in range(count)]
