"""Measure every artifact, in every runtime that reads it, in every use."""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark import process, roofline, sampler, schedule
from mnist_deploy.benchmark.messages import Done, Event
from mnist_deploy.benchmark.recording import CellKey, PassRecord, Recording, SliceRecord
from mnist_deploy.benchmark.schedule import Cell, Plan, Session, Use
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import UsageError
from mnist_deploy.pipeline import figures
from mnist_deploy.pipeline.figures import Baseline, Facts
from mnist_deploy.pipeline.selection import Matrix, Selection, matrix
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.progress import Progress, task
from mnist_deploy.results import Results, RuntimeRow, SkipKind
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.versions import installed_bytes, version_of

DEFAULT_BASELINE = Baseline("keras-predict")


class Recorder:
    """What the passes measured so far, cell by cell."""

    def __init__(self, cells: list[Cell]) -> None:
        """Measure `cells`, and the lightest of them twice."""
        self.twin = schedule.lightest(cells).twin()
        self.cells = [*cells, self.twin]
        self.records: dict[Cell, list[PassRecord]] = {cell: [] for cell in self.cells}
        self.facts: dict[CellKey, Facts] = {}
        self.failed: dict[Cell, str] = {}
        self.bare: dict[Cell, list[tuple[float, float]]] = {}

    def alive(self) -> list[Cell]:
        """Return the cells that have not failed."""
        return [cell for cell in self.cells if cell not in self.failed]

    def key(self, cell: Cell) -> CellKey:
        """Return what identifies `cell` in files."""
        use, twin = cell.use, cell is self.twin
        return CellKey(**cell.names, batch_size=use.batch_size, threads=use.threads, twin=twin, side=cell.side)

    def recording(self) -> Recording:
        """Return what was measured of the cells that have not failed, in the passes that all of them have."""
        alive = self.alive()
        passes = min((len(self.records[cell]) for cell in alive), default=0)
        return Recording({self.key(cell): self.records[cell][:passes] for cell in alive if passes})

    def take(self, session: Session, outcome: process.Outcome) -> None:
        """Add what one process measured."""
        for number, cell in enumerate(session.cells):
            if number in outcome.failed:
                self.failed[cell] = outcome.failed[number]
                continue
            loaded = outcome.loaded[number]
            slices = []
            for place, event in enumerate(outcome.sliced[number]):
                times = outcome.arrays[f"{number}.{place}"]
                slices.append(SliceRecord(times, event.turn, event.attempt, event.noise, event.engine_s))
                bare = outcome.arrays.get(f"{number}.{place}.bare")
                if bare is not None:
                    self.bare.setdefault(cell, []).append((float(np.median(times)), float(np.median(bare))))
            self.records[cell].append(PassRecord(slices, loaded.load_s, loaded.first_call_s, loaded.memory_bytes))
            self.facts[self.key(cell)] = Facts(cell.artifact, loaded)


def bench(
    store: ArtifactStore,
    dataset: Dataset,
    selection: Selection,
    uses: list[Use],
    results: Results,
    progress: Progress,
    plan: Plan,
    baseline: Baseline | None = None,
) -> None:
    """Measure by `plan`, and add measurements and skips to `results`, which are saved after each pass.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: there is nothing that could be measured, or the named
            baseline is not among it.
    """
    todo = matrix(store, selection, uses)
    plan = plan.fitted(len(todo.cells))
    _require(baseline, todo)
    # A run verifies before it measures; what both had to leave out is said once.
    results.skips += [skip for skip in todo.skips if skip not in results.skips]
    results.plan, results.clock_floor_s = plan, sampler.floor_s()
    results.baseline = (baseline or DEFAULT_BASELINE).label
    results.roofs = [roofline.roof(threads) for threads in sorted({use.threads for use in uses})]
    results.runtimes = runtimes(todo.cells)
    recorder = Recorder(todo.cells)
    try:
        measure(recorder, dataset, plan, baseline or DEFAULT_BASELINE, results, store.results, progress)
    finally:
        recording = recorder.recording()
        if recording.passes:
            results.samples = f"{results.stem}.samples.npz"
            recording.save(store.results / results.samples)
            results.save(store.results)
    results.skips += [failed(cell, reason) for cell, reason in recorder.failed.items() if cell is not recorder.twin]


