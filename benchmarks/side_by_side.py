"""What the benchmarks of exports share: files that belong to no store, measured in one run, burst beside burst."""

from datetime import UTC, datetime
from pathlib import Path

from mnist_deploy import files
from mnist_deploy.artifacts import Artifact, Precision, Provenance
from mnist_deploy.benchmark.recording import PassRecord
from mnist_deploy.benchmark.schedule import Cell, Plan
from mnist_deploy.dataset import Dataset
from mnist_deploy.pipeline import benching
from mnist_deploy.pipeline.recorder import Recorder
from mnist_deploy.profiling.twins import Reach, reach
from mnist_deploy.progress import Silent

# No time limit: all of its sweeps, for what is compared here lies side by side in each.
PLAN = Plan(time_limit_s=None)


def artifact(network: str, format: str, precision: Precision, path: Path) -> Artifact:
    """Return the file at `path` as an artifact of a network."""
    made = Provenance(source_sha256="", versions={}, created_at=datetime.now(UTC))
    return Artifact(
        architecture=network, format=format, precision=precision, path=path, size_bytes=files.size_bytes(path),
        sha256=files.sha256(path), provenance=made,
    )  # fmt: skip


def measured(cells: list[Cell], data: Dataset, plan: Plan = PLAN) -> dict[Cell, list[PassRecord]]:
    """Return what was measured of each cell, pass by pass."""
    recorder = Recorder(cells)
    benching.repeat(recorder, data, plan, Silent(), lambda: None, lambda: False)
    assert not recorder.failed, recorder.failed
    return recorder.records


def p50s(passes: list[PassRecord]) -> dict[tuple[int, int], float]:
    """Return the p50 of each burst in seconds, by pass and sweep."""
    return {(number, one.sweep): one.p50_ns / 1e9 for number, done in enumerate(passes) for one in done.bursts}


def ratio(passes: list[PassRecord], base: list[PassRecord]) -> Reach:
    """Return how long the first takes against the second: the median over the sweeps, and its 95 % interval."""
    mine, others = p50s(passes), p50s(base)
    return reach([mine[place] / others[place] for place in others if place in mine])
