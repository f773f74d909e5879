"""ONNX, in float32, with int8 weights, and with int8 weights and activations (QDQ)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from mnist_deploy.artifacts import ModelRequirements, Precision
from mnist_deploy.exporters.base import Exporter
from mnist_deploy.exporters.metadata import as_text
from mnist_deploy.exporters.onnx_contents import (
    add_metadata,
    import_only_used_opsets,
    number_names_by_place,
    read_requirements,
)
from mnist_deploy.exporters.onnx_pixels import scale_in_one_step
from mnist_deploy.exporters.onnx_quantising import quantise, quantize_weights
from mnist_deploy.exporters.source import Source
from mnist_deploy.training import BATCH_AXIS, INPUT_NAME, OUTPUT_NAME

# The lowest that has a scale per channel (DequantizeLinear's axis), which int8 weights have. Of rewritten networks it
# gives the same nodes as opset 17, answers equal to the last bit, and times within 1 % (ONNX Runtime 1.32).
OPSET = 13
# A plain convolutional network computes a shape, which ONNX Runtime's quantizer does not see through in opset 13: the
# int8 model then takes 1.09 times as long.
PLAIN_OPSET = 17


class OnnxExporter(Exporter):
    """An ONNX file made by tf2onnx, quantised by ONNX Runtime's own tool.

    Input 'image' (batch, 28, 28, 1), float32 or uint8 by the variant, and output 'probabilities' float32 (batch, 10) in
    every precision: in QDQ models the quantisation stands inside the graph. In int8 the first convolution and the last
    dense layer stay float32: see `onnx_quantising`. `metadata_props` have the keys of `exporters.metadata`, as text.
    """

    format = "onnx"
    suffix = ".onnx"
    precisions = (Precision.FLOAT32, Precision.DYNAMIC, Precision.INT8)
    distributions = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime")
    # Seen by the step "old runtimes" of .ci/run.
    oldest_runtimes: ClassVar[Mapping[str, str]] = {"onnxruntime": "1.15.1", "openvino": "2023.3.0"}
    order = 3

    @classmethod
    def modules(cls, precision: Precision) -> Sequence[str]:
        """The quantiser is part of ONNX Runtime."""
        needed = ("tensorflow", "tf2onnx", "onnx")
        return needed if precision is Precision.FLOAT32 else (*needed, "onnxruntime")

    def export(self, source: Source, precision: Precision, path: Path) -> None:
        """Write and check the file."""
        import onnx

        if precision is Precision.FLOAT32:
            path.write_bytes(_scaling_fused(source).read_bytes())
        else:
            _quantise(source, precision, path)
        model = onnx.load(path)
        import_only_used_opsets(model)
        add_metadata(model, as_text(source.metadata))
        onnx.save(model, path)
        onnx.checker.check_model(str(path), full_check=True)

    def requirements(self, path: Path) -> ModelRequirements:
        """Return what the file says."""
        return read_requirements(path, self.oldest_runtimes)


def float32(source: Source) -> Path:
    """Return the model of `source` as an ONNX file in float32, which lasts as long as the source."""

    def make() -> Path:
        import onnx

        path = source.folder("float32.onnx")
        opset = OPSET if source.variant.optimized else PLAIN_OPSET
        onnx.save(_convert(source.signature, opset), path)
        return path

    return source.once("ONNX", make)


def _scaling_fused(source: Source) -> Path:
    """Return the float32 file with the scaling of pixels in one node, which MNN's converter would misread."""
    if not (source.variant.uint8 and source.variant.optimized):
        return float32(source)

    def make() -> Path:
        import onnx

        path, model = source.folder("scaled.onnx"), onnx.load(float32(source))
        scale_in_one_step(model)
        onnx.save(model, path)
        return path

    return source.once("scaled ONNX", make)


def _convert(signature: Any, opset: int) -> Any:
    """Return `signature` as an `onnx.ModelProto` in float32, with the names and the one unknown axis as above."""
    import tf2onnx

    made, _ = tf2onnx.convert.from_function(signature, input_signature=signature.input_signature, opset=opset)
    # tf2onnx numbers each unknown axis anew; one name says that it is one and the same.
    for value in (*made.graph.input, *made.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH_AXIS
    # Inferred shapes of inner tensors still hold the old names; readers infer them again.
    del made.graph.value_info[:]
    number_names_by_place(made.graph)
    assert [value.name for value in made.graph.input] == [INPUT_NAME]
    assert [value.name for value in made.graph.output] == [OUTPUT_NAME]
    return made


def _prepared(source: Source) -> Path:
    """Return the float32 file after ONNX Runtime's pre-processing, which its guide to quantisation advises."""

    def make() -> Path:
        from onnxruntime.quantization.shape_inference import quant_pre_process

        path = source.folder("prepared.onnx")
        # Symbolic shape inference is for models with computed shapes; these have none left.
        quant_pre_process(str(_scaling_fused(source)), str(path), skip_symbolic_shape=True)
        return path

    return source.once("prepared ONNX", make)


def _quantise(source: Source, precision: Precision, path: Path) -> None:
    """Quantise by ONNX Runtime's tool: dynamic or static, as `onnx_quantising` says."""
    if precision is Precision.DYNAMIC:
        quantize_weights(_prepared(source), path)
    else:
        quantise(_prepared(source), source.calibration_images, path, everything=not source.variant.optimized)
