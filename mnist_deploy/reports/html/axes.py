"""What the page's charts share: axes, scales, and how a chart is finished."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Spec = dict[str, Any]

# As `units.seconds` writes it.
SI_SECONDS = "replace(format(datum.value, '~s'), 'µ', 'u') + 's'"
# Beyond so many decades only powers of ten are marked.
FEW_DECADES = 2.0


def time_axis(alt: Any, least: float, most: float) -> Any:
    """Return a logarithmic axis of seconds with marks between two times."""
    values = round_numbers(least, most)
    # Flush: a label within so many pixels of an end is moved inwards, or the picture's edge would cut it.
    return alt.Axis(labelExpr=SI_SECONDS, values=values, labelOverlap="greedy", labelSeparation=8, labelFlush=18)


def round_numbers(least: float, most: float) -> list[float]:
    """Return round numbers between two positive ones, for a logarithmic axis: Vega marks nine a decade."""
    digits = (1,) if math.log10(most / least) > FEW_DECADES else (1, 2, 5)
    decades = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    numbers = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return [number for number in numbers if least <= number <= most]


def accuracy_domain(bounds: Iterable[float]) -> list[float]:
    """Return the range of an axis from accuracies and the ends of their intervals: never narrower than an interval.

    A narrower one would show differences that are chance as if they were large.
    """
    values = list(bounds)
    return [min(values), max(values)]


def name_rows(alt: Any, names: Sequence[str]) -> Any:
    """Return a vertical axis with a row for each name, in the order given."""
    axis = alt.Axis(labelLimit=320, domain=False, ticks=False, labelPadding=8, grid=False)
    # Not `sort`, which would write the names into an expression: Vega cannot read every one of them there.
    return alt.Y("y:N", title=None, scale=alt.Scale(domain=list(names)), axis=axis)


def color_scale(alt: Any, palette: Mapping[str, str], names: Iterable[str]) -> Any:
    """Return the colors of those names of the palette that occur."""
    present = set(names)
    shown = [name for name in palette if name in present]
    return alt.Scale(domain=shown, range=[palette[name] for name in shown])


def colored_by(alt: Any, field: str, palette: Mapping[str, str], names: Iterable[str]) -> Any:
    """Return the encoding of a field of names by color, without a legend: the page has its own."""
    return alt.Color(f"{field}:N", scale=color_scale(alt, palette, names), legend=None)


def finished(chart: Any, height: Any) -> Spec:
    """Return a chart as a specification as wide as its place on the page."""
    made: Spec = chart.properties(width="container", height=height).to_dict()
    # An address, which nobody asks for, but which a reader of the page's source would wonder at; and a default theme.
    return {name: value for name, value in made.items() if name not in {"$schema", "config"}} | {
        "autosize": {"type": "fit-x", "contains": "padding"}
    }
