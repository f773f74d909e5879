"""What an artifact needs of the runtime that is to load it."""

from pydantic import BaseModel, ConfigDict, Field

# How ONNX's own operators are recorded: their domain is the empty string in the file.
ONNX_DOMAIN = "ai.onnx"


class ModelRequirements(BaseModel):
    """Versions that a runtime must know to load an artifact, read from the artifact itself when it was exported.

    Attributes:
        ir_version: the version of the file format, ONNX's or OpenVINO's IR; None for a format without one.
        opsets: the version of each operator set, by its domain: 'ai.onnx', 'openvino'. Empty for a format without.
        operators: the highest version of each operator in the artifact. In TFLite that is the operator's own number,
            in ONNX and OpenVINO the opset that defines it as it is used.
        oldest_runtimes: by package the oldest version in which artifacts like this one were seen to load and to
            give the Keras model's classes; older ones may work too. `tests/old_runtimes.py` tries them.
    """

    model_config = ConfigDict(frozen=True)

    ir_version: int | None = Field(default=None, ge=0)
    opsets: dict[str, int] = {}
    operators: dict[str, int] = {}
    oldest_runtimes: dict[str, str] = {}
