"""How long int8 takes against float32 of the same format, and what it costs in answers.

    python -m benchmarks.int8 [ARTIFACTS [NETWORK ...]]

The trained models are exported anew: ONNX in float32, in int8, and in int8 with every layer quantised and no rewrites;
TFLite in float32, in int8, and in int8 but for the last layer, by TensorFlow's selective quantisation. Those of one
network and format are measured in one run, in turn: batch 1 with one thread, and batch 256 with all cores. A ratio is
the median of those of two bursts of one sweep, with its 95 % interval.
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from benchmarks.side_by_side import artifact, measured, p50s, ratio
from mnist_deploy import dataset, environment, parity, training
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision, Variant
from mnist_deploy.benchmark.recording import PassRecord
from mnist_deploy.benchmark.schedule import THROUGHPUT_BATCH, Cell, Use
from mnist_deploy.dataset import Dataset, FloatArray
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.exporters.source import Source
from mnist_deploy.parity import STRICT
from mnist_deploy.pipeline import predicting
from mnist_deploy.pipeline.exporting import Calibration
from mnist_deploy.quiet import quiet
from mnist_deploy.reports.units import seconds

USES = (Use(batch_size=1, threads=1), Use(batch_size=THROUGHPUT_BATCH, threads=environment.usable_cores()))
RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
EVERYTHING, SELECTIVE = "every layer", "last layer float32"
LAST = ("FULLY_CONNECTED", "SOFTMAX")
HEADER = (
    f"{'':<33}{'batch 1, p50, x float32':>33}{f'batch {THROUGHPUT_BATCH}, p50, x float32':>36}{'flips':>8}  strict gate"
)


def exported(model: object, name: str, data: Dataset, folder: Path) -> Iterator[tuple[Artifact, str | None]]:
    """Yield the artifacts of a model, each with what sets it apart from another of the same format and precision."""
    usual = [(format, precision, None) for format in RUNTIMES for precision in (Precision.FLOAT32, Precision.INT8)]
    others = [("onnx", Precision.INT8, EVERYTHING), ("tflite", Precision.INT8, SELECTIVE)]
    for format, precision, side in sorted([*usual, *others], key=itemgetter(0)):
        path = folder / f"{precision}-{side}{EXPORTERS[format].suffix}"
        variant = Variant.PLAIN if side == EVERYTHING else Variant.STANDARD
        with quiet(), Source(model, Calibration().images(data), variant) as source:
            if side == SELECTIVE:
                path.write_bytes(selective(source, folder / f"{Precision.FLOAT32}-None.tflite"))
            else:
                EXPORTERS[format]().export(source, precision, path)
        yield artifact(name, format, precision, path), side


def selective(source: Source, float32: Path) -> bytes:
    """Return a model as TFLite whose last dense layer and softmax stay float32.

    Input and output are asked for in int8, but with selective quantisation come as float32 (TensorFlow 2.21).
    """
    import tensorflow as tf

    def images() -> Iterator[list[FloatArray]]:
        return ([image[None]] for image in source.calibration_images)

    interpreter = tf.lite.Interpreter(str(float32))
    names = {one["index"]: one["name"] for one in interpreter.get_tensor_details()}
    ends = [names[one["outputs"][0]] for one in interpreter._get_ops_details() if one["op_name"] in LAST]
    converter = tf.lite.TFLiteConverter.from_saved_model(str(source.saved_model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = images
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=ends[-len(LAST) :])
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=images, debug_options=options
    )
    return bytes(debugger.get_nondebug_quantized_model())


def told(passes: list[PassRecord], float32: list[PassRecord]) -> str:
    """Return a cell's p50 and its ratio to float32's: '19.4 us  0.82x (0.81 to 0.83)'."""
    middle = seconds(statistics.median(p50s(passes).values()))
    if passes is float32:
        return f"{middle}{'':<22}"
    found = ratio(passes, float32)
    return f"{middle} {found.median:5.2f}x ({found.low:.2f} to {found.high:.2f})"


def main(root: Path, names: list[str]) -> None:
    """Print a line for each artifact."""
    with quiet():
        training.require_tensorflow()

    mnist, store = dataset.load(), ArtifactStore(root)
    print(HEADER)
    for name in names or store.trained():
        reference = store.reference(name)
        assert reference is not None, f"{name}: no scores recorded; run: mnist-deploy export {name}"
        with tempfile.TemporaryDirectory() as folder:
            with quiet():
                model = training.load_model(store.model_path(name))
            made = list(exported(model, name, mnist, Path(folder)))
            cells = {
                (number, use): Cell(one, RUNTIMES[one.format], "cpu", use, side)
                for number, (one, side) in enumerate(made)
                for use in USES
            }
            series = measured(list(cells.values()), mnist)
            print(name)
            for number, (one, side) in enumerate(made):
                float32 = next(place for place, (other, _) in enumerate(made) if other.format == one.format)
                times = [told(series[cells[number, use]], series[cells[float32, use]]) for use in USES]
                scores = predicting.scores(cells[number, USES[0]], mnist.test_images)
                found = parity.compare(scores, reference.scores, mnist.test_labels)
                gate = "fails" if parity.failures(found, STRICT[one.precision]) else "ok"
                label = f"  {one.format} {one.precision}{f', {side}' if side else ''}"
                print(f"{label:<33}{times[0]:>33}{times[1]:>36}{len(found.flips):>8}  {gate}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "artifacts"), sys.argv[2:])
