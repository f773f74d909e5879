"""What an OpenVINO model declares: its metadata, and the operator sets that its graph is made of."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from mnist_deploy.artifacts import ModelRequirements

# Where OpenVINO's own tools keep what belongs to a model, as its labels.
METADATA_SECTION = "model_info"
OPSET = re.compile(r"opset(\d+)")
# What the requirements call OpenVINO's operator sets.
DOMAIN = "openvino"


def add_metadata(model: Any, metadata: Mapping[str, str]) -> None:
    """Add entries to the runtime information of an `openvino.Model`, in the section `model_info`."""
    for key, value in metadata.items():
        model.set_rt_info(value, [METADATA_SECTION, key])


def read_requirements(path: Path, oldest_runtimes: Mapping[str, str]) -> ModelRequirements:
    """Return what the model in the folder `path` needs, by its model.xml."""
    root = ElementTree.parse(path / "model.xml").getroot()
    operators: dict[str, int] = {}
    for layer in root.iter("layer"):
        opset = OPSET.fullmatch(layer.get("version", ""))
        if opset:  # not so for layers of extensions, which have no number
            name = layer.get("type", "")
            operators[name] = max(int(opset[1]), operators.get(name, 0))
    return ModelRequirements(
        ir_version=int(root.get("version", "0")),
        opsets={DOMAIN: max(operators.values(), default=0)},
        operators=dict(sorted(operators.items())),
        oldest_runtimes=dict(oldest_runtimes),
    )
