"""What is said above and below a table of trainings, in every kind of report."""

from collections.abc import Iterable, Sequence

from mnist_deploy.results import TrainingRow
from mnist_deploy.training import ComputeDtype


def has_reported(rows: Sequence[TrainingRow]) -> bool:
    """Tell whether the notebook's figures belong beside these: they are of MNIST, and of no other data."""
    return any(row.reported_accuracy is not None for row in rows)


def title(rows: Sequence[TrainingRow]) -> str:
    """Return the heading of a table of trainings."""
    if has_reported(rows):
        return "Training: reproduced on the test set against reported"
    return "Training: results on the test set"


def notes(rows: Sequence[TrainingRow]) -> list[str]:
    """Return where a reported figure misleads or is not shown, and what was not computed in float32."""
    found = caveats((row.architecture, row.caveat) for row in rows)
    if rows and not has_reported(rows):
        found.append("Trained on other data than MNIST: there are no published figures to compare with.")
    for dtype in dict.fromkeys(row.compute_dtype for row in rows if row.compute_dtype != ComputeDtype.FLOAT32):
        names = ", ".join(row.architecture for row in rows if row.compute_dtype == dtype)
        found.append(f"{names}: steps computed in {dtype}; weights, their updates and the saved model are float32")
    return found


def caveats(named: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return a line for each network that has a caveat."""
    return [f"! {name}: {caveat}" for name, caveat in named if caveat]
