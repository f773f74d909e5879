"""Hold answers on other processors, emulated, to those on the processor that is here."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from mnist_deploy import emulation, environment, interruption
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import EXACT_KERNELS, Artifact, ArtifactStore, ProcessorCheck
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.dataset import Dataset
from mnist_deploy.kinds import ARTIFACT
from mnist_deploy.parity import ProcessorRow
from mnist_deploy.pipeline import emulated
from mnist_deploy.pipeline.emulated import Answer
from mnist_deploy.pipeline.processor_rows import (
    EXACT_RUNTIMES,
    QUANTIZED,
    Place,
    RowFacts,
    has_exact_kernels,
    processors_for,
)
from mnist_deploy.pipeline.references import require_reference
from mnist_deploy.pipeline.selection import Selection, matrix
from mnist_deploy.pipeline.verifying import failed
from mnist_deploy.progress import Progress, task
from mnist_deploy.results import Skip, SkipKind
from mnist_deploy.runtimes import RUNTIMES

# ONNX Runtime takes the range of dynamic activations over the whole batch, so both sides take the same batches.
BATCH = 50
# Of the classes that saturation changed in the 1,000 images nearest to a tie, 85 to 100 % were among so many (signed
# 8-bit weights on a Haswell: `benchmarks.processors`).
FEW_IMAGES = 300


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


def cells_of(store: ArtifactStore, dataset: Dataset, selection: Selection) -> list[Cell]:
    """Return what is checked of a selection: its artifacts in its runtimes, on the CPU.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: nothing is left; the message says what to do.
    """
    use = Use(batch_size=min(BATCH, len(dataset.test_images)), threads=1)
    return matrix(store, replace(selection, devices=["cpu"]), [use], diagnostics=False).cells


def check_processors(
    store: ArtifactStore, dataset: Dataset, cells: Sequence[Cell], plan: Emulation, progress: Progress
) -> tuple[list[ProcessorRow], list[Skip]]:
    """Compute scores here and on other processors, enter the checks in the manifest, and return rows and skips.

    ONNX artifacts in ONNX Runtime are held to its exact kernels on this processor, too. Images are taken in the order
    of `RowFacts.orders`.

    Raises:
        ArtifactError: scores of Keras were not recorded.
        DataError: they were recorded for other test images.
    """
    references = {
        name: require_reference(store, dataset, name) for name in {cell.artifact.architecture for cell in cells}
    }
    facts = RowFacts(environment.processor(), emulation.version() if plan.processors else None, references)
    rows = facts.recorded(cells, plan.processors) if plan.known else {}
    left = [cell for cell in cells if any((cell, name) not in rows for name in processors_for(cell, plan.processors))]
    skips: list[Skip] = []
    if left:
        made, skips = _check(left, dataset, plan, facts, progress)
        rows |= made
        for artifact in {id(cell.artifact): cell.artifact for cell in left}.values():
            mine = [row for (cell, _), row in made.items() if cell.artifact is artifact]
            store.record_checks(artifact, [ProcessorCheck.model_validate(row.model_dump()) for row in mine])
    if emulation.missing():
        skips.append(_no_emulator())
    places = [(cell, name) for cell in cells for name in processors_for(cell, plan.processors)]
    return [rows[place] for place in places if place in rows], skips


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
    # Each in the runtimes whose own format it is: OpenVINO makes the same of ONNX files.
    own = [
        runtime
        for runtime in RUNTIMES.values()
        if runtime.formats
        and runtime.formats[0] in formats
        and not runtime.on_request
        and runtime.availability("cpu").ok
    ]
    if not own:
        return [], []
    selection = Selection(names, formats, precisions, [runtime.name for runtime in own], variants=variants)
    cells = cells_of(store, dataset, selection)
    mine = [cell for cell in cells if cell.artifact.format == RUNTIMES[cell.runtime].formats[0]]
    return check_processors(store, dataset, mine, plan, progress)


def _check(
    cells: Sequence[Cell], dataset: Dataset, plan: Emulation, facts: RowFacts, progress: Progress
) -> tuple[dict[Place, ProcessorRow], list[Skip]]:
    """Return the rows of cells by cell and processor, and what could not be computed."""
    exact = {cell: replace(cell, runtime=EXACT_RUNTIMES[cell.runtime]) for cell in cells if has_exact_kernels(cell)}
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
        images = _save_images(Path(folder), dataset, facts, plan.images)
        answers = list(emulated.scores([*cells, *exact.values()], [None], images, None, on_done))
        here = {answer.cell: answer.scores for answer in answers if answer.scores is not None}
        skips += [failed(answer.cell, answer.reason) for answer in answers if answer.scores is None]
        for cell, other in exact.items():
            if cell in here and other in here:
                rows[cell, EXACT_KERNELS] = facts.row(cell, EXACT_KERNELS, here[other], here[cell])
        running = [cell for cell in cells if cell in here]
        if plan.processors:
            faulty = {cell: fault for cell in running if (fault := _emulator_fault(cell))}
            skips += [_not_emulated(cell, fault) for cell, fault in faulty.items()]
            running = [cell for cell in running if cell not in faulty]
        left_s = None if plan.limit_s is None else plan.limit_s - (time.monotonic() - began)
        for answer in emulated.scores(running, plan.processors, images, left_s, on_done):
            if answer.scores is None:
                skips.append(_not_there(answer))
            elif answer.processor is not None:
                place = (answer.cell, answer.processor)
                rows[place] = facts.row(*place, answer.scores, here[answer.cell])
    return rows, skips


def _save_images(folder: Path, dataset: Dataset, facts: RowFacts, count: int | None) -> dict[str, Path]:
    """Write the test images of each network, those nearest to a tie first, and return where."""
    paths = {}
    for name, order in facts.orders.items():
        paths[name] = folder / f"{name}.npy"
        np.save(paths[name], dataset.test_images[order[:count]])
    return paths


def _not_there(answer: Answer) -> Skip:
    """Return the skip for what another processor did not answer: there it may lack an instruction, or time."""
    reason = f"on {answer.processor}, emulated: {answer.reason}"
    late = any(words in answer.reason for words in (emulated.NO_TIME, "took longer"))
    remedy = f"mnist-deploy verify --emulate {answer.processor} --emulate-time 15m" if late else None
    return Skip(kind=SkipKind.UNAVAILABLE, reason=reason, remedy=remedy, **answer.cell.names)


def _emulator_fault(cell: Cell) -> str:
    """Return what is wrong with the emulator, where its answers would tell nothing of the artifact; else nothing.

    In ONNX graphs OpenVINO fuses tanh into a kernel that QEMU 7.2 computes wrong wherever it emulates AVX2 (scores off
    by 1 on a Haswell, an EPYC-Rome and 'max', not on a SandyBridge); on a real processor with AVX2 it is right.
    """
    network = ARCHITECTURES.get(cell.artifact.architecture)
    tanh = network is not None and any(getattr(layer, "activation", None) == "tanh" for layer in network.layers)
    faulty = RUNTIMES[cell.runtime].module == "openvino" and cell.artifact.format == "onnx" and tanh
    return "QEMU computes the tanh of ONNX graphs in OpenVINO wrong where it emulates AVX2" if faulty else ""


def _not_emulated(cell: Cell, reason: str) -> Skip:
    remedy = "verify OpenVINO's own format, which is not concerned: --format openvino"
    return Skip(kind=SkipKind.UNAVAILABLE, reason=reason, remedy=remedy, **cell.names)


def _no_emulator() -> Skip:
    reason = f"{emulation.missing()}, so answers on other processors were not checked"
    return Skip(kind=SkipKind.UNAVAILABLE, reason=reason, remedy=emulation.remedy())
