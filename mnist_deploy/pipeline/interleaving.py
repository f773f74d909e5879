"""Measure the artifacts of two folders in one run, each pair side by side, and judge the change.

What is saved, in a folder of its own: base.json and head.json, results of either side as `bench` writes them;
samples.npz, every timed call of both (see `benchmark.recording`); compare.json, what it comes to.
"""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_deploy import files, interruption
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark import sampler
from mnist_deploy.benchmark.schedule import Cell, Plan, Use
from mnist_deploy.dataset import Dataset
from mnist_deploy.decisions import changes
from mnist_deploy.decisions.change_records import CellName, Changes, Outcome
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.parity import ParityRow
from mnist_deploy.pipeline import benching, figures, running
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.pipeline.recorder import Recorder
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.progress import Progress
from mnist_deploy.results import Results

BASE, HEAD = "base", "head"


@dataclass(frozen=True)
class _Matched:
    """The cells that both folders have, and the names of those that one has alone."""

    base: list[Cell]
    head: list[Cell]
    only_base: list[CellName]
    only_head: list[CellName]

    def models(self) -> list[str]:
        """Return the networks whose artifacts come from different models, as `decisions.identity` tells them."""
        return list(
            dict.fromkeys(
                f"model_sha256 of {one.artifact.architecture}: {_model(one)[:12]} against {_model(other)[:12]}"
                for one, other in zip(self.base, self.head, strict=True)
                if _model(one) != _model(other)
            )
        )


def interleave(
    folders: tuple[Path, Path],
    dataset: Dataset,
    selection: Selection,
    uses: list[Use],
    plan: Plan,
    record: Path,
    progress: Progress,
    *,
    max_regression: float = changes.MAX_REGRESSION,
    force: bool = False,
) -> Changes:
    """Measure what both folders of artifacts have, BASE first, and save it below `record` after each pass.

    Cells of one runtime share their processes, and in each sweep the two of a pair lie side by side, either first: what
    disturbs a shared machine disturbs both.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: there is nothing that could be measured, or the
            artifacts are of different models.
    """
    names = str(folders[0]), str(folders[1])
    stores = ArtifactStore(folders[0]), ArtifactStore(folders[1])
    if record.absolute() in {one for store in stores for one in (store.root, store.results)}:
        raise UsageError(f"--record {record}: that is one of the folders compared; give another")
    if record.exists() and not record.is_dir():
        raise UsageError(f"--record {record}: is no folder; give another place")
    todo = _matched(stores, names, selection, uses)
    if todo.models() and not force:
        raise changes.refusal(names, todo.models())
    sides = _new_results(dataset, todo, plan)
    recorder = Recorder([*todo.base, *todo.head])

    def judged() -> Changes:
        return changes.compare(*sides, names, max_regression=max_regression, force=force)

    def publish() -> None:
        _publish(recorder, sides)
        _save(sides, record)

    def undecided() -> bool:
        return all(one.measurements for one in sides) and bool(judged().having(Outcome.UNDECIDED))

    try:
        limited, alive = benching.repeat(recorder, dataset, plan, progress, publish, undecided)
    except KeyboardInterrupt:
        if sides[0].passes_done:
            told = shlex.join(["mnist-deploy", "compare", *(str(record / f"{side}.json") for side in (BASE, HEAD))])
            interruption.advise(f"{sides[0].passes_done} whole passes are kept: {told}; the same command measures anew")
        raise
    for one, store in zip(sides, stores, strict=True):
        one.complete, one.time_limited, one.most_alive = True, limited, alive
        one.parity = _parity(one, store)
    _save(sides, record)
    if not all(one.measurements for one in sides):
        reasons = list(recorder.failed.values()) or ["nothing was measured"]
        raise ArtifactError(f"{names[0]} and {names[1]}: no pair could be measured; the first: {reasons[0]}")
    recorder.recording().save(record / "samples.npz")
    found = judged()
    alone = {"only_base": todo.only_base + found.only_base, "only_head": todo.only_head + found.only_head}
    failures = [f"{cell.label}: could not be measured: {reason}." for cell, reason in recorder.failed.items()]
    found = found.model_copy(update={**alone, "cautions": [*found.cautions, *failures]})
    files.write_text(record / "compare.json", found.model_dump_json(indent=1) + "\n")
    return found


def _matched(
    stores: tuple[ArtifactStore, ArtifactStore], names: tuple[str, str], selection: Selection, uses: list[Use]
) -> _Matched:
    before, after = (
        {_name(cell): cell for cell in _matrix(store, name, selection, uses)}
        for store, name in zip(stores, names, strict=True)
    )
    both = [name for name in before if name in after]
    if not both:
        raise UsageError(f"{names[0]} and {names[1]}: no cell in common; export the same in both: mnist-deploy export")
    return _Matched(
        base=[replace(before[name], side=BASE) for name in both],
        head=[replace(after[name], side=HEAD) for name in both],
        only_base=[name for name in before if name not in after],
        only_head=[name for name in after if name not in before],
    )


def _matrix(store: ArtifactStore, name: str, selection: Selection, uses: list[Use]) -> list[Cell]:
    if not store.root.is_dir():
        raise UsageError(f"{name}: no such folder; --interleave takes two folders of artifacts")
    return matrix(store, selection, uses).cells


def _new_results(dataset: Dataset, todo: _Matched, plan: Plan) -> tuple[Results, Results]:
    one = running.new_results("compare", dataset, quick=plan.passes < Plan().passes)
    one.plan, one.clock_floor_s, one.runtimes = plan, sampler.floor_s(), benching.runtimes(todo.base)
    return one, one.model_copy(deep=True)


def _publish(recorder: Recorder, sides: tuple[Results, Results]) -> None:
    recording = recorder.recording()
    found = figures.judge_noise(recording)
    for one, side, cells in zip(sides, (BASE, HEAD), _cells(recorder), strict=True):
        mine = [key for key in recording.passes if key.side == side and not key.twin]
        one.noise = found
        one.measurements = figures.measurements(recording, recorder.facts, [], timed="call", keys=mine)
        one.passes_done = min((row.passes for row in one.measurements), default=0)
        one.skips = [failed(cell, recorder.failed[cell]) for cell in cells if cell in recorder.failed]


def _cells(recorder: Recorder) -> tuple[list[Cell], list[Cell]]:
    mine = [cell for cell in recorder.cells if cell is not recorder.twin]
    return [cell for cell in mine if cell.side == BASE], [cell for cell in mine if cell.side == HEAD]


def _save(sides: tuple[Results, Results], record: Path) -> None:
    for one, side in zip(sides, (BASE, HEAD), strict=True):
        files.write_text(record / f"{side}.json", one.text())


def _parity(one: Results, store: ArtifactStore) -> list[ParityRow]:
    """Return what the folder's own results say of the accuracy of what was measured, where it was verified."""
    try:
        found = gather(store).results
    except ArtifactError:
        return []
    measured = {row.artifact_sha256 for row in one.measurements}
    same = found.data_sha256 == one.data_sha256
    return [row for row in found.parity if row.artifact_sha256 in measured] if same else []


def _name(cell: Cell) -> CellName:
    return CellName(**cell.names, batch_size=cell.use.batch_size, threads=cell.use.threads)


def _model(cell: Cell) -> str:
    return cell.artifact.provenance.source_sha256
