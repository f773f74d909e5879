"""TFLite, the format of LiteRT, in four precisions."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mnist_deploy.artifacts import Precision
from mnist_deploy.dataset import FloatArray
from mnist_deploy.exporters.base import Exporter
from mnist_deploy.exporters.source import Source


class TFLiteExporter(Exporter):
    """A flatbuffer made by TensorFlow's converter, after its guide to post-training quantization.

    float16 stores weights as float16; dynamic stores weights as int8; int8 quantises weights, activations, input
    and output, by the range that the calibration images show.
    """

    format = "tflite"
    suffix = ".tflite"
    precisions = tuple(Precision)
    distributions = ("tensorflow", "keras")
    order = 2

    @classmethod
    def modules(cls, precision: Precision) -> Sequence[str]:
        """Only TensorFlow is needed: the converter is part of it."""
        return ("tensorflow",)

    def export(self, source: Source, precision: Precision, path: Path) -> None:
        """Write the flatbuffer; the converter reads the SavedModel."""
        import tensorflow as tf

        def representative_dataset() -> Iterator[list[FloatArray]]:
            for image in source.calibration_images:
                yield [image[None]]

        converter = tf.lite.TFLiteConverter.from_saved_model(str(source.saved_model))
        if precision is not Precision.FLOAT32:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision is Precision.FLOAT16:
            converter.target_spec.supported_types = [tf.float16]
        if precision is Precision.INT8:
            converter.representative_dataset = representative_dataset
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        path.write_bytes(converter.convert())
