"""What an ONNX file declares: the operator sets that it imports, its metadata, and what a runtime needs for it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnist_deploy.artifacts import ModelRequirements
from mnist_deploy.artifacts.requirements import ONNX_DOMAIN

# Names as 'new_shape__23' and 'MaxPool2d__20:0' that tf2onnx makes up.
COUNTED = re.compile(r"(?P<name>.*__)(?P<count>\d+)(?P<output>:\d+)?")


def number_names_by_place(graph: Any) -> None:
    """Number the names that tf2onnx makes up by their place in an `onnx.GraphProto`, which is changed.

    tf2onnx counts through all that the process ever converted, and names the function that it converts in `doc_string`:
    the same model would give other bytes each time.
    """
    numbers: dict[str, int] = {}

    def numbered(name: str) -> str:
        parts = COUNTED.fullmatch(name)
        if parts is None:
            return name
        number = numbers.setdefault(parts["name"] + parts["count"], len(numbers) + 1)
        return f"{parts['name']}{number}{parts['output'] or ''}"

    for node in graph.node:
        node.name = numbered(node.name)
        for names in (node.input, node.output):
            names[:] = [numbered(name) for name in names]
    for initializer in graph.initializer:
        initializer.name = numbered(initializer.name)
    graph.doc_string = ""


def import_only_used_opsets(model: Any) -> None:
    """Drop the imports of operator sets that no node uses, and set the lowest IR version for those that are left.

    ONNX Runtime's quantizer imports each that it knows, nine in all, tf2onnx one that these networks do not use. A
    reader may refuse a file for an import alone.

    Args:
        model: an `onnx.ModelProto` without functions and subgraphs, which is changed.
    """
    import onnx

    domains = {node.domain or ONNX_DOMAIN for node in model.graph.node}
    used = [entry for entry in model.opset_import if (entry.domain or ONNX_DOMAIN) in domains]
    del model.opset_import[:]
    model.opset_import.extend(used)
    # Domains that ONNX does not know, as com.microsoft, ask for no IR version.
    model.ir_version = onnx.helper.find_min_ir_version_for(used, ignore_unknown=True)


def add_metadata(model: Any, metadata: Mapping[str, str]) -> None:
    """Add entries to the `metadata_props` of an `onnx.ModelProto`; tools' own entries stay."""
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)


def read_requirements(path: Path, oldest_runtimes: Mapping[str, str]) -> ModelRequirements:
    """Return what the ONNX file at `path` needs."""
    import onnx

    model = onnx.load(path)
    opsets = {entry.domain or ONNX_DOMAIN: entry.version for entry in model.opset_import}
    operators = {_name(node): _version(node, opsets) for node in model.graph.node}
    return ModelRequirements(
        ir_version=model.ir_version,
        opsets=opsets,
        operators=dict(sorted(operators.items())),
        oldest_runtimes=dict(oldest_runtimes),
    )


def _name(node: Any) -> str:
    """Return the operator of a node, with its domain where that is not ONNX's own."""
    return node.op_type if node.domain in {"", ONNX_DOMAIN} else f"{node.domain}.{node.op_type}"


def _version(node: Any, opsets: Mapping[str, int]) -> int:
    """Return the opset that last changed the operator of a node, up to the one imported; that one if it is unknown."""
    import onnx

    imported = opsets[node.domain or ONNX_DOMAIN]
    domain = "" if node.domain == ONNX_DOMAIN else node.domain
    if not onnx.defs.has(node.op_type, domain):
        return imported
    return int(onnx.defs.get_schema(node.op_type, imported, domain).since_version)
