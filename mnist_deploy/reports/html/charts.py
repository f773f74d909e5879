"""The page's charts, as Vega-Lite specifications that Altair makes and checks.

Colours are names of the page's own style (`var(--c0)`, `currentColor`), so that a chart follows light and dark by
itself; legends are the page's too, since Vega's do not wrap on a phone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mnist_deploy.decisions.records import Candidate
from mnist_deploy.kinds import kind
from mnist_deploy.reports.html.cells import label, runtime_of
from mnist_deploy.reports.html.distributions import Distribution
from mnist_deploy.reports.layout import quiet_reach
from mnist_deploy.reports.measurements import standing
from mnist_deploy.reports.units import number_bytes, percent, seconds
from mnist_deploy.results import TrainingRow

Spec = dict[str, Any]

COLOURS = 8
SHAPES = {"float32": "circle", "float16": "square", "dynamic": "triangle-up", "int8": "diamond"}
STEP = 24
# As `units.seconds` writes it.
SI_SECONDS = "replace(format(datum.value, '~s'), 'µ', 'u') + 's'"
# Beyond so many decades only powers of ten are marked.
FEW_DECADES = 2.0


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour of the page for each name, the same wherever it stands; after eight they come again."""
    return {name: f"var(--c{number % COLOURS})" for number, name in enumerate(dict.fromkeys(names))}


def front(cells: Sequence[Candidate]) -> list[Candidate]:
    """Return the Pareto front of quiet p50 against accuracy, fastest first: no other is as fast and as accurate.

    Only what was verified and kept its gate can stand on it.
    """
    found: list[Candidate] = []
    best = -math.inf
    for one in sorted(cells, key=lambda one: (one.latency_s, -(one.accuracy or 0.0))):
        if one.passed and one.accuracy is not None and one.accuracy > best:
            found.append(one)
            best = one.accuracy
    return found


def pareto(cells: Sequence[Candidate], palette: Mapping[str, str]) -> Spec | None:
    """Return quiet p50 against accuracy, a bubble as large as the artifact; None if no accuracy is known."""
    import altair as alt

    known = [one for one in cells if one.accuracy is not None]
    if not known:
        return None
    points = [
        {
            "x": one.latency_s,
            "y": one.accuracy,
            "s": one.measurement.size_bytes,
            "r": runtime_of(one.measurement),
            "p": one.measurement.precision,
            "fail": one.passed is False,
            "artifact": kind(one.measurement),
            "p50": _p50(one),
            "accuracy": f"{one.accuracy:.4f} ({one.accuracy_low or 0:.4f} to {one.accuracy_high or 0:.4f})",
            "size": number_bytes(one.measurement.size_bytes),
            "parity": "; ".join([*one.failures, *one.warnings]) or "ok",
        }
        for one in known
    ]
    runtimes = [runtime_of(one.measurement) for one in known]
    line = [{"x": one.latency_s, "y": one.accuracy} for one in front(known)]
    times = [one.latency_s for one in known]
    axis = _time_axis(alt, min(times) / 2, max(times) * 2)
    x = alt.X("x:Q", title="quiet p50 of one call", scale=alt.Scale(type="log", nice=False, padding=22), axis=axis)
    y = alt.Y(
        "y:Q", title="accuracy", scale=alt.Scale(zero=False, padding=22), axis=alt.Axis(format=".2%", tickCount=5)
    )
    base = alt.Chart(alt.Data(values=points)).encode(x=x, y=y)
    bubbles = base.mark_point(strokeWidth=1.5).encode(
        size=alt.Size("s:Q", scale=alt.Scale(range=[40, 700], zero=True), legend=None),
        color=_colour(alt, "r", palette, runtimes),
        fill=alt.Fill("r:N", scale=_scale(alt, palette, runtimes), legend=None),
        fillOpacity=alt.condition("datum.fail", alt.value(0), alt.value(0.35)),
        shape=alt.Shape("p:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=None),
        order=alt.Order("s:Q", sort="descending"),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("artifact", "p50", "accuracy", "size", "parity")]
        + [alt.Tooltip("r:N", title="runtime")],
    )
    layers = [bubbles]
    if len(line) > 1:
        steps = alt.Chart(alt.Data(values=line)).mark_line(
            interpolate="step-after", strokeDash=[4, 3], color="currentColor", opacity=0.5
        )
        layers.insert(0, steps.encode(x="x:Q", y="y:Q"))
    if any(point["fail"] for point in points):
        crosses = base.transform_filter("datum.fail").mark_text(text="✕", fontSize=11, color="currentColor")
        layers.append(crosses)
    return _spec(alt.layer(*layers), 300)


