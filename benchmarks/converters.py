"""Whether the exported graphs are at least as fast as the best that converters make of the same model.

    python -m benchmarks.converters [ARTIFACTS [NETWORK ...]]

Of each trained model it makes anew: this package's ONNX, tf2onnx's plain graph (`export --no-optimize`) and onnxslim's
of that, and this package's TFLite and the plain converter's. They are measured with one image and one thread, in ONNX
Runtime and LiteRT, in one run, burst beside burst; a ratio is the median of those of two bursts of one sweep, with its
95 % interval. Scores of all test images must be equal within 1e-5. Promised of the convolutional networks: in ONNX ours
takes no longer than the faster of the two others (2 % is a tie), and for the sigmoid network tf2onnx's takes 1.2 times
as long at least. Exit code 1 if not.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.side_by_side import artifact, measured, p50s, ratio
from mnist_deploy import dataset, training
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision, Variant
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.dataset import Dataset, FloatArray
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.exporters.source import Source
from mnist_deploy.pipeline import predicting
from mnist_deploy.quiet import quiet
from mnist_deploy.reports.units import seconds

USE = Use(batch_size=1, threads=1)
RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
OURS, PLAIN, SLIM = "ours", "plain", "onnxslim"
SCORES, TIE, SIGMOID = 1e-5, 1.02, 1.2
NO_IMAGES: FloatArray = np.empty((0, 28, 28, 1), np.float32)


def exported(model: Any, name: str, folder: Path) -> dict[tuple[str, str], Artifact]:
    """Return the artifacts of a model by format and maker."""
    import onnx
    import onnxslim

    made = {}
    for maker, variant in ((OURS, Variant.STANDARD), (PLAIN, Variant.PLAIN)):
        with Source(model, NO_IMAGES, variant) as source:
            for format in RUNTIMES:
                made[format, maker] = folder / f"{maker}{EXPORTERS[format].suffix}"
                EXPORTERS[format]().export(source, Precision.FLOAT32, made[format, maker])
    made["onnx", SLIM] = folder / "slim.onnx"
    onnx.save(onnxslim.slim(onnx.load(made["onnx", PLAIN])), made["onnx", SLIM])
    return {(format, maker): artifact(name, format, Precision.FLOAT32, path) for (format, maker), path in made.items()}


def compare(model: Any, name: str, mnist: Dataset) -> list[str]:
    """Print a line for each artifact of a network, and return what is not as promised."""
    with tempfile.TemporaryDirectory() as folder:
        with quiet():
            made = exported(model, name, Path(folder))
        cells = {place: Cell(one, RUNTIMES[one.format], "cpu", USE, side=place[1]) for place, one in made.items()}
        taken = measured(list(cells.values()), mnist)
        scores = {place: predicting.scores(cell, mnist.test_images) for place, cell in cells.items()}
    missed, times = [], {}
    for place, cell in cells.items():
        format, maker = place
        apart = float(np.abs(scores[place] - scores[format, PLAIN]).max())
        found = ratio(taken[cells[format, OURS]], taken[cell])
        times[place] = found.median
        told = f"{found.median:.3f} ({found.low:.3f} to {found.high:.3f})" if maker != OURS else ""
        p50 = seconds(statistics.median(p50s(taken[cell]).values()))
        print(f"{name:<18} {format:<7} {maker:<9} {p50:>8}  {told:<26} {apart:.1e}", flush=True)
        missed += [f"{name} {format}: scores differ by {apart:.1e}"] if apart > SCORES else []
    if name.startswith("cnn"):
        missed += [
            f"{name}: ours takes {times['onnx', maker]:.3f} times {maker}'s time"
            for maker in (PLAIN, SLIM)
            if times["onnx", maker] > TIE
        ]
    if "sigmoid" in name and 1 / times["onnx", PLAIN] < SIGMOID:
        missed.append(f"{name}: only {1 / times['onnx', PLAIN]:.2f} times faster than tf2onnx's")
    return missed


def main(root: Path, names: list[str]) -> int:
    """Compare each network that is named, or all that are trained; return the exit code."""
    with quiet():
        training.require_tensorflow()

    store, mnist, missed = ArtifactStore(root), dataset.load(), []
    print(f"{'':<36} {'p50':>8}  {'ours / this':<26} scores off by")
    for name in names or store.trained():
        with quiet():
            model = training.load_model(store.model_path(name))
        missed += compare(model, name, mnist)
    print("; ".join(missed) or "all as promised")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1] if sys.argv[1:] else "artifacts"), sys.argv[2:]))
