"""Check the harness itself: what it costs, whether a thing equals itself, and whether a bare loop sees the same."""

import numpy as np

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.benchmark import sampler, schedule
from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.benchmark.schedule import SELF_CHECK, Cell, Use
from mnist_deploy.dataset import Dataset
from mnist_deploy.errors import UsageError
from mnist_deploy.pipeline.benching import DEFAULT_BASELINE, measure
from mnist_deploy.pipeline.recorder import Recorder
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.progress import Progress
from mnist_deploy.results import Check, Results
from mnist_deploy.runtimes import RUNTIMES

# A harness that cost more than a tenth of the fastest model would blur the differences between models.
MAX_FLOOR_SHARE = 0.10
# The clock's two readings are 2 % of the fastest model's call; the rest is room for the machine.
MAX_BARE_DIFFERENCE = 0.05


def self_check(
    store: ArtifactStore, dataset: Dataset, selection: Selection, results: Results, progress: Progress
) -> None:
    """Measure the lightest selected cell twice, each burst beside a bare loop, and a runtime that does nothing.

    Adds three checks, or a skip where one could not be measured.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: there is nothing that could be measured.
    """
    todo = matrix(store, selection, [Use(batch_size=1, threads=1)])
    models = [cell for cell in todo.cells if not RUNTIMES[cell.runtime].diagnostic]
    if not models:
        raise UsageError("--self-check measures a model beside the null runtime; select a runtime that runs models")
    cell = schedule.lightest(models)
    null = Cell(artifact=cell.artifact, runtime="null", device="cpu", use=cell.use)
    recorder = Recorder([cell, null])
    results.plan, results.clock_floor_s = SELF_CHECK, sampler.floor_s()
    measure(recorder, dataset, SELF_CHECK, DEFAULT_BASELINE, results, store.results, progress)
    results.skips += [failed(one, reason) for one, reason in recorder.failed.items()]
    if recorder.failed or results.noise is None:
        return
    times = {one.runtime: one.latency_quiet_s for one in results.measurements}
    results.measurements = []  # they served the checks, and are no measurements by the protocol
    results.checks = [
        _floor(times["null"] / times[cell.runtime], times["null"]),
        _twin(recorder, cell),
        _bare(recorder, cell),
    ]


def _floor(share: float, floor: float) -> Check:
    return Check(
        name="floor",
        value=share,
        limit=f"at most {MAX_FLOOR_SHARE:.2f}",
        passed=share <= MAX_FLOOR_SHARE,
        detail=f"a call of a runtime that does nothing takes {floor * 1e9:.0f} ns; its share of the lightest model's",
    )


def _twin(recorder: Recorder, cell: Cell) -> Check:
    """Compare burst with burst: both of a sweep lie side by side, and the machine has little time to change."""
    firsts, seconds = (
        {
            (number, one.sweep): one.p50_ns
            for number, record in enumerate(recorder.records[which])
            for one in record.bursts
        }
        for which in (cell, recorder.twin)
    )
    ratios = [seconds[place] / firsts[place] for place in firsts if place in seconds]
    return _near_one("A/A", ratios, MARGIN, f"{cell.label}, measured twice: second over first")


def _bare(recorder: Recorder, cell: Cell) -> Check:
    ratios = [ours / bare for one in (cell, recorder.twin) for ours, bare in recorder.bare[one]]
    about = "our p50 over that of a loop without a clock in it, on the same session"
    return _near_one("bare loop", ratios, MAX_BARE_DIFFERENCE, about)


def _near_one(name: str, ratios: list[float], limit: float, about: str) -> Check:
    """Ask that the median of ratios be 1, but for a share of `limit`."""
    ratio = float(np.median(ratios))
    return Check(
        name=name,
        value=ratio,
        limit=f"within {limit:.0%} of 1",
        passed=abs(ratio - 1) <= limit,
        detail=f"{about}; median of {len(ratios)} pairs",
    )