def bars(cells: Sequence[Candidate], palette: Mapping[str, str]) -> Spec:
    """Return each cell's quiet p50 with its interval, fastest first, its rank before its name."""
    import altair as alt

    names = _names(cells)
    runtimes = [runtime_of(one.measurement) for one in cells]
    tops = [one.measurement.latency_quiet_high_s or one.latency_s for one in cells]
    least = min(one.measurement.latency_quiet_low_s or one.latency_s for one in cells)
    # A logarithmic axis has no zero: bars begin a little below the least of them, so only their ends can be compared.
    start = least / (max(tops) / least * 2) ** 0.15
    # The figure beside a bar needs room.
    end = max(tops) * (max(tops) / start) ** 0.3
    points = [
        {
            "y": name,
            "x": one.latency_s,
            "start": start,
            "top": top,
            "text": seconds(one.latency_s),
            "low": one.measurement.latency_quiet_low_s,
            "high": one.measurement.latency_quiet_high_s,
            "r": runtime_of(one.measurement),
            "p50": _p50(one),
            "passes": one.measurement.passes,
        }
        for name, one, top in zip(names, cells, tops, strict=True)
    ]
    x = alt.X(
        "x:Q",
        title="quiet p50 of one call",
        scale=alt.Scale(type="log", domain=[start, end], nice=False),
        axis=_time_axis(alt, start, end),
    )
    base = alt.Chart(alt.Data(values=points)).encode(y=_rows(alt, names))
    colour = _colour(alt, "r", palette, runtimes)
    tips = [alt.Tooltip("y:N", title="artifact"), alt.Tooltip("p50:N"), alt.Tooltip("passes:Q")]
    boxes = base.mark_bar(height=13, opacity=0.4).encode(x=x, x2="start:Q", color=colour, tooltip=tips)
    ticks = base.mark_tick(thickness=2.5, height=13).encode(x="x:Q", color=colour, tooltip=tips)
    texts = base.mark_text(align="left", dx=6, color="currentColor").encode(x="top:Q", text="text:N")
    layers = [boxes, ticks, texts]
    if any(point["low"] for point in points):
        whiskers = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5, color="currentColor")
        layers.append(whiskers.encode(x="low:Q", x2="high:Q"))
    return _spec(alt.layer(*layers), STEP * len(names))


