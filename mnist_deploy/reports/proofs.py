"""What really ran: the provider, delegate or device, the arithmetic and the nodes that each took, as a table."""

from collections.abc import Sequence

from rich.console import RenderableType

from mnist_deploy.parity import ParityRow
from mnist_deploy.reports.layout import row, table, titled, who
from mnist_deploy.results import Measurement


def proofs(rows: Sequence[ParityRow | Measurement], *, quick: bool = False) -> RenderableType:
    """Return one line for each runtime and kind of artifact, with the nodes' numbers from network to network."""
    groups: dict[tuple[str, str, str, str], list[dict[str, int]]] = {}
    for one in rows:
        artifact, runtime = who(one)
        key = (runtime, artifact, one.proof.executed_on, one.proof.arithmetic or "-")
        groups.setdefault(key, []).append(one.proof.placement)
    told: dict[tuple[str, str, str, str], list[str]] = {}
    for (runtime, artifact, place, arithmetic), placements in groups.items():
        told.setdefault((runtime, place, arithmetic, _nodes(placements)), []).append(artifact)
    body = table(("runtime", "artifacts", "ran on", "arithmetic", "nodes"))
    for (runtime, place, arithmetic, nodes), artifacts in told.items():
        body.add_row(*row((runtime, ", ".join(dict.fromkeys(artifacts)), place, arithmetic, nodes)))
    notes = ["As each library tells after a call; nodes: the fewest and the most that a network has; - is not told."]
    missing = {name: f"No {name}: none of these libraries tells." for name in ("arithmetic", "nodes")}
    return titled("What really ran", body, notes, missing=missing, quick=quick)


def _nodes(placements: list[dict[str, int]]) -> str:
    counts = {key: [one.get(key, 0) for one in placements] for one in placements for key in one}
    spans = (f"{key} {_span(min(numbers), max(numbers))}" for key, numbers in counts.items())
    return "; ".join(spans) or "-"


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least}-{most}"
