"""The main job: train, export, verify and measure, one after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from mnist_deploy import environment, interruption
from mnist_deploy.artifacts import ArtifactStore, Precision
from mnist_deploy.benchmark import schedule
from mnist_deploy.benchmark.schedule import QUICK, Plan
from mnist_deploy.dataset import Dataset
from mnist_deploy.exporters import DEFAULT_FORMATS
from mnist_deploy.parity import GATES, Gate
from mnist_deploy.pipeline.benching import bench
from mnist_deploy.pipeline.exporting import Calibration, export_all, targets
from mnist_deploy.pipeline.processor_rows import QUANTIZED
from mnist_deploy.pipeline.processors import Emulation, cells_of, check_processors
from mnist_deploy.pipeline.selection import Selection, asked
from mnist_deploy.pipeline.training import TrainingOptions, train_all
from mnist_deploy.pipeline.unfinished import taken_up
from mnist_deploy.pipeline.verifying import verify
from mnist_deploy.progress import Progress
from mnist_deploy.results import Results

QUICK_EPOCHS = 1


def new_results(command: str, dataset: Dataset, *, quick: bool) -> Results:
    """Return the empty results of a command that begins now on this machine, with `dataset`."""
    return Results(
        command=command,
        created_at=datetime.now(UTC),
        quick=quick,
        environment=environment.describe(),
        data_sha256=dataset.sha256,
    )


def begun(
    command: str, store: ArtifactStore, dataset: Dataset, selection: Selection, progress: Progress, *, quick: bool
) -> Results:
    """Return the results of a command that begins now, or those that one which began like it left unfinished."""
    fresh = new_results(command, dataset, quick=quick)
    fresh.asked = asked(selection, [])
    return taken_up(store, fresh, progress)


def plan_for(*, quick: bool) -> Plan:
    """Return how much is measured."""
    return QUICK if quick else Plan()


def run(
    store: ArtifactStore,
    dataset: Dataset,
    names: Sequence[str],
    options: TrainingOptions,
    results: Results,
    progress: Progress,
    gates: Mapping[str, Gate] = GATES,
    emulation: Emulation | None = None,
) -> None:
    """Do everything for the networks `names`; what is trained and exported already is kept.

    A quick run trains for one epoch, unless a longer training with the same seed and data is there, and measures in
    one short pass. `results` are saved after each step.
    """
    everything = Selection(architectures=list(names))
    with interruption.advising(interruption.GO_ON):
        if results.quick:
            options = replace(options, epochs=QUICK_EPOCHS, longer_will_do=True)
        results.training = train_all(store, dataset, names, options, progress)
        results.save(store.results)
        wanted = targets(DEFAULT_FORMATS, list(Precision))
        results.leave_out(export_all(store, dataset, names, wanted, Calibration(), progress).skips)
        verify(store, dataset, everything, results, progress, gates)
        results.save(store.results)
        if emulation is not None:
            quantized = Selection(architectures=list(names), precisions=QUANTIZED)
            cells = cells_of(store, dataset, quantized)
            results.processors, skips = check_processors(store, dataset, cells, emulation, progress)
            results.leave_out(skips)
            results.save(store.results)
        uses = schedule.uses(None, None, environment.usable_cores())
        bench(store, dataset, everything, uses, results, progress, plan_for(quick=results.quick))
