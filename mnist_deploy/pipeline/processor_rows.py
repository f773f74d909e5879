"""The rows of answers on other processors: made of scores, or of what the manifest holds already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

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
    """What rows are made of besides scores: this processor, the emulator, and the scores of Keras by network."""

    here: str
    emulator: str | None
    references: Mapping[str, Reference]

    @cached_property
    def orders(self) -> dict[str, npt.NDArray[np.int64]]:
        """The order in which the images of each network are taken, int64 (N,): see `processors.nearest_to_a_tie`."""
        return {name: processors.nearest_to_a_tie(reference.scores) for name, reference in self.references.items()}

    def row(self, cell: Cell, processor: str, there: FloatArray, here: FloatArray) -> ProcessorRow:
        """Return what the scores of a cell there say, beside those of the same images here."""
        name, artifact, images = cell.artifact.architecture, cell.artifact, len(there)
        reference, order = self.references[name].scores, self.orders[name][:images]
        classes, classes_here, expected = (each.argmax(axis=1) for each in (there, here[:images], reference[order]))
        check = ProcessorCheck(
            processor=processor,
            emulator=self._emulator(processor),
            compared_with=self.here,
            runtime=cell.runtime,
            runtime_version=_version(cell),
            images=images,
            test_images=len(reference),
            changed=int(np.sum(classes != classes_here)),
            max_abs_difference=processors.largest_difference(there, here[:images]),
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
            now = (cell.runtime, _version(cell), self.here, len(self.references[artifact.architecture].scores))
            for check in artifact.checked:
                then = (check.runtime, check.runtime_version, check.compared_with, check.test_images)
                if then == now and check.processor in wanted and check.emulator == self._emulator(check.processor):
                    sums = artifact.provenance.source_sha256, artifact.sha256
                    rows[cell, check.processor] = processors.named(check, cell.names, *sums, kept=True)
        return rows

    def _emulator(self, processor: str) -> str | None:
        return None if processor == EXACT_KERNELS else self.emulator


def has_exact_kernels(cell: Cell) -> bool:
    """Tell whether the artifact may saturate in a runtime that has kernels which do not."""
    return cell.runtime in EXACT_RUNTIMES and cell.artifact.precision in QUANTIZED


def processors_for(cell: Cell, names: Sequence[str]) -> tuple[str, ...]:
    """Return what the answers of a cell are held to: exact kernels, if its runtime has any, and the processors."""
    return (*([EXACT_KERNELS] if has_exact_kernels(cell) else []), *names)


def _version(cell: Cell) -> str | None:
    return RUNTIMES[cell.runtime].availability("cpu").version
