"""Profile artifacts by operator, and time each precision in turn with its float32 twin."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, computed_field

from mnist_deploy import environment
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision, Variant
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.dataset import Dataset
from mnist_deploy.environment import Environment
from mnist_deploy.errors import UsageError
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.profiling.messages import Profiled, ProfilePlan, Request
from mnist_deploy.profiling.process import work
from mnist_deploy.profiling.profilers import PROFILERS
from mnist_deploy.profiling.records import Profile, Twins
from mnist_deploy.progress import Progress, task
from mnist_deploy.results import Skip
from mnist_deploy.runtimes import RUNTIMES

DEFAULT_PRECISIONS = [Precision.FLOAT32.value, Precision.INT8.value]


class Profiles(BaseModel):
    """What was profiled, and on what.

    Attributes:
        twins: each precision against float32, where both were selected.
    """

    environment: Environment
    profiles: list[Profile] = []
    twins: list[Twins] = []
    skips: list[Skip] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_features(self) -> list[str]:
        """The processor's instruction sets that matter; empty where the machine does not tell."""
        return self.environment.cpu_features


class Group:
    """The cells of one network, format and variant in one runtime and use, in all precisions, and what was measured."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        """Take at least one cell."""
        self.cells = list(cells)
        self.medians_s: dict[Cell, list[list[float]]] = {cell: [] for cell in cells}
        self.profiled: dict[Cell, Profiled] = {}
        self.failed: dict[Cell, str] = {}

    @property
    def label(self) -> str:
        """The group in words."""
        first = self.cells[0]
        variant = first.artifact.variant
        which = "" if variant is Variant.STANDARD else f" {variant}"
        return f"{first.artifact.architecture} {first.artifact.format}{which} in {first.runtime}"

    def measure(self, images: Path, plan: ProfilePlan, *, profile: bool) -> None:
        """Let one process time the cells that have not failed, and profile them too if it is to."""
        alive = [cell for cell in self.cells if cell not in self.failed]
        if not alive:
            return
        first = alive[0]
        request = Request(
            runtime=first.runtime,
            threads=first.use.threads,
            batch_size=first.use.batch_size,
            artifacts=[cell.artifact for cell in alive],
            images=images,
            plan=plan,
            profile=profile,
        )
        outcome = work(request)
        for number, cell in enumerate(alive):
            medians = outcome.medians_s[number]
            if number in outcome.failed or medians is None:
                self.failed[cell] = outcome.failed.get(number, "its process told nothing of it")
                continue
            self.medians_s[cell].append(medians)
            if profile:
                self.profiled[cell] = outcome.profiled[number]

    def profiles(self) -> list[Profile]:
        """Return the records of the cells that have not failed."""
        return [
            Profile(
                **_names(cell),
                wall_s=float(np.median(self.medians_s[cell])),
                covers=PROFILERS[cell.runtime].covers,
                **self.profiled[cell].model_dump(exclude={"event", "job"}),
            )
            for cell in self._alive()
        ]

    def twins(self) -> list[Twins]:
        """Return each other precision against float32."""
        base = [cell for cell in self._alive() if cell.artifact.precision is Precision.FLOAT32]
        if not base:
            return []
        below = np.concatenate(self.medians_s[base[0]])
        return [
            Twins(
                **_names(cell),
                ratios=(np.concatenate(self.medians_s[cell]) / below).tolist(),
                processes=len(self.medians_s[cell]),
            )
            for cell in self._alive()
            if cell is not base[0]
        ]

    def _alive(self) -> list[Cell]:
        return [cell for cell in self.cells if cell not in self.failed]


def profile(
    store: ArtifactStore,
    dataset: Dataset,
    selection: Selection,
    uses: Sequence[Use],
    progress: Progress,
    plan: ProfilePlan | None = None,
) -> Profiles:
    """Profile what `selection` lets through, on the CPU; with no runtime named, in every one that has a profiler.

    Each group of twins has fresh processes of its own, which take turns with those of the other groups: what a process
    or a moment does to a time, the ratios of several show as spread.

    Raises:
        UsageError: a runtime was named that has no profiler.
        UsageError, ArtifactError, UnavailableError, ModelError: there is nothing that could be profiled.
    """
    plan = plan or ProfilePlan()
    wanted = replace(selection, runtimes=runtimes(selection.runtimes), devices=["cpu"])
    todo = matrix(store, wanted, uses)
    members: dict[tuple[str, str, str, str, Use], list[Cell]] = {}
    for cell in todo.cells:
        artifact = cell.artifact
        key = (artifact.architecture, artifact.format, artifact.variant.value, cell.runtime, cell.use)
        members.setdefault(key, []).append(cell)
    groups = [Group(_float32_first(cells)) for cells in members.values()]
    with task(progress, "profile", plan.processes * len(groups)), tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npy"
        np.save(images, dataset.test_images[: plan.images])
        for number in range(plan.processes):
            for group in groups:
                group.measure(images, plan, profile=number == 0)
                progress.advance(group.label)
    return Profiles(
        environment=environment.describe(),
        profiles=[one for group in groups for one in group.profiles()],
        twins=[one for group in groups for one in group.twins()],
        skips=todo.skips + [failed(cell, reason) for group in groups for cell, reason in group.failed.items()],
    )


def runtimes(named: list[str] | None) -> list[str]:
    """Return the runtimes to profile in: those named, or all that have a profiler and are not on request.

    Raises:
        UsageError: one of those named has none.
    """
    if named is None:
        return [name for name in PROFILERS if not RUNTIMES[name].on_request]
    for name in named:
        if name not in PROFILERS:
            have = ", ".join(PROFILERS)
            raise UsageError(f"--runtime {name}: it cannot tell the time of each operator; those that can: {have}")
    return named


def _float32_first(cells: Sequence[Cell]) -> list[Cell]:
    return sorted(cells, key=lambda cell: list(Precision).index(cell.artifact.precision))


def _names(cell: Cell) -> dict[str, object]:
    artifact: Artifact = cell.artifact
    return {
        "architecture": artifact.architecture,
        "format": artifact.format,
        "precision": artifact.precision.value,
        "variant": artifact.variant.value,
        "runtime": cell.runtime,
        "batch_size": cell.use.batch_size,
        "threads": cell.use.threads,
    }
