"""What is said below a table of trainings, in every kind of report."""

from collections.abc import Iterable, Sequence

from mnist_deploy.results import TrainingRow
from mnist_deploy.training import ComputeDtype


def notes(rows: Sequence[TrainingRow]) -> list[str]:
    """Return where a reported figure misleads, and what was not computed in float32."""
    found = caveats((row.architecture, row.caveat) for row in rows)
    for dtype in dict.fromkeys(row.compute_dtype for row in rows if row.compute_dtype != ComputeDtype.FLOAT32):
        names = ", ".join(row.architecture for row in rows if row.compute_dtype == dtype)
        found.append(f"{names}: steps computed in {dtype}; weights, their updates and the saved model are float32")
    return found


def caveats(named: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return a line for each network that has a caveat."""
    return [f"! {name}: {caveat}" for name, caveat in named if caveat]
