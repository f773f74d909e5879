"""What a TFLite file declares: its metadata, and the versions of its operators."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_deploy.artifacts import ModelRequirements

# The name of the entry in `Model.metadata` whose buffer is a JSON object.
METADATA_NAME = "mnist_deploy"


def with_metadata(content: bytes, metadata: Mapping[str, Any]) -> bytes:
    """Return a flatbuffer with one more entry in `Model.metadata`, a JSON object in UTF-8.

    Graph and weights stay as they are: TensorFlow's converter itself ends with the same unpacking and packing.
    """
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(content)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def read_requirements(path: Path, oldest_runtimes: Mapping[str, str]) -> ModelRequirements:
    """Return what the TFLite file at `path` needs."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    operators: dict[str, int] = {}
    for index, code in enumerate(model.operatorCodes):
        name = flatbuffer_utils.opcode_to_name(model, index)
        operators[name] = max(code.version, operators.get(name, 0))
    return ModelRequirements(operators=dict(sorted(operators.items())), oldest_runtimes=dict(oldest_runtimes))
