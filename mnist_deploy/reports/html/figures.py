"""A chart of the page with what stands around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mnist_deploy.reports.html.axes import Spec


@dataclass(frozen=True)
class Figure:
    """A chart, what it shows in words, its legend (colors by name), and what to know when reading it."""

    spec: Spec
    title: str
    legend: Mapping[str, str]
    notes: Sequence[str] = ()
    shapes: bool = False
