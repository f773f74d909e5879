"""What a diagnosis finds, as records."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from mnist_deploy.kinds import Variant


class Verdict(StrEnum):
    """What can be said of a layer."""

    OK = "ok"
    PAST = "past tolerance"
    NOT_FOUND = "not found"


class LayerRow(BaseModel):
    """One layer of the Keras model, and the tensor of the artifact that shows its output.

    The errors are those of `differences.Difference`; None where the layer was not found.

    Attributes:
        layer: Keras's name of it, with the part where it was split.
        tensor: the tensor's name in the artifact; `operator` is what computed it, in the library's word.
        found_by: 'name' or 'order'; see `matching`.
        layout: 'NHWC' or 'NCHW', where the layer's output is an image or a flattened one.
        relative, worst_channel, max_abs: of the artifact against Keras.
        conversion: the worst channel of the float32 artifact of the same format against Keras.
        quantization: the worst channel of this artifact against the float32 artifact; None for float32 itself.
    """

    layer: str
    tensor: str | None = None
    operator: str | None = None
    found_by: str | None = None
    layout: str | None = None
    relative: float | None = None
    worst_channel: float | None = None
    max_abs: float | None = None
    conversion: float | None = None
    quantization: float | None = None
    verdict: Verdict = Verdict.NOT_FOUND

    # An error that is no number is told as such, not as unknown.
    model_config = ConfigDict(ser_json_inf_nan="strings")


class Diagnosis(BaseModel):
    """One artifact in one runtime on the CPU, layer by layer.

    Attributes:
        images: how many test images were used, from the first.
        state: 'current', or 'corrupt' for a file that is not what was exported.
        tolerance: the largest `worst_channel` of a healthy layer in this precision; `float32_tolerance` in float32.
        scores_gap: the largest difference of the scores that were seen here from those of an ordinary call; None
            where that call failed. 0 means that looking at the layers did not change what was computed.
        unsplit: why conversion and quantization could not be told apart; None where they were, or for float32.
        layers: in the order of the model.
        first: the first layer past tolerance, or None.
        finding: what it comes to, in words.
    """

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    runtime: str
    images: int
    state: str
    tolerance: float
    float32_tolerance: float
    scores_gap: float | None
    unsplit: str | None = None
    layers: list[LayerRow]
    first: str | None = None
    finding: str = ""

    model_config = ConfigDict(ser_json_inf_nan="strings")
