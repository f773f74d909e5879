"""Quiet p50 against accuracy, as a Vega-Lite specification: a bubble as large as the artifact, the front marked."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnist_deploy.decisions.front import pareto_front
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.reports.html.axes import Spec, accuracy_domain, color_scale, colored_by, finished, time_axis
from mnist_deploy.reports.html.cells import label
from mnist_deploy.reports.layout import quiet_p50
from mnist_deploy.reports.units import number_bytes

SHAPES = {"float32": "circle", "float16": "square", "dynamic": "triangle-up", "int8": "diamond"}
# Front points closer than this share of an axis share their number's place, which would else be written over.
CLOSE = 0.06


def scatter(
    cells: Sequence[Candidate], palette: Mapping[str, str], group: Callable[[Candidate], str], height: int
) -> Spec | None:
    """Return quiet p50 against accuracy; None if no accuracy is known.

    Those on the Pareto front are opaque, with the 95 % interval of their accuracy and their number in order of p50.

    Args:
        cells: of one batch size and number of threads.
        palette: colour by group.
        group: what a cell is coloured by: its network, or its runtime.
        height: in pixels.
    """
    import altair as alt

    known = [cell for cell in cells if cell.accuracy is not None]
    if not known:
        return None
    front = pareto_front(known)
    points = [_point(cell, group(cell), on_front=cell in front) for cell in known]
    groups = [group(cell) for cell in known]
    times = [cell.latency_s for cell in known]
    x = alt.X(
        "x:Q",
        title="quiet p50 of one call",
        scale=alt.Scale(type="log", nice=False, padding=26),
        axis=time_axis(alt, min(times) / 2, max(times) * 2),
    )
    domain = accuracy_domain(
        bound for cell in known for bound in (cell.accuracy, cell.accuracy_low, cell.accuracy_high) if bound is not None
    )
    scale = alt.Scale(domain=domain, nice=False, zero=False, padding=12)
    axis = alt.Axis(format=".2~%", tickCount=6)
    y, low = (alt.Y(f"{field}:Q", title="accuracy", scale=scale, axis=axis) for field in ("y", "low"))
    base = alt.Chart().encode(x=x, y=y)
    bubbles = base.mark_point(strokeWidth=1.5).encode(
        size=alt.Size("s:Q", scale=alt.Scale(range=[40, 700], zero=True), legend=None),
        color=colored_by(alt, "r", palette, groups),
        fill=alt.Fill("r:N", scale=color_scale(alt, palette, groups), legend=None),
        fillOpacity=alt.FillOpacity("inside:Q", scale=None, legend=None),
        strokeOpacity=alt.StrokeOpacity("outline:Q", scale=None, legend=None),
        shape=alt.Shape("p:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=None),
        order=alt.Order("z:Q"),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("network", "artifact", "p50", "accuracy", "size", "parity")],
    )
    layers = [bubbles]
    if front:
        intervals = base.transform_filter("datum.front").mark_rule(color="currentColor", opacity=0.6)
        numbers = alt.Chart(alt.Data(values=_numbers(front, points, domain))).mark_text(
            dx=13, dy=-11, fontSize=12, fontWeight="bold", color="currentColor", align="left"
        )
        layers.insert(0, intervals.encode(y=low, y2="high:Q"))
        layers.append(numbers.encode(x=x, y=y, text="text:N"))
    if any(point["fail"] for point in points):
        layers.append(base.transform_filter("datum.fail").mark_text(text="✕", fontSize=11, color="currentColor"))
    return finished(alt.layer(*layers, data=alt.Data(values=points)), height)


def _point(cell: Candidate, group: str, *, on_front: bool) -> dict[str, Any]:
    low, high = cell.accuracy_low, cell.accuracy_high
    interval = "" if low is None or high is None else f" ({low:.4f} to {high:.4f})"
    return {
        "x": cell.latency_s,
        "y": cell.accuracy,
        "low": cell.accuracy if low is None else low,
        "high": cell.accuracy if high is None else high,
        "s": cell.measurement.size_bytes,
        "z": -cell.measurement.size_bytes + 1e12 * on_front,  # large ones first, the front above all
        "r": group,
        "p": cell.measurement.precision,
        "fail": cell.passed is False,
        "inside": 0.0 if cell.passed is False else 0.8 if on_front else 0.12,
        "outline": 1.0 if on_front else 0.5,
        "front": on_front,
        "network": cell.measurement.architecture,
        "artifact": label(cell.measurement),
        "p50": quiet_p50(cell.measurement),
        "accuracy": f"{cell.accuracy:.4f}{interval}",
        "size": number_bytes(cell.measurement.size_bytes),
        "parity": "; ".join([*cell.failures, *cell.warnings]) or "ok",
    }


def _numbers(
    front: Sequence[Candidate], points: Sequence[Mapping[str, Any]], domain: Sequence[float]
) -> list[dict[str, Any]]:
    """Return a text for each point of the front, its number; points that lie together share one."""
    decades = max(math.log10(max(point["x"] for point in points) / min(point["x"] for point in points)), 0.1)
    shown: list[dict[str, Any]] = []
    for number, cell in enumerate(front, start=1):
        assert cell.accuracy is not None
        near = next(
            (
                text
                for text in shown
                if abs(math.log10(cell.latency_s / text["x"])) < CLOSE * decades
                and abs(cell.accuracy - text["y"]) < CLOSE * (domain[1] - domain[0])
            ),
            None,
        )
        if near is None:
            shown.append({"x": cell.latency_s, "y": cell.accuracy, "text": str(number)})
        else:
            near.update(x=cell.latency_s, y=max(near["y"], cell.accuracy), text=f"{near['text']}, {number}")
    return shown
