"""What an interruption leaves of a measurement, and the words that say so."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark.schedule import Cell
from mnist_deploy.kinds import CELL, identity
from mnist_deploy.plural import counted
from mnist_deploy.results import Results, Skip, SkipKind


def kept(store: ArtifactStore, results: Results, cells: Sequence[Cell]) -> str:
    """Return what is left of `cells` in `results` and how to go on; what was not measured is added to the skips."""
    measured = {identity(one, "batch_size", "threads", of=CELL) for one in results.measurements}
    missing = [
        one
        for one in cells
        if (*(one.names[name] for name in CELL), one.use.batch_size, one.use.threads) not in measured
    ]
    results.skips += [_skip(one) for one in missing]
    path = store.results / f"{results.stem}.json"
    where = "" if store.root == Path("artifacts").absolute() else f" --artifacts {shlex.quote(str(store.root))}"
    if store.results_elsewhere:
        where += f" --results {shlex.quote(str(store.results))}"
    return (
        f"{path} holds {_amount(results, len(cells), len(missing))}; see it: mnist-deploy report "
        f"{shlex.quote(str(path))}; go on with it: mnist-deploy bench --resume{where}"
        + (", or the same command" if results.command == "run" else "")
    )


def _amount(results: Results, cells: int, missing: int) -> str:
    if not results.passes_done:
        return f"{cells - missing} of {cells} cells of the first pass"
    passes = results.plan.passes if results.plan else results.passes_done
    return f"{results.passes_done} of {max(passes, results.passes_done)} passes"


def _skip(cell: Cell) -> Skip:
    threads = counted(cell.use.threads, "thread")
    return Skip(
        kind=SkipKind.INTERRUPTED,
        reason=f"interrupted before it was measured with batch {cell.use.batch_size}, {threads}",
        remedy="mnist-deploy bench --resume",
        **cell.names,
    )