def strips(cells: Sequence[Candidate], found: Sequence[Distribution | None], palette: Mapping[str, str]) -> Spec | None:
    """Return how each cell's calls spread about its p50: the darker, the more calls; None if none is known."""
    import altair as alt

    names = dict(zip(_names(cells), found, strict=True))
    runtimes = {name: runtime_of(one.measurement) for name, one in zip(names, cells, strict=True)}
    blocks: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for (name, spread), one in zip(names.items(), cells, strict=True):
        if spread is None:
            continue
        most = max((share for *_, share in spread.bins), default=1.0)
        for low, high, share in spread.bins:
            shown = {"y": name, "a": round(low, 4), "b": round(high, 4), "d": round((share / most) ** 0.5, 3)}
            blocks.append({**shown, "r": runtimes[name], "share": f"{share:.2%} of {spread.calls:,} calls"})
        # A dot in a field's name would mean a field of a field.
        box = {f"q{100 * number:02.0f}": value / one.latency_s for number, value in spread.quantiles_s.items()}
        boxes.append({"y": name, **box})
    if not blocks:
        return None
    domain = [min([0.9, *(block["a"] for block in blocks)]), max([1.2, *(block["b"] for block in blocks)])]
    ticks = [0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 4]
    axis = alt.Axis(labelExpr="format(datum.value, '~g') + 'x'", values=ticks, labelOverlap="greedy")
    x = alt.X("a:Q", title="call over p50", scale=alt.Scale(type="log", domain=domain, nice=False), axis=axis)
    y = _rows(alt, [name for name, spread in names.items() if spread])
    cloud = (
        alt.Chart(alt.Data(values=blocks))
        .mark_bar(height=15)
        .encode(
            x=x,
            x2="b:Q",
            y=y,
            color=_colour(alt, "r", palette, list(runtimes.values())),
            opacity=alt.Opacity("d:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 0.95]), legend=None),
            tooltip=[alt.Tooltip("y:N", title="artifact"), alt.Tooltip("share:N")],
        )
    )
    layers = [cloud]
    for start, end, width in (("q05", "q95", 1), ("q25", "q75", 3)):
        told = [one for one in boxes if start in one]
        if told:
            rules = alt.Chart(alt.Data(values=told)).mark_rule(strokeWidth=width, color="currentColor", yOffset=10)
            layers.append(rules.encode(y=y, x=f"{start}:Q", x2=f"{end}:Q"))
    return _spec(alt.layer(*layers), (STEP + 6) * len(boxes))


def curves(rows: Sequence[TrainingRow], figure: str, palette: Mapping[str, str]) -> Spec | None:
    """Return a figure of Keras's by epoch, a line for each network; None if no training tells it."""
    import altair as alt

    points: list[tuple[str, int, float]] = [
        (row.architecture, epoch, value)
        for row in rows
        for epoch, value in enumerate(row.history.get(figure, []), start=1)
        if math.isfinite(value)
    ]
    if not points:
        return None
    epochs = alt.Scale(domain=[1, max(2, *(epoch for _, epoch, _ in points))])
    x = alt.X("x:Q", title="epoch", scale=epochs, axis=alt.Axis(format="d", tickMinStep=1))
    least, most = min(value for *_, value in points), max(value for *_, value in points)
    if "loss" in figure and least > 0:
        scale = alt.Scale(type="log", nice=False, padding=8)
        axis = alt.Axis(format="~g", values=_round(least, most))
    else:
        scale, axis = alt.Scale(zero=False), alt.Axis(format="~g")
    shown = [{"r": name, "x": epoch, "y": value, "value": f"{value:.4f}"} for name, epoch, value in points]
    chart = alt.Chart(alt.Data(values=shown)).mark_line(point=alt.OverlayMarkDef(size=22, filled=True), strokeWidth=1.5)
    titles = {"r:N": "network", "x:Q": "epoch", "value:N": "value"}
    chart = chart.encode(
        x=x,
        # No titles from records, here or in tooltips: they would be written into Vega's expressions.
        y=alt.Y("y:Q", title=None, scale=scale, axis=axis),
        color=_colour(alt, "r", palette, list(palette)),
        tooltip=[alt.Tooltip(field, title=title) for field, title in titles.items()],
    )
    return _spec(chart, 260)


def _names(cells: Sequence[Candidate]) -> list[str]:
    rows = [one.measurement for one in cells]
    return [f"{standing(row)}  {label(row)}".removeprefix("-  ") for row in rows]


def _p50(one: Candidate) -> str:
    far = quiet_reach(one.measurement)
    return seconds(one.latency_s) + ("" if far is None else f" ±{percent(far)}")


def _time_axis(alt: Any, least: float, most: float) -> Any:
    return alt.Axis(labelExpr=SI_SECONDS, values=_round(least, most), labelOverlap="greedy")


def _round(least: float, most: float) -> list[float]:
    """Return round numbers between two positive ones, for a logarithmic axis: Vega marks nine a decade."""
    digits = (1,) if math.log10(most / least) > FEW_DECADES else (1, 2, 5)
    decades = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    numbers = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return [number for number in numbers if least <= number <= most]


def _rows(alt: Any, names: Sequence[str]) -> Any:
    axis = alt.Axis(labelLimit=210, domain=False, ticks=False, labelPadding=8, grid=False)
    # Not `sort`, which would write the names into an expression: Vega cannot read every one of them there.
    return alt.Y("y:N", title=None, scale=alt.Scale(domain=list(names)), axis=axis)


def _scale(alt: Any, palette: Mapping[str, str], names: Sequence[str]) -> Any:
    shown = [name for name in palette if name in names]
    return alt.Scale(domain=shown, range=[palette[name] for name in shown])


def _colour(alt: Any, name: str, palette: Mapping[str, str], names: Sequence[str]) -> Any:
    return alt.Color(f"{name}:N", scale=_scale(alt, palette, names), legend=None)


def _spec(chart: Any, height: Any) -> Spec:
    made: Spec = chart.properties(width="container", height=height).to_dict()
    # An address, which nobody asks for, but which a reader of the page's source would wonder at; and a default theme.
    return {name: value for name, value in made.items() if name not in {"$schema", "config"}} | {
        "autosize": {"type": "fit-x", "contains": "padding"}
    }
