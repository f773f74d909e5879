"""Compute scores on emulated processors: one process of each library on each processor, within a time limit."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Lock

from mnist_deploy import environment
from mnist_deploy.benchmark import process, schedule
from mnist_deploy.benchmark.schedule import Cell, Session
from mnist_deploy.dataset import FloatArray

# Loading an artifact takes time besides its scores: so much of its share may go into the scores.
SCORING_SHARE = 0.7
NO_TIME = "the time limit left none for it"


@dataclass(frozen=True)
class Answer:
    """What a case gave on a processor (None: the one that is here): scores, float32 (M, 10), or why there are none."""

    cell: Cell
    processor: str | None
    scores: FloatArray | None
    reason: str = ""


@dataclass
class _Budget:
    """Shares the time that is left until `deadline` among `groups`, of which `workers` run side by side."""

    deadline: float
    groups: int
    workers: int

    def __post_init__(self) -> None:
        self._lock = Lock()

    def share_s(self) -> float:
        """Return how long the next group may take, in seconds; what earlier ones left over is shared out again."""
        with self._lock:
            left_s = max(0.0, self.deadline - time.monotonic())
            share_s = min(left_s, left_s * self.workers / max(1, self.groups))
            self.groups -= 1
        return share_s


def scores(
    cells: Sequence[Cell],
    processors: Sequence[str | None],
    images: Mapping[str, Path],
    limit_s: float | None,
    on_done: Callable[[Answer], None],
) -> Iterator[Answer]:
    """Yield the scores of every cell on every processor, as they come; as many processes run as there are cores.

    Args:
        cells: on the CPU; in their order what is computed first.
        processors: as `emulation.resolve` names them; None is the processor that is here.
        images: for each network an .npy file of uint8 images (N, 28, 28); its folder is worked in.
        limit_s: how long all of it may take; None sets no limit. What there is no time for gives a reason.
        on_done: is told each answer, by any thread.
    """
    libraries = schedule.hosts(schedule.sessions(cells, Random(0)))
    groups = [
        (processor, [cell for cell in cells if any(cell in session.cells for session in sessions)])
        for processor in processors
        for sessions in libraries
    ]
    workers = max(1, min(environment.usable_cores(), len(groups)))
    budget = None if limit_s is None else _Budget(time.monotonic() + limit_s, len(groups), workers)
    with ThreadPoolExecutor(workers) as pool:
        asked = [pool.submit(_group, *group, images, budget, on_done) for group in groups]
        try:
            for done in as_completed(asked):
                yield from done.result()
        finally:  # after Ctrl-C nothing that waits begins
            for group_asked in asked:
                group_asked.cancel()


def _group(
    processor: str | None,
    cells: Sequence[Cell],
    images: Mapping[str, Path],
    budget: _Budget | None,
    on_done: Callable[[Answer], None],
) -> list[Answer]:
    """Let one process import the library, and a fork of it compute the scores of each cell in turn."""
    end = None if budget is None else time.monotonic() + budget.share_s()
    answers: list[Answer] = []
    with process.Host(cells[0].runtime, processor) as host:
        for number, cell in enumerate(cells):
            left_s = None if end is None else end - time.monotonic()
            crashed = answers[-1].reason if answers and "SIGILL" in answers[-1].reason else ""
            if crashed:  # the library has no kernels for this processor, whatever it is given
                answer = Answer(cell, processor, None, crashed)
            elif left_s is not None and left_s <= 0:
                answer = Answer(cell, processor, None, NO_TIME)
            else:
                share_s = None if left_s is None else SCORING_SHARE * left_s / (len(cells) - number)
                answer = _score(host, cell, processor, images[cell.artifact.architecture], share_s, left_s)
            answers.append(answer)
            on_done(answer)
    return answers


def _score(
    host: process.Host, cell: Cell, processor: str | None, images: Path, share_s: float | None, left_s: float | None
) -> Answer:
    request = Session(cell.runtime, cell.device, cell.use.threads, (cell,)).request(images)
    changes: dict[str, object] = {"answers": images.with_name(f"{processor}-{cell.runtime}-{id(cell)}.npz")}
    if share_s is not None and left_s is not None:
        changes |= {"score_s": share_s, "limit_s": max(1.0, left_s)}
    outcome = host.work(request.model_copy(update=changes), lambda event: None)
    if 0 in outcome.failed:
        return Answer(cell, processor, None, outcome.failed[0])
    return Answer(cell, processor, outcome.arrays["scores.0"])
