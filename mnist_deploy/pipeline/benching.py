"""Measure every artifact, in every runtime that reads it, in every use."""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mnist_deploy import interruption
from mnist_deploy.artifacts import ArtifactStore, Variant
from mnist_deploy.benchmark import roofline, sampler
from mnist_deploy.benchmark.pool import PassResult
from mnist_deploy.benchmark.schedule import Cell, Plan, Use
from mnist_deploy.benchmark.sweeping import Sweeper
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.pipeline import figures
from mnist_deploy.pipeline.figures import Baseline
from mnist_deploy.pipeline.leftover import kept
from mnist_deploy.pipeline.recorder import Recorder
from mnist_deploy.pipeline.restoring import restore
from mnist_deploy.pipeline.selection import Matrix, Selection, asked, matrix
from mnist_deploy.pipeline.standings import Watch
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.progress import Progress, task
from mnist_deploy.results import Results, RuntimeRow, SkipKind
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.versions import installed_bytes, version_of

DEFAULT_BASELINE = Baseline("keras-predict")


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
    _require(baseline, todo)
    results.leave_out(todo.skips)
    recorder = _begun(todo.cells, store, dataset, results, progress, plan)
    results.plan, results.clock_floor_s = plan, sampler.floor_s()
    results.asked = asked(selection, uses)
    results.baseline = (baseline or DEFAULT_BASELINE).label
    results.roofs = [roofline.roof(threads) for threads in sorted({use.threads for use in uses})]
    results.runtimes = runtimes(todo.cells)
    complete(recorder, store, dataset, results, progress, plan, baseline or DEFAULT_BASELINE)


def _begun(
    cells: list[Cell], store: ArtifactStore, dataset: Dataset, results: Results, progress: Progress, plan: Plan
) -> Recorder:
    """Return a recorder with the passes that `results` hold already, if they were taken up; else without any."""
    recorder = Recorder(cells)
    if results.passes_done:
        try:
            if results.plan != plan:
                raise UsageError("it was measured by another plan")
            restore(recorder, store, results, dataset)
        except (ArtifactError, UsageError) as error:
            progress.log(f"measuring anew: {error}")
            recorder = Recorder(cells)
        else:
            progress.log(f"going on after {results.passes_done} of {plan.passes} passes")
            return recorder
    results.measurements, results.noise, results.samples, results.passes_done = [], None, None, None
    return recorder


def complete(
    recorder: Recorder,
    store: ArtifactStore,
    dataset: Dataset,
    results: Results,
    progress: Progress,
    plan: Plan,
    baseline: Baseline,
) -> None:
    """Measure what `recorder` lacks of `plan`; whatever ends it, `results` and samples are saved as far as they go."""
    try:
        measure(recorder, dataset, plan, baseline, results, store.results, progress)
    except KeyboardInterrupt:
        _publish(recorder, plan, baseline, results)
        if results.measurements:
            interruption.advise(kept(store, results, [cell for cell in recorder.alive() if cell is not recorder.twin]))
        raise
    finally:
        broken = [failed(cell, reason) for cell, reason in recorder.failed.items() if cell is not recorder.twin]
        results.leave_out(broken)
        _save(recorder, results, store.results, whole=True)


def measure(
    recorder: Recorder,
    dataset: Dataset,
    plan: Plan,
    baseline: Baseline,
    results: Results,
    folder: Path,
    progress: Progress,
) -> None:
    """Measure the passes that `recorder` lacks, publishing in `results` and saving them in `folder` after each."""

    def publish() -> None:
        _publish(recorder, plan, baseline, results)
        _save(recorder, results, folder, whole=False)

    def undecided() -> bool:
        return figures.undecided(results.measurements)

    limited, results.most_alive = repeat(recorder, dataset, plan, progress, publish, undecided)
    results.time_limited = limited or results.time_limited


def repeat(
    recorder: Recorder,
    dataset: Dataset,
    plan: Plan,
    progress: Progress,
    publish: Callable[[], None],
    undecided: Callable[[], bool],
) -> tuple[bool, int | None]:
    """Measure the passes that `recorder` lacks of `plan`.

    `publish` is called after each pass; `undecided` tells of what is published whether more passes could decide
    something.

    Returns:
        Whether passes or sweeps are missing for want of time, and `Sweeper.most_alive`.
    """
    began, number = time.monotonic(), recorder.passes()
    watch = Watch(plan, progress, 2 * len(recorder.alive()))
    limited = False
    with tempfile.TemporaryDirectory() as work, task(progress, "bench", 0):
        images = Path(work) / "images.npy"
        np.save(images, dataset.test_images[: plan.images])
        with Sweeper(plan, images, watch.step) as sweeper:
            while number < (wanted := _wanted(plan, number, undecided)) and recorder.alive():
                left_s = None if plan.time_limit_s is None else began + plan.time_limit_s - time.monotonic()
                if number and left_s is not None and left_s < sweeper.shortest_s:
                    return True, sweeper.most_alive
                watch.begin_pass(number, wanted)
                end_s = None if left_s is None else time.monotonic() + left_s / (wanted - number)
                result = PassResult()
                try:
                    sweeper.measure(recorder.alive(), random.Random(f"{plan.seed} {number}"), end_s, result)
                finally:
                    recorder.add(result)
                # A few sweeps less cost little: what is missing is said where half of them is.
                limited |= 2 * result.sweeps < plan.sweeps
                number += 1
                publish()
                watch.end_pass(recorder.recording(), number, wanted)
            return limited, sweeper.most_alive


def _wanted(plan: Plan, done: int, undecided: Callable[[], bool]) -> int:
    """Return how many passes there are to be, as far as those that are done tell."""
    more = done > plan.passes or (done == plan.passes and plan.more_passes is not None and undecided())
    return plan.more_passes if more and plan.more_passes is not None else plan.passes


def _publish(recorder: Recorder, plan: Plan, baseline: Baseline, results: Results) -> None:
    recording = recorder.recording()
    if all(key.twin for key in recording.passes):
        return
    results.noise = figures.judge_noise(recording)
    timed = "end-to-end" if plan.end_to_end else "call"
    rows = figures.measurements(recording, recorder.facts, results.roofs, timed=timed)
    results.measurements = figures.compare(rows, results.noise, baseline, plan.alpha)
    results.passes_done = recorder.passes()


def _save(recorder: Recorder, results: Results, folder: Path, *, whole: bool) -> None:
    """Save the samples and then the results; compressed if they are `whole`: that takes seconds, so not between passes.

    In this order, since what is killed between the two goes on from the samples.
    """
    recording = recorder.recording()
    if recording.passes:
        results.samples = f"{results.stem}.samples.npz"
        recording.save(folder / results.samples, compressed=whole)
        results.save(folder)


def succeeded(results: Results) -> bool:
    """Tell whether nothing that was tried went wrong."""
    return not any(skip.kind is SkipKind.FAILED for skip in results.skips)


def _require(baseline: Baseline | None, todo: Matrix) -> None:
    cells = [(cell.runtime, cell.artifact.precision, cell.artifact.variant) for cell in todo.cells]
    if baseline is not None and (baseline.runtime, baseline.precision, Variant.STANDARD) not in cells:
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
