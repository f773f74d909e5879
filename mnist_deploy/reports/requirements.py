"""What artifacts need of a runtime, in words and as tables."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.artifacts import Artifact, ModelRequirements
from mnist_deploy.kinds import kind
from mnist_deploy.reports.layout import row, table, titled
from mnist_deploy.reports.units import number_bytes

UNKNOWN = "unknown"
# The operator sets of the formats themselves, which go without a name.
OWN_DOMAINS = ("ai.onnx", "openvino")
NOTES = (
    "needs: the versions that a runtime must know to load it; of TFLite's operators those above their first version.",
    "oldest runtime checked: in which artifacts like it load and give Keras's classes; older ones may work too.",
)


def needs(requirements: ModelRequirements | None) -> str:
    """Return what a runtime must know: 'opset 13, IR 7', or in TFLite 'CONV_2D 5, FULLY_CONNECTED 9'.

    In a format without operator sets operators have versions of their own, of which the first goes without saying.
    """
    if requirements is None:
        return UNKNOWN
    parts = [
        f"opset {version}" if domain in OWN_DOMAINS else f"{domain} opset {version}"
        for domain, version in requirements.opsets.items()
    ]
    if requirements.ir_version is not None:
        parts.append(f"IR {requirements.ir_version}")
    if not requirements.opsets:
        newer = {name: version for name, version in requirements.operators.items() if version > 1}
        parts += [f"{name} {version}" for name, version in newer.items()]
        if requirements.operators and not newer:
            parts.append("each operator's first version")
    return ", ".join(parts) or UNKNOWN


def operators(requirements: ModelRequirements | None) -> str:
    """Return every operator with its version: 'Conv 11, Gemm 13'."""
    found = requirements.operators if requirements else {}
    return ", ".join(f"{name} {version}" for name, version in found.items()) or UNKNOWN


def oldest_runtimes(requirements: ModelRequirements | None) -> str:
    """Return the oldest runtimes in which artifacts like it were seen to work: 'onnxruntime 1.15.1'."""
    found = requirements.oldest_runtimes if requirements else {}
    return ", ".join(f"{name} {version}" for name, version in found.items()) or UNKNOWN


def artifacts(records: Sequence[Artifact]) -> Iterator[RenderableType]:
    """Yield every artifact with its size and what it needs, one table a network."""
    for network, group in groupby(records, key=lambda record: record.architecture):
        body = table(("artifact", "needs", "oldest runtime checked"), ("size",))
        for artifact in group:
            wanted = artifact.requirements
            size = number_bytes(artifact.size_bytes)
            body.add_row(*row((kind(artifact), needs(wanted), oldest_runtimes(wanted), size)))
        yield titled(f"{network}: artifacts and what they need", body)
    yield Group(*(Text(note, style="dim") for note in NOTES))
