"""The rows of answers on other processors: made of scores, or of what the manifest holds already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mnist_deploy.artifacts import EXACT_KERNELS, Precision, ProcessorCheck, Reference
from mnist_deploy.benchmark.schedule import Cell
from mnist_deploy.dataset import FloatArray
from mnist_deploy.parity import ProcessorRow, processors
from mnist_deploy.runtimes import RUNTIMES

# What may differ between processors: products of floats differ by rounding alone.
QUANTIZED = [Precision.DYNAMIC.value, Precision.INT8.value]
EXACT_RUNTIMES = {"onnxruntime": "onnxruntime-exact"}
Place = tuple[Cell, str]


@dataclass(frozen=True)
class RowFacts:
    """What rows are made of besides scores: this processor, the emulator, and the scores of Keras."""

    here: str
    emulator: str | None
    references: Mapping[str, Reference]

    def row(self, cell: Cell, processor: str, there: FloatArray, here: FloatArray) -> ProcessorRow:
        """Return what the scores of a cell there say, beside those of the same images here."""
        reference, artifact = self.references[cell.artifact.architecture].scores, cell.artifact
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

    def recorded(self, cells: Sequence[Cell], names: Sequence[str]) -> dict[Place, ProcessorRow]:
        """Return the rows that the manifest holds of `cells` on the processors `names`, as far as they still hold.

        They depend on the versions of runtime and emulator, on this processor, and on the number of test images.
        """
        rows = {}
        for cell in cells:
            artifact, wanted = cell.artifact, processors_for(cell, names)
            for check in artifact.checked:
                emulator = None if check.processor == EXACT_KERNELS else self.emulator
                same = (check.runtime, check.runtime_version, check.compared_with, check.emulator)
                images = len(self.references[cell.artifact.architecture].scores)
                if (
                    same == (cell.runtime, _version(cell), self.here, emulator)
                    and check.processor in wanted
                    and check.test_images == images
                ):
                    sums = artifact.provenance.source_sha256, artifact.sha256
                    rows[cell, check.processor] = processors.named(check, cell.names, *sums)
        return rows


def has_exact_kernels(cell: Cell) -> bool:
    """Tell whether the artifact may saturate in a runtime that has kernels which do not."""
    return cell.runtime in EXACT_RUNTIMES and cell.artifact.precision in QUANTIZED


def processors_for(cell: Cell, names: Sequence[str]) -> tuple[str, ...]:
    """Return what the answers of a cell are held to: exact kernels, if its runtime has any, and the processors."""
    return (*([EXACT_KERNELS] if has_exact_kernels(cell) else []), *names)


def check_of(row: ProcessorRow) -> ProcessorCheck:
    """Return a row as the manifest keeps it."""
    return ProcessorCheck(**{name: getattr(row, name) for name in ProcessorCheck.model_fields})


def _version(cell: Cell) -> str | None:
    return RUNTIMES[cell.runtime].availability("cpu").version
