"""A diagnosis as a table, first layer first, and what it comes to."""

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.artifacts import Precision, State
from mnist_deploy.diagnosis.matching import BY_ORDER
from mnist_deploy.diagnosis.records import Diagnosis, LayerRow, Verdict
from mnist_deploy.kinds import kind
from mnist_deploy.reports.layout import row, table, titled

STYLES = {Verdict.PAST: "red", Verdict.NOT_FOUND: "yellow"}


def diagnosis(record: Diagnosis) -> RenderableType:
    """Return the layers with their errors, what the columns mean, and the finding."""
    split = record.precision != Precision.FLOAT32
    numbers = ["error", "of all", "max abs", *(["conversion", "quantization"] if split else [])]
    body = table(("layer", "operator"), numbers, ("verdict",))
    for one in record.layers:
        figures = [one.worst_channel, one.relative, one.max_abs, *([one.conversion, one.quantization] if split else [])]
        operator = f"{one.operator or '-'}{'*' if one.found_by == BY_ORDER else ''}"
        cells = row((one.layer, operator, *map(_figure, figures), _verdict(one, record.tolerance)))
        body.add_row(*cells, style=STYLES.get(one.verdict))
    title = (
        f"{record.architecture} {kind(record)} in {record.runtime}: layers against Keras's, {record.images} test images"
    )
    verdict = Text(record.finding, style="red" if record.first else "")
    return Group(titled(title, body, _notes(record, split=split)), verdict)


def _notes(record: Diagnosis, *, split: bool) -> list[str]:
    notes = ["error: L2 norm of the difference, relative, in the worst channel; of all: in all channels"]
    if split:
        notes.append("conversion: error of the float32 artifact; quantization: of this artifact against that one")
    if record.unsplit:
        notes.append(f"conversion and quantization are unknown: {record.unsplit}")
    if any(one.found_by == BY_ORDER for one in record.layers):
        notes.append("* its name is lost in the artifact: found by size and order")
    if record.scores_gap:
        notes.append(f"scores seen here differ from an ordinary call's by up to {record.scores_gap:.1e}")
    if record.state == State.CORRUPT:
        notes.append("WARNING: the file is not what was exported (SHA-256 differs)")
    return notes


def _verdict(one: LayerRow, tolerance: float) -> str:
    return f"PAST {tolerance:g}" if one.verdict is Verdict.PAST else str(one.verdict)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
