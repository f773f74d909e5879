"""TFLite, the format of LiteRT, in four precisions."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import ClassVar

from mnist_deploy.artifacts import ModelRequirements, Precision
from mnist_deploy.dataset import WHITE, FloatArray
from mnist_deploy.errors import ArtifactError
from mnist_deploy.exporters.base import Exporter
from mnist_deploy.exporters.source import Source
from mnist_deploy.exporters.tflite_contents import read_requirements, with_metadata


class TFLiteExporter(Exporter):
    """A flatbuffer made by TensorFlow's converter, after its guide to post-training quantization.

    float16 stores weights as float16; dynamic stores weights as int8; int8 quantises weights, activations, input
    and output, by the range that the calibration images show. With uint8 input, int8 takes pixels as they are, since
    its input has the scale 1/255; the others cast and divide in the graph. The entry 'mnist_deploy' of its metadata is
    a JSON object with the keys of `exporters.metadata`.
    """

    format = "tflite"
    suffix = ".tflite"
    precisions = tuple(Precision)
    distributions = ("tensorflow", "keras")
    # Seen by the step "old runtimes" of .ci/run.
    oldest_runtimes: ClassVar[Mapping[str, str]] = {"tflite-runtime": "2.14.0"}
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

        # The quantiser sets the type of the input itself, and wants one of floating point to begin with.
        origin = source.float_input if precision is Precision.INT8 else source
        converter = tf.lite.TFLiteConverter.from_saved_model(str(origin.saved_model))
        if precision is not Precision.FLOAT32:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision is Precision.DYNAMIC:
            # A scale per dense layer, not per unit: FULLY_CONNECTED is then version 9, which tflite-runtime 2.14.0 has,
            # and not 12, which it refuses.
            converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        if precision is Precision.FLOAT16:
            converter.target_spec.supported_types = [tf.float16]
        if precision is Precision.INT8:
            converter.representative_dataset = representative_dataset
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8 if source.variant.uint8 else tf.int8
            converter.inference_output_type = tf.int8
        content = converter.convert()
        if precision is Precision.INT8 and source.variant.uint8:
            _require_pixels(content)
        path.write_bytes(with_metadata(content, source.metadata))

    def requirements(self, path: Path) -> ModelRequirements:
        """Return what the file says."""
        return read_requirements(path, self.oldest_runtimes)


def _require_pixels(content: bytes) -> None:
    """Hold a flatbuffer's uint8 input to meaning pixels: scale 1/255, zero point 0.

    Raises:
        ArtifactError: it means something else, as where no calibration image has a black or a white pixel.
    """
    import tensorflow as tf

    scale, zero_point = tf.lite.Interpreter(model_content=content).get_input_details()[0]["quantization"]
    if zero_point != 0 or not isclose(scale * WHITE, 1.0, rel_tol=1e-5):
        raise ArtifactError(
            f"its uint8 input has scale {scale:.3g} and zero point {zero_point}, so it takes no pixels; "
            "calibrate with more images: --calibration-size"
        )
