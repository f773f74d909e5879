"""OpenVINO's intermediate representation (IR): float32, float16 weights, and int8 by NNCF."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from mnist_deploy.artifacts import ModelRequirements, Precision
from mnist_deploy.dataset import FloatArray, UInt8Array
from mnist_deploy.exporters.base import Exporter
from mnist_deploy.exporters.metadata import as_text
from mnist_deploy.exporters.openvino_contents import add_metadata, read_requirements
from mnist_deploy.exporters.source import Source
from mnist_deploy.quiet import without_telemetry

# Names such as Transpose_3519 and Transpose_3519/fq_output_0 that OpenVINO gives to what the model has no name for.
COUNTED = re.compile(r"[A-Z][A-Za-z0-9]*_\d+")


class OpenVinoExporter(Exporter):
    """A folder with the graph, model.xml, and its constants, model.bin; the same model gives the same bytes.

    Input 'image' (batch, 28, 28, 1), float32 or uint8 by the variant, and output 'probabilities' float32 (batch, 10)
    in every precision: in int8 the quantisation stands inside the graph. float16 stores weights as float16. The section
    'model_info' of model.xml has the keys of `exporters.metadata`, as text.
    """

    format = "openvino"
    suffix = ".openvino"
    precisions = (Precision.FLOAT32, Precision.FLOAT16, Precision.INT8)
    distributions = ("tensorflow", "keras", "openvino", "nncf")
    # Seen by the step "old runtimes" of .ci/run.
    oldest_runtimes: ClassVar[Mapping[str, str]] = {"openvino": "2023.3.0"}
    order = 4

    @classmethod
    def modules(cls, precision: Precision) -> Sequence[str]:
        """NNCF is OpenVINO's quantiser."""
        needed = ("tensorflow", "openvino")
        return (*needed, "nncf") if precision is Precision.INT8 else needed

    def export(self, source: Source, precision: Precision, path: Path) -> None:
        """Write the folder; the converter reads the SavedModel.

        Handed the model in memory it makes the same graph, but not on Python 3.13: its `exec("del tensorflow")` there
        ends in a NameError (OpenVINO 2026.4.1; PEP 667 gives each `exec` in a function its own names).
        """
        without_telemetry()
        import openvino

        converted = openvino.convert_model(source.saved_model)
        if precision is Precision.INT8:
            converted = _quantise(converted, source.calibration_inputs)
        _rename(converted)
        add_metadata(converted, as_text(source.metadata))
        path.mkdir()
        openvino.save_model(converted, path / "model.xml", compress_to_fp16=precision is Precision.FLOAT16)

    def requirements(self, path: Path) -> ModelRequirements:
        """Return what the folder says."""
        return read_requirements(path, self.oldest_runtimes)


def _quantise(converted: Any, calibration_images: FloatArray | UInt8Array) -> Any:
    """Quantise weights and activations by NNCF, with all the images, to the largest range that these show.

    NNCF's defaults average each activation's range over the images and then correct the biases: over the six
    networks scores were off by 0.49 and 0.9957 of the answers agreed, against 0.06 and 0.9990 so. NNCF calibrates in
    float32, also on CPUs where OpenVINO would otherwise take bf16.

    Weights have 7 bits in every layer (NNCF's overflow fix), not in the first convolution alone as by default: without
    int8 dot products OpenVINO's kernels add two products in 16 bits, which saturates with 8. It cost mlp-tanh-128 0.19
    points of accuracy and 55 flips of 10,000; with 7 bits there are 12, the same with and without VNNI.
    """
    import nncf
    from nncf.quantization import advanced_parameters as advanced
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    dataset = nncf.Dataset([image[None] for image in calibration_images])
    parameters = advanced.AdvancedQuantizationParameters(
        activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
        disable_bias_correction=True,
        overflow_fix=advanced.OverflowFix.ENABLE,
    )
    return nncf.quantize(converted, dataset, subset_size=len(calibration_images), advanced_parameters=parameters)


def _rename(converted: Any) -> None:
    """Number the unnamed nodes by their place: OpenVINO counts all that the process ever made."""
    for place, node in enumerate(converted.get_ordered_ops()):
        if COUNTED.match(node.get_friendly_name()):
            node.set_friendly_name(f"{node.get_type_name()}_{place}")
