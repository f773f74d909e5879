"""Hold every artifact, in every runtime that reads it, to the recorded Keras scores."""

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from mnist_deploy import environment, interruption, parity, resource_limits
from mnist_deploy.artifacts import ArtifactStore, Reference
from mnist_deploy.benchmark import process, schedule, workers
from mnist_deploy.benchmark.messages import Event, Failed, Scored
from mnist_deploy.benchmark.schedule import Cell, Session, Use
from mnist_deploy.dataset import Dataset
from mnist_deploy.kinds import CELL, identity
from mnist_deploy.parity import GATES, Agreement, Gate, ParityRow
from mnist_deploy.pipeline.references import require_reference
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.progress import Progress, task
from mnist_deploy.results import Results, Skip, SkipKind
from mnist_deploy.runtimes import RUNTIMES, Proof

BATCH = 256
SINGLES = 1000


def verify(
    store: ArtifactStore,
    dataset: Dataset,
    selection: Selection,
    results: Results,
    progress: Progress,
    gates: Mapping[str, Gate] = GATES,
) -> None:
    """Compute the scores of all test images, compare them, and add rows and skips to `results`.

    They are saved as they come. Rows that `results` hold already, as those that were `unfinished.taken_up` do, are kept
    where they are of the same artifacts.

    Raises:
        ArtifactError: scores of Keras were not recorded, or are those of another model.
        DataError: they were recorded for other test images.
    """
    use = Use(batch_size=min(BATCH, len(dataset.test_images)), threads=1)
    todo = matrix(store, selection, [use], diagnostics=False)
    names = {cell.artifact.architecture for cell in todo.cells}
    references = {name: require_reference(store, dataset, name) for name in names}
    results.leave_out(todo.skips)
    rows = _known(todo.cells, references, results.parity, gates)
    left = [cell for cell in todo.cells if cell not in rows]
    broken: dict[Cell, str] = {}
    # What failed before is tried again, with the rest.
    names_left = [_names(cell) for cell in left]
    results.skips = [one for one in results.skips if identity(one, of=CELL) not in names_left]
    with (
        interruption.advising(interruption.GO_ON),
        task(progress, "verify", len(left)),
        tempfile.TemporaryDirectory() as folder,
    ):
        images = Path(folder) / "images.npy"
        np.save(images, dataset.test_images)
        for session, outcome in _outcomes(schedule.sessions(left, random.Random(0)), images, progress):
            for number, cell in enumerate(session.cells):
                if number in outcome.failed:
                    broken[cell] = outcome.failed[number]
                    continue
                reference = references[cell.artifact.architecture].scores
                scores, singles = (outcome.arrays[f"{name}.{number}"] for name in ("scores", "single"))
                agreement = parity.compare(scores, reference, dataset.test_labels, singles)
                rows[cell] = _row(cell, agreement, outcome.scored[number], gates)
            results.parity = [rows[cell] for cell in todo.cells if cell in rows]
            results.save(store.results)
    results.leave_out(failed(cell, broken[cell]) for cell in left if cell not in rows)


def _names(cell: Cell) -> tuple[str, ...]:
    return tuple(cell.names[name] for name in CELL)


def _known(
    cells: Sequence[Cell], references: Mapping[str, Reference], rows: Sequence[ParityRow], gates: Mapping[str, Gate]
) -> dict[Cell, ParityRow]:
    """Return what rows say already of `cells` whose artifacts and models are what they were, judged by `gates`."""
    found = {(identity(row, of=CELL), row.artifact_sha256, row.model_sha256): row for row in rows}
    known = {}
    for cell in cells:
        row = found.get((_names(cell), cell.artifact.sha256, references[cell.artifact.architecture].model_sha256))
        if row is not None:
            known[cell] = row.model_copy(update=_judgement(cell, row, row.proof, gates))
    return known


def passed(results: Results) -> bool:
    """Tell whether everything asked for was verified and agrees: no failed row, nothing stale, nothing broken."""
    broken = [skip for skip in results.skips if skip.kind in {SkipKind.STALE, SkipKind.FAILED}]
    same = all(row.passed for row in results.parity) and all(row.passed for row in results.processors)
    return bool(results.parity) and same and not broken


def _outcomes(sessions: list[Session], images: Path, progress: Progress) -> Iterator[tuple[Session, process.Outcome]]:
    """Let workers compute the scores, one a core at a time: here nothing is timed. A GPU takes one at a time.

    What had too little memory beside others is tried once more with nothing beside it, and comes a second time.
    """

    def on_event(session: Session, event: Event) -> None:
        if isinstance(event, Scored | Failed):
            cell = session.cells[event.job]
            with speaking:
                progress.advance(f"{cell.artifact.label} in {cell.runtime} on {cell.device}")

    def work(group: list[Session]) -> list[tuple[Session, process.Outcome]]:
        with process.Host(group[0].runtime) as host:
            asked = [session.request(images).model_copy(update={"singles": SINGLES}) for session in group]
            return [
                (one, host.work(request, partial(on_event, one))) for one, request in zip(group, asked, strict=True)
            ]

    speaking = Lock()
    # What begins last should be short, or one core waits for the other.
    groups = sorted(schedule.hosts(sessions), key=lambda group: min(RUNTIMES[one.runtime].order for one in group))
    crowded: list[Session] = []
    for on_gpu in (False, True):
        mine = [group for group in groups if (group[0].device == "gpu") is on_gpu]
        beside = 1 if on_gpu else min(environment.usable_cores(), len(mine))
        with ThreadPoolExecutor(max(1, beside)) as pool:
            for done in as_completed([pool.submit(work, group) for group in mine]):
                for session, outcome in done.result():
                    short = [number for number, why in outcome.failed.items() if why.startswith(workers.OUT_OF_MEMORY)]
                    if short and beside > 1:
                        crowded.append(replace(session, cells=tuple(session.cells[number] for number in short)))
                    yield session, outcome
    for group in schedule.hosts(crowded):
        yield from work(group)


def failed(cell: Cell, reason: str) -> Skip:
    """Return the skip for a cell that was tried and went wrong; that there is too little memory is no fault of it."""
    if reason.startswith(workers.OUT_OF_MEMORY):
        remedy = f"raise the limit, or leave {cell.runtime} out by --runtime"
        return Skip(kind=SkipKind.OUT_OF_MEMORY, reason=reason, remedy=remedy, **cell.names)
    remedy = "then run the same command again" if resource_limits.names_limit(reason) else "run again with --debug"
    return Skip(kind=SkipKind.FAILED, reason=reason, remedy=remedy, **cell.names)


def _row(cell: Cell, agreement: Agreement, proof: Proof, gates: Mapping[str, Gate]) -> ParityRow:
    return ParityRow.model_validate(
        {
            **cell.names,
            **agreement.model_dump(),
            "model_sha256": cell.artifact.provenance.source_sha256,
            "artifact_sha256": cell.artifact.sha256,
            "proof": proof,
            **_judgement(cell, agreement, proof, gates),
        }
    )


def _judgement(cell: Cell, agreement: Agreement, proof: Proof, gates: Mapping[str, Gate]) -> dict[str, Any]:
    """Return the fields of a row that hang on the gates."""
    gate = parity.applied(cell.artifact.precision, proof.arithmetic)
    failures = parity.failures(agreement, gates[gate])
    return {"gate": gate, "passed": not failures, "failures": failures, "warnings": parity.warnings(agreement)}
