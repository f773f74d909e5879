"""Measure every artifact, in every runtime that reads it, in every use."""

import random
import tempfile
from pathlib import Path

import numpy as np

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark import process, sampler, schedule, statistics
from mnist_deploy.benchmark.messages import Done, Event, Request
from mnist_deploy.benchmark.schedule import Cell, Plan, Session, Use
from mnist_deploy.benchmark.statistics import PassTimes
from mnist_deploy.dataset import Dataset
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.progress import Progress, task
from mnist_deploy.results import Measurement, Results, SkipKind
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.versions import version_of


class _Recorder:
    """What the passes measured so far, cell by cell."""

    def __init__(self, cells: list[Cell]) -> None:
        self.cells = cells
        self.passes: dict[Cell, list[PassTimes]] = {cell: [] for cell in cells}
        self.executed_on: dict[Cell, str] = {}
        self.failed: dict[Cell, str] = {}

    def alive(self) -> list[Cell]:
        return [cell for cell in self.cells if cell not in self.failed]

    def take(self, session: Session, outcome: process.Outcome, rounds: int) -> None:
        for number, cell in enumerate(session.cells):
            if number in outcome.failed:
                self.failed[cell] = outcome.failed[number]
                continue
            loaded = outcome.loaded[number]
            slices = [outcome.arrays[f"{number}.{turn}"] for turn in range(rounds)]
            self.passes[cell].append(PassTimes(slices, loaded.load_s, loaded.first_call_s))
            self.executed_on[cell] = loaded.executed_on

    def measurements(self) -> list[Measurement]:
        return [_measurement(cell, self.passes[cell], self.executed_on[cell]) for cell in self.alive()]


def bench(
    store: ArtifactStore,
    dataset: Dataset,
    selection: Selection,
    uses: list[Use],
    results: Results,
    progress: Progress,
    plan: Plan,
) -> None:
    """Measure by `plan`, and add measurements and skips to `results`, which are saved after each pass.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: there is nothing that could be measured.
    """
    todo = matrix(store, selection, uses)
    # A run verifies before it measures; what both had to leave out is said once.
    results.skips += [skip for skip in todo.skips if skip not in results.skips]
    results.plan, results.clock_floor_s = plan, sampler.floor_s()
    recorder = _Recorder(todo.cells)
    total = plan.passes * plan.rounds * len(todo.cells)
    with task(progress, "bench", total), tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npy"
        np.save(images, dataset.test_images[: plan.images])
        for number in range(plan.passes):
            order = random.Random(f"{plan.seed} {number}")
            for session in schedule.sessions(recorder.alive(), order):
                outcome = process.work(_request(session, plan, order, images), _teller(session, progress))
                recorder.take(session, outcome, plan.rounds)
            results.measurements = recorder.measurements()
            results.save(store.results)
    results.skips += [failed(cell, reason) for cell, reason in recorder.failed.items()]


def succeeded(results: Results) -> bool:
    """Tell whether nothing that was tried went wrong."""
    return not any(skip.kind is SkipKind.FAILED for skip in results.skips)


def _request(session: Session, plan: Plan, order: random.Random, images: Path) -> Request:
    rounds = schedule.rounds(len(session.cells), plan.rounds, order)
    return session.request(images).model_copy(update={"effort": plan.effort, "rounds": rounds})


def _teller(session: Session, progress: Progress) -> process.OnEvent:
    def on_event(event: Event) -> None:
        # Only between slices: what the parent does while a slice runs would be measured too.
        if isinstance(event, Done):
            progress.advance(session.cells[event.job].label)

    return on_event


def _measurement(cell: Cell, passes: list[PassTimes], executed_on: str) -> Measurement:
    summary = statistics.summarize(passes, cell.use.batch_size)
    return Measurement(
        **cell.names,
        threads=cell.use.threads,
        batch_size=cell.use.batch_size,
        latency_p50_s=summary.p50_s,
        latency_p50_low_s=summary.p50_low_s,
        latency_p50_high_s=summary.p50_high_s,
        latency_p99_s=summary.p99_s,
        latency_mean_s=summary.mean_s,
        latency_min_s=summary.min_s,
        throughput_images_per_s=summary.throughput_images_per_s,
        size_bytes=cell.artifact.size_bytes,
        load_s=summary.load_s,
        first_call_s=summary.first_call_s,
        calls=summary.calls,
        passes=len(passes),
        pass_p50_s=summary.pass_p50_s,
        executed_on=executed_on,
        runtime_version=version_of(*RUNTIMES[cell.runtime].distributions),
        artifact_sha256=cell.artifact.sha256,
    )
