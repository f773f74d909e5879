"""The page's charts, as Vega-Lite specifications that Altair makes and checks.

Colours are names of the page's own style (`var(--c0)`, `currentColor`), so that a chart follows light and dark by
itself; legends are the page's too, since Vega's do not wrap on a phone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mnist_deploy.decisions.records import Candidate
from mnist_deploy.parity.statistics import wilson
from mnist_deploy.reports.html.axes import (
    Spec,
    accuracy_domain,
    colored_by,
    finished,
    name_rows,
    round_numbers,
    time_axis,
)
from mnist_deploy.reports.html.cells import label, runtime_of
from mnist_deploy.reports.html.distributions import Distribution
from mnist_deploy.reports.layout import quiet_p50
from mnist_deploy.reports.units import seconds
from mnist_deploy.results import TrainingRow

COLOURS = 8
STEP = 24
# Of MNIST's test set, which is smaller than its training set: so an axis is as wide as the wider interval of the two.
IMAGES = 10_000


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour of the page for each name, the same wherever it stands; after eight they come again."""
    return {name: f"var(--c{number % COLOURS})" for number, name in enumerate(dict.fromkeys(names))}


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
    end = max(tops) * (max(tops) / start) ** 0.45
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
            "p50": quiet_p50(one.measurement),
            "passes": one.measurement.passes,
        }
        for name, one, top in zip(names, cells, tops, strict=True)
    ]
    x = alt.X(
        "x:Q",
        title="quiet p50 of one call",
        scale=alt.Scale(type="log", domain=[start, end], nice=False),
        axis=time_axis(alt, start, end),
    )
    base = alt.Chart(alt.Data(values=points)).encode(y=name_rows(alt, names))
    colour = colored_by(alt, "r", palette, runtimes)
    tips = [alt.Tooltip("y:N", title="artifact"), alt.Tooltip("p50:N"), alt.Tooltip("passes:Q")]
    boxes = base.mark_bar(height=13, opacity=0.4).encode(x=x, x2="start:Q", color=colour, tooltip=tips)
    ticks = base.mark_tick(thickness=2.5, height=13).encode(x="x:Q", color=colour, tooltip=tips)
    texts = base.mark_text(align="left", dx=6, color="currentColor").encode(x="top:Q", text="text:N")
    layers = [boxes, ticks, texts]
    if any(point["low"] for point in points):
        whiskers = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5, color="currentColor")
        layers.append(whiskers.encode(x="low:Q", x2="high:Q"))
    return finished(alt.layer(*layers), STEP * len(names))


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
    axis = alt.Axis(labelExpr="format(datum.value, '~g') + 'x'", values=ticks, labelOverlap="greedy", labelFlush=18)
    x = alt.X("a:Q", title="call over p50", scale=alt.Scale(type="log", domain=domain, nice=False), axis=axis)
    y = name_rows(alt, [name for name, spread in names.items() if spread])
    cloud = (
        alt.Chart(alt.Data(values=blocks))
        .mark_bar(height=15)
        .encode(
            x=x,
            x2="b:Q",
            y=y,
            color=colored_by(alt, "r", palette, list(runtimes.values())),
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
    return finished(alt.layer(*layers), (STEP + 6) * len(boxes))


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
        axis = alt.Axis(format="~g", values=round_numbers(least, most))
    elif "accuracy" in figure:
        bounds = [bound for *_, value in points for bound in wilson(round(value * IMAGES), IMAGES)]
        scale, axis = alt.Scale(domain=accuracy_domain(bounds), nice=False), alt.Axis(format=".2~%")
    else:
        scale, axis = alt.Scale(zero=False), alt.Axis(format="~g")
    shown = [{"r": name, "x": epoch, "y": value, "value": f"{value:.4f}"} for name, epoch, value in points]
    chart = alt.Chart(alt.Data(values=shown)).mark_line(point=alt.OverlayMarkDef(size=22, filled=True), strokeWidth=1.5)
    titles = {"r:N": "network", "x:Q": "epoch", "value:N": "value"}
    chart = chart.encode(
        x=x,
        # No titles from records, here or in tooltips: they would be written into Vega's expressions.
        y=alt.Y("y:Q", title=None, scale=scale, axis=axis),
        color=colored_by(alt, "r", palette, list(palette)),
        tooltip=[alt.Tooltip(field, title=title) for field, title in titles.items()],
    )
    return finished(chart, 260)


def _names(cells: Sequence[Candidate]) -> list[str]:
    rows = [one.measurement for one in cells]
    return [label(row) if row.rank is None else f"{row.rank}  {label(row)}" for row in rows]
