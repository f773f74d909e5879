"""Compute scores on emulated processors: one process of each library on each processor, within a time limit."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from mnist_deploy import environment
from mnist_deploy.benchmark import process, schedule
from mnist_deploy.benchmark.messages import Request
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
    sessions = [Session(cell.runtime, cell.device, cell.use.threads, (cell,)) for cell in cells]
    groups = [(processor, library) for processor in processors for library in schedule.hosts(sessions)]
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
    sessions: Sequence[Session],
    images: Mapping[str, Path],
    budget: _Budget | None,
    on_done: Callable[[Answer], None],
) -> list[Answer]:
    """Let one process import the library of sessions with one cell each, and a fork of it compute each one's scores."""
    end = None if budget is None else time.monotonic() + budget.share_s()
    answers: list[Answer] = []
    with process.Host(sessions[0].runtime, processor) as host:
        for number, session in enumerate(sessions):
            (cell,) = session.cells
            left_s = None if end is None else end - time.monotonic()
            if answers and "SIGILL" in answers[-1].reason:  # no kernels for this processor, whatever it is given
                answer = Answer(cell, processor, None, answers[-1].reason)
            elif left_s is not None and left_s <= 0:
                answer = Answer(cell, processor, None, NO_TIME)
            else:
                request = _request(
                    session, processor, images[cell.artifact.architecture], left_s, len(sessions) - number
                )
                outcome = host.work(request, lambda event: None)
                answer = Answer(cell, processor, outcome.arrays.get("scores.0"), outcome.failed.get(0, ""))
            answers.append(answer)
            on_done(answer)
    return answers


def _request(
    session: Session, processor: str | None, images: Path, left_s: float | None, sessions_left: int
) -> Request:
    """Return what a worker is asked, with its share of the time that is left, if that is limited."""
    request = session.request(images)
    # Others work in the same folder.
    changes: dict[str, object] = {"answers": images.with_name(f"{processor}-{id(session)}.npz")}
    if left_s is not None:
        changes |= {"score_s": SCORING_SHARE * left_s / sessions_left, "limit_s": max(1.0, left_s)}
    return request.model_copy(update=changes)
