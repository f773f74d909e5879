"""What the bits of int8 weights cost: in classes that hang on the processor, and in time on this one.

    python -m benchmarks.processors [ARTIFACTS [NETWORK ...]]

The trained models are exported anew with signed weights of 8 bits, signed weights of 7 bits and unsigned weights of 8
bits, in ONNX (static and dynamic) and in OpenVINO. Each file is computed here and on an emulated Haswell, which has
AVX2 and no int8 dot products, over the 1,000 test images nearest to a tie; 'changed' is how many of them get another
class there than here, and how many of these are among the first 300. Times are those of this processor, against the
float32 file of the format, in one run, in turn: batch 1 with one thread, and batch 256 with all cores. A ratio is the
median of those of two bursts of one sweep, with its 95 % interval.
"""

import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.int8 import USES
from benchmarks.side_by_side import artifact, measured, ratio
from mnist_deploy import dataset, emulation, environment
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.dataset import Dataset, FloatArray
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.exporters.source import Source
from mnist_deploy.parity.processors import nearest_to_a_tie
from mnist_deploy.pipeline import emulated
from mnist_deploy.pipeline.exporting import Calibration
from mnist_deploy.pipeline.registering import load_model
from mnist_deploy.quiet import quiet

IMAGES, FEW = 1000, 300
PROCESSOR = "Haswell"
RUNTIMES = {"onnx": "onnxruntime", "openvino": "openvino"}
FLOAT32, SIGNED_8, SIGNED_7, UNSIGNED_8 = "float32", "signed, 8 bits", "signed, 7 bits", "unsigned, 8 bits"
# What `export` makes: in dynamic ONNX files convolutions have unsigned weights.
STANDARD = SIGNED_7
Files = dict[tuple[str, Precision, str], Artifact]


def quantizers(weights: str) -> dict[str, Any]:
    """Return ONNX Runtime's quantizers with other weights than the exporter asks for, by name."""
    from onnxruntime import quantization

    kind = quantization.QuantType.QUInt8 if weights == UNSIGNED_8 else quantization.QuantType.QInt8
    changes = {"weight_type": kind, "reduce_range": False}

    def changed(original: Any, *given: Any, **options: Any) -> None:
        more = {"activation_type": kind} if "activation_type" in options and weights == UNSIGNED_8 else {}
        original(*given, **{**options, **changes, **more})

    return {name: partial(changed, getattr(quantization, name)) for name in ("quantize_static", "quantize_dynamic")}


def exported(source: Source, name: str, folder: Path) -> Files:
    """Return the files of a model by format, precision and weights."""
    files: Files = {}

    def export(format: str, precision: Precision, weights: str) -> None:
        path = folder / f"{precision}-{weights}{EXPORTERS[format].suffix}"
        EXPORTERS[format]().export(source, precision, path)
        files[format, precision, weights] = artifact(name, format, precision, path)

    for format in RUNTIMES:
        export(format, Precision.FLOAT32, FLOAT32)
        for precision in {Precision.DYNAMIC, Precision.INT8}.intersection(EXPORTERS[format].precisions):
            export(format, precision, STANDARD)
    for weights in (SIGNED_8, UNSIGNED_8):
        with patch.multiple("onnxruntime.quantization", **quantizers(weights)):
            export("onnx", Precision.DYNAMIC, weights)
            export("onnx", Precision.INT8, weights)
    import nncf

    original = nncf.quantize

    def of_8_bits(*given: Any, advanced_parameters: Any, **options: Any) -> Any:
        # NNCF's default: 7 bits in the first convolution alone.
        kinds = type(advanced_parameters.overflow_fix)
        advanced_parameters.overflow_fix = kinds.FIRST_LAYER
        return original(*given, advanced_parameters=advanced_parameters, **options)

    with patch("nncf.quantize", of_8_bits):
        export("openvino", Precision.INT8, SIGNED_8)
    return files


def answers(files: Files, name: str, data: Dataset, reference: FloatArray, folder: Path) -> Iterator[tuple[Any, str]]:
    """Yield what tells a file, and its classes here and there in words."""
    order = nearest_to_a_tie(reference)[:IMAGES]
    images, expected = {name: folder / "images.npy"}, reference[order].argmax(axis=1)
    np.save(images[name], data.test_images[order])
    cells = {
        key: Cell(artifact=file, runtime=RUNTIMES[key[0]], device="cpu", use=Use(batch_size=50, threads=1))
        for key, file in files.items()
    }
    scores = {
        (answer.cell, answer.processor): answer.scores
        for answer in emulated.scores(list(cells.values()), [None, PROCESSOR], images, None, lambda answer: None)
    }
    for key, cell in cells.items():
        pair = (scores[cell, None], scores[cell, PROCESSOR])
        assert pair[0] is not None and pair[1] is not None, cell.label
        here, there = (each.argmax(axis=1) for each in pair if each is not None)
        different = here != there
        flips = f"flips {int((here != expected).sum()):3d} here, {int((there != expected).sum()):3d} on {PROCESSOR}"
        yield key, f"{flips}; changed {int(different.sum()):3d} ({int(different[:FEW].sum())})"


def times(files: Files, data: Dataset) -> dict[Any, list[str]]:
    """Return how long each file takes against float32 of its format, in each use."""
    told: dict[Any, list[str]] = {key: [] for key in files}
    for use in USES:
        cells = {
            key: Cell(artifact=file, runtime=RUNTIMES[key[0]], device="cpu", use=use) for key, file in files.items()
        }
        passes = measured(list(cells.values()), data)
        for key, cell in cells.items():
            found = ratio(passes[cell], passes[cells[key[0], Precision.FLOAT32, FLOAT32]])
            told[key].append(f"{found.median:.2f}x ({found.low:.2f} to {found.high:.2f})")
    return told


def main() -> None:
    """Print one line a file."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("artifacts")
    store, data = ArtifactStore(root), dataset.load()
    print(f"{environment.processor()}; {PROCESSOR} emulated by {emulation.version()}")
    for name in sys.argv[2:] or store.trained():
        with tempfile.TemporaryDirectory() as folder:
            with quiet(), Source(load_model(store, name), Calibration().images(data)) as source:
                files = exported(source, name, Path(folder))
            reference = store.reference(name)
            assert reference is not None, f"no scores of Keras for {name}; run: mnist-deploy export {name}"
            said = dict(answers(files, name, data, reference.scores, Path(folder)))
            ratios = times(files, data)
            print(f"\n{name}")
            for key in files:
                label = f"{key[0]} {key[1]} {'' if key[2] == FLOAT32 else key[2]}"
                print(f"{label:<34}{said[key]:<58}{'  '.join(f'{text:>22}' for text in ratios[key])}", flush=True)


if __name__ == "__main__":
    main()
