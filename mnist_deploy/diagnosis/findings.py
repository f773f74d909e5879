"""What the layers' errors come to: the first layer past tolerance, and which step is to blame. Pure functions."""

from mnist_deploy.artifacts import Precision, State
from mnist_deploy.diagnosis.records import Diagnosis, LayerRow, Verdict


def first_past(rows: list[LayerRow]) -> LayerRow | None:
    """Return the first layer past tolerance, if there is one."""
    return next((row for row in rows if row.verdict is Verdict.PAST), None)


def finding(record: Diagnosis) -> str:
    """Say in words what the rows of `record` show, and no more than that."""
    row = first_past(record.layers)
    if row is None:
        return _nothing_past(record)
    sentences = [
        f"First layer past tolerance: {row.layer} ({_short(row.worst_channel)} > {record.tolerance:g}).",
        *_before(record, row),
        _blame(record, row),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _nothing_past(record: Diagnosis) -> str:
    lost = [row.layer for row in record.layers if row.verdict is Verdict.NOT_FOUND]
    plain = next((row for row in record.layers if (row.conversion or 0) > record.float32_tolerance), None)
    aside = f" The float32 artifact is past its own from {plain.layer} on: diagnose that one." if plain else ""
    if not lost:
        return f"No layer is past its tolerance ({record.tolerance:g}).{aside}"
    return f"No layer found is past its tolerance ({record.tolerance:g}); not found: {', '.join(lost)}.{aside}"


def _before(record: Diagnosis, row: LayerRow) -> list[str]:
    """Say what may have begun before `row`: layers that were not found, and one that is close to the tolerance."""
    earlier = record.layers[: record.layers.index(row)]
    found = []
    lost = [one.layer for one in reversed(earlier) if one.verdict is Verdict.NOT_FOUND]
    if earlier and earlier[-1].verdict is Verdict.NOT_FOUND:
        found.append(f"It may have begun in {lost[0]}, which was not found.")
    near = [one for one in earlier if (one.worst_channel or 0) > record.tolerance / 2]
    if near:
        found.append(f"It may have begun in {near[0].layer}, which is close to it ({_short(near[0].worst_channel)}).")
    return found


def _blame(record: Diagnosis, row: LayerRow) -> str:
    corrupt = record.state == State.CORRUPT
    since = ", or what changed the file since" if corrupt else ""
    if record.precision == Precision.FLOAT32:
        return f"Conversion is to blame{since}: nothing is quantized here."
    if row.conversion is None or row.quantization is None:
        why = record.unsplit or f"{row.layer} was not found in the float32 artifact"
        return f"Whether conversion or quantization is to blame cannot be told: {why}."
    wrong = row.conversion > record.float32_tolerance
    parts = f"conversion {_short(row.conversion)}, quantization {_short(row.quantization)}"
    if not wrong:
        return f"Quantization is to blame{since}: the float32 artifact is right there ({parts})."
    if row.quantization <= record.tolerance:
        return f"Conversion is to blame: the float32 artifact is wrong there too ({parts})."
    return f"Conversion and quantization are both to blame{since}: each alone is past its tolerance ({parts})."


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"