def passes_of(recorder: Recorder, dataset: Dataset, plan: Plan, number: int, progress: Progress, folder: Path) -> None:
    """Measure every cell that is alive in one pass: fresh processes, one alive at a time."""
    images = folder / "images.npy"
    np.save(images, dataset.test_images[: plan.images])
    order = random.Random(f"{plan.seed} {number}")
    quiet = recorder.recording().quiet_probe_s
    for group in schedule.hosts(schedule.sessions(recorder.alive(), order)):
        with process.Host(group[0].runtime) as host:
            for session in group:
                request = session.request(images).model_copy(
                    update={
                        "effort": plan.effort,
                        "rounds": schedule.rounds(
                            len(session.cells), plan.rounds, order, schedule.beside(session.cells)
                        ),
                        "end_to_end": plan.end_to_end,
                        "bare": plan.bare,
                        "quiet_probe_s": quiet,
                        "retries": round(plan.retry_share * plan.rounds * len(session.cells)),
                        "limit_s": plan.effort.limit_s,
                    }
                )
                recorder.take(session, host.work(request, _teller(session, progress)))


def measure(
    recorder: Recorder,
    dataset: Dataset,
    plan: Plan,
    baseline: Baseline,
    results: Results,
    folder: Path,
    progress: Progress,
) -> None:
    """Measure pass after pass, publishing in `results` and saving them in `folder` after each."""

    def publish() -> bool:
        _publish(recorder, plan, baseline, results)
        results.save(folder)
        return figures.undecided(results.measurements)

    results.time_limited = repeat(recorder, dataset, plan, progress, publish)


def repeat(recorder: Recorder, dataset: Dataset, plan: Plan, progress: Progress, publish: Callable[[], bool]) -> bool:
    """Measure pass after pass, and tell at the end whether the time limit cut them short.

    After each pass `publish` is called, which tells whether anything is undecided yet.
    """
    began, longest, wanted, number = time.monotonic(), 0.0, plan.passes, 0
    total = wanted * plan.rounds * len(recorder.cells)
    with task(progress, "bench", total), tempfile.TemporaryDirectory() as work:
        while number < wanted and recorder.alive():
            start = time.monotonic()
            late = plan.time_limit_s is not None and start - began + longest > plan.time_limit_s
            if number and late:
                return True
            passes_of(recorder, dataset, plan, number, progress, Path(work))
            longest, number = max(longest, time.monotonic() - start), number + 1
            undecided = publish()
            if number == plan.passes and plan.more_passes is not None and undecided:
                wanted = plan.more_passes
                progress.start("bench", (wanted - number) * plan.rounds * len(recorder.alive()))
    return False


def _publish(recorder: Recorder, plan: Plan, baseline: Baseline, results: Results) -> None:
    recording = recorder.recording()
    if all(key.twin for key in recording.passes):
        return
    results.noise = figures.judge_noise(recording)
    timed = "end-to-end" if plan.end_to_end else "call"
    rows = figures.measurements(recording, recorder.facts, results.noise, results.roofs, timed=timed)
    results.measurements = figures.compare(rows, results.noise, baseline, plan.alpha)
    results.passes_done = min(one.passes for one in rows)


def succeeded(results: Results) -> bool:
    """Tell whether nothing that was tried went wrong."""
    return not any(skip.kind is SkipKind.FAILED for skip in results.skips)


def _require(baseline: Baseline | None, todo: Matrix) -> None:
    cells = [(cell.runtime, cell.artifact.precision) for cell in todo.cells]
    if baseline is not None and (baseline.runtime, baseline.precision) not in cells:
        raise UsageError(
            f"--baseline {baseline.label}: not among what is measured; select it too, with "
            f"--runtime {baseline.runtime} and --precision {baseline.precision}"
        )


def runtimes(cells: Sequence[Cell]) -> list[RuntimeRow]:
    """Return the runtimes of `cells` as they are installed here."""
    # Where one runs on both, it takes what the GPU takes.
    devices = {cell.runtime: cell.device for cell in sorted(cells, key=lambda cell: cell.device == "gpu")}
    return [_runtime(name, devices[name]) for name in dict.fromkeys(cell.runtime for cell in cells)]


def _runtime(name: str, device: str) -> RuntimeRow:
    packages, also = RUNTIMES[name].distributions, RUNTIMES[name].requirements(device)
    size = installed_bytes(*packages, also=also)
    return RuntimeRow(runtime=name, version=version_of(*packages), installed_bytes=size)


def _teller(session: Session, progress: Progress) -> process.OnEvent:
    def on_event(event: Event) -> None:
        # Only between slices: what the parent does while a slice runs would be measured too.
        if isinstance(event, Done):
            progress.advance(session.cells[event.job].label)

    return on_event
