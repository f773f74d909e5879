"""Hold answers on other processors, emulated, to those on the processor that is here."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from mnist_deploy import emulation, environment, interruption
from mnist_deploy.artifacts import EXACT_KERNELS, Artifact, ArtifactStore, Precision, ProcessorCheck, Reference
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.dataset import Dataset, FloatArray
from mnist_deploy.kinds import ARTIFACT
from mnist_deploy.parity import ProcessorRow, processors
from mnist_deploy.pipeline import emulated
from mnist_deploy.pipeline.emulated import Answer
from mnist_deploy.pipeline.references import require_reference
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.progress import Progress, task
from mnist_deploy.results import Skip, SkipKind
from mnist_deploy.runtimes import RUNTIMES

# What may differ between processors: products of floats differ by rounding alone.
QUANTIZED = [Precision.DYNAMIC.value, Precision.INT8.value]
# ONNX Runtime takes the range of dynamic activations over the whole batch, so both sides take the same batches.
BATCH = 50
# Of the classes that saturation changed in 10,000 images, 83 to 100 % were among so many that lie nearest to a tie
# (signed 8-bit weights on a Haswell, static and dynamic, six networks: `benchmarks.processors`).
FEW_IMAGES = 300
EXACT_RUNTIMES = {"onnxruntime": "onnxruntime-exact"}
Place = tuple[Cell, str]


@dataclass(frozen=True)
class Emulation:
    """How much is emulated.

    Attributes:
        processors: which, as `emulation.resolve` names them.
        limit_s: how long all of it may take, in seconds; None sets no limit.
        images: how many images of each artifact at most; None means all test images.
        known: whether rows that the manifest holds already, of the same versions and processors, are taken from there.
    """

    processors: tuple[str, ...]
    limit_s: float | None = 300.0
    images: int | None = None
    known: bool = False


def automatic() -> Emulation:
    """Return what `export` and `run` do by themselves: a minute in all; nothing is emulated where QEMU is not."""
    names = () if emulation.missing() else emulation.PROCESSORS
    return Emulation(names, limit_s=60.0, images=FEW_IMAGES, known=True)


def check_processors(
    store: ArtifactStore, dataset: Dataset, selection: Selection, plan: Emulation, progress: Progress
) -> tuple[list[ProcessorRow], list[Skip]]:
    """Compute scores here and on other processors, enter the checks in the manifest, and return rows and skips.

    Artifacts are checked on the CPU, in every selected runtime that is installed. Those of ONNX Runtime are held to its
    exact kernels on this processor, too. Images are taken in the order of `processors.nearest_to_a_tie`.

    Raises:
        ArtifactError: an artifact is damaged, or scores of Keras were not recorded.
        DataError: they were recorded for other test images.
    """
    use = Use(batch_size=min(BATCH, len(dataset.test_images)), threads=1)
    cells = matrix(store, replace(selection, devices=["cpu"]), [use], diagnostics=False).cells
    references = {name: require_reference(store, dataset, name) for name in {_network(cell) for cell in cells}}
    facts = _Facts(environment.processor(), emulation.version() if plan.processors else None, references)
    rows = facts.recorded(cells, plan) if plan.known else {}
    left = [cell for cell in cells if any((cell, name) not in rows for name in _wanted(cell, plan))]
    skips: list[Skip] = []
    if left:
        made, skips = _check(left, dataset, plan, facts, progress)
        rows |= made
        for artifact in {id(cell.artifact): cell.artifact for cell in left}.values():
            mine = [row for (cell, _), row in made.items() if cell.artifact is artifact]
            store.record_checks(artifact, [ProcessorCheck(**_check_fields(row)) for row in mine])
    if emulation.missing():
        skips.append(_not_emulated())
    return [rows[cell, name] for cell in cells for name in _wanted(cell, plan) if (cell, name) in rows], skips


def check_exported(
    store: ArtifactStore, dataset: Dataset, artifacts: Sequence[Artifact], plan: Emulation | None, progress: Progress
) -> tuple[list[ProcessorRow], list[Skip]]:
    """Check those of `artifacts` that are quantized, in the runtimes that are installed; nothing without a plan.

    Returns rows and skips as `check_processors` does.
    """
    chosen = [artifact for artifact in artifacts if artifact.precision in QUANTIZED]
    if plan is None or not chosen:
        return [], []
    names, formats, precisions, variants = (
        list(dict.fromkeys(str(getattr(artifact, field)) for artifact in chosen)) for field in ARTIFACT
    )
    runtimes = [name for name in _usual_runtimes() if any(map(RUNTIMES[name].reads, chosen))]
    if not runtimes:
        return [], []
    return check_processors(
        store, dataset, Selection(names, formats, precisions, runtimes, variants=variants), plan, progress
    )


def _usual_runtimes() -> list[str]:
    """Return the installed runtimes that are not there on request only."""
    usual = [runtime for runtime in RUNTIMES.values() if not (runtime.on_request or runtime.diagnostic)]
    return [runtime.name for runtime in usual if runtime.availability("cpu").ok]


def _check(
    cells: Sequence[Cell], dataset: Dataset, plan: Emulation, facts: "_Facts", progress: Progress
) -> tuple[dict[Place, ProcessorRow], list[Skip]]:
    """Return the rows of cells by cell and processor, and what could not be computed."""
    exact = {cell: replace(cell, runtime=EXACT_RUNTIMES[cell.runtime]) for cell in cells if _has_exact(cell)}
    rows: dict[Place, ProcessorRow] = {}
    skips: list[Skip] = []
    lock, began = Lock(), time.monotonic()

    def on_done(answer: Answer) -> None:
        with lock:
            where = f"on {answer.processor}, emulated" if answer.processor else "here"
            progress.advance(f"{answer.cell.artifact.label} in {answer.cell.runtime} {where}")

    count = len(cells) * (1 + len(plan.processors)) + len(exact)
    with (
        interruption.advising(interruption.GO_ON),
        task(progress, "other processors", count),
        tempfile.TemporaryDirectory() as folder,
    ):
        images = _save_images(Path(folder), dataset, facts.references, plan.images)
        answers = list(emulated.scores([*cells, *exact.values()], [None], images, None, on_done))
        here = {answer.cell: answer.scores for answer in answers if answer.scores is not None}
        skips += [failed(answer.cell, answer.reason) for answer in answers if answer.scores is None]
        for cell, other in exact.items():
            if cell in here and other in here:
                rows[cell, EXACT_KERNELS] = facts.row(cell, EXACT_KERNELS, here[other], here[cell])
        running = [cell for cell in cells if cell in here]
        left_s = None if plan.limit_s is None else plan.limit_s - (time.monotonic() - began)
        for answer in emulated.scores(running, plan.processors, images, left_s, on_done):
            if answer.scores is None:
                skips.append(_not_there(answer, plan))
            elif answer.processor is not None:
                place = (answer.cell, answer.processor)
                rows[place] = facts.row(*place, answer.scores, here[answer.cell])
    return rows, skips


def _save_images(
    folder: Path, dataset: Dataset, references: Mapping[str, Reference], count: int | None
) -> dict[str, Path]:
    """Write the test images of each network, those nearest to a tie first, and return where."""
    paths = {}
    for name, reference in references.items():
        paths[name] = folder / f"{name}.npy"
        np.save(paths[name], dataset.test_images[processors.nearest_to_a_tie(reference.scores)[:count]])
    return paths


@dataclass(frozen=True)
class _Facts:
    """What rows are made of besides scores: this processor, the emulator, and the scores of Keras."""

    here: str
    emulator: str | None
    references: Mapping[str, Reference]

    def row(self, cell: Cell, processor: str, there: FloatArray, here: FloatArray) -> ProcessorRow:
        """Return what the scores of a cell there say, beside those of the same images here."""
        reference, artifact = self.references[_network(cell)].scores, cell.artifact
        order = processors.nearest_to_a_tie(reference)[: len(there)]
        classes, classes_here = there.argmax(axis=1), here[: len(there)].argmax(axis=1)
        expected = reference[order].argmax(axis=1)
        check = ProcessorCheck(
            processor=processor,
            emulator=None if processor == EXACT_KERNELS else self.emulator,
            compared_with=self.here,
            runtime=cell.runtime,
            runtime_version=_version(cell),
            images=len(there),
            test_images=len(reference),
            changed=int(np.sum(classes != classes_here)),
            max_abs_difference=processors.largest_difference(there, here[: len(there)]),
            flips=int(np.sum(classes != expected)),
            flips_here=int(np.sum(classes_here != expected)),
        )
        return processors.named(check, cell.names, artifact.provenance.source_sha256, artifact.sha256)

    def recorded(self, cells: Sequence[Cell], plan: Emulation) -> dict[Place, ProcessorRow]:
        """Return the rows that the manifest holds of `cells`, as far as nothing changed since that they depend on."""
        rows = {}
        for cell in cells:
            artifact, wanted = cell.artifact, _wanted(cell, plan)
            for check in artifact.checked:
                emulator = None if check.processor == EXACT_KERNELS else self.emulator
                same = (check.runtime, check.runtime_version, check.compared_with, check.emulator)
                images = len(self.references[_network(cell)].scores)
                if (
                    same == (cell.runtime, _version(cell), self.here, emulator)
                    and check.processor in wanted
                    and check.test_images == images
                ):
                    sums = artifact.provenance.source_sha256, artifact.sha256
                    rows[cell, check.processor] = processors.named(check, cell.names, *sums)
        return rows


def _network(cell: Cell) -> str:
    return cell.artifact.architecture


def _version(cell: Cell) -> str | None:
    return RUNTIMES[cell.runtime].availability("cpu").version


def _has_exact(cell: Cell) -> bool:
    return cell.runtime in EXACT_RUNTIMES and cell.artifact.precision in QUANTIZED


def _wanted(cell: Cell, plan: Emulation) -> tuple[str, ...]:
    return (*([EXACT_KERNELS] if _has_exact(cell) else []), *plan.processors)


def _check_fields(row: ProcessorRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in ProcessorCheck.model_fields}


def _not_there(answer: Answer, plan: Emulation) -> Skip:
    """Return the skip for what another processor did not answer: there it may lack an instruction, or time."""
    reason = f"on {answer.processor}, emulated: {answer.reason}"
    remedy = f"mnist-deploy verify --emulate {answer.processor} --emulate-time 15m" if "time" in answer.reason else None
    return Skip(kind=SkipKind.UNAVAILABLE, reason=reason, remedy=remedy, **answer.cell.names)


def _not_emulated() -> Skip:
    reason = f"{emulation.missing()}, so answers on other processors were not checked"
    return Skip(kind=SkipKind.UNAVAILABLE, reason=reason, remedy=emulation.remedy())
