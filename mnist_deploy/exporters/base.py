"""What every export format offers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from mnist_deploy.artifacts import ModelRequirements, Precision
from mnist_deploy.exporters.source import Source
from mnist_deploy.versions import importable


class Exporter(ABC):
    """Writes a trained Keras model as one format, in one or more precisions.

    Class attributes:
        format: its name on the command line and in the manifest.
        suffix: what follows the precision in the name of a file or folder, with its dot; or the name of the one
            folder of a format that has one precision.
        precisions: what it can write.
        distributions: the installed packages whose versions belong to the provenance.
        oldest_runtimes: by package the oldest version of a runtime in which all that it writes, in every precision and
            variant, was seen to work; name one only if a step of `.ci/run` checks it.
        on_request: True for a format that is exported only when it is named, or with `--format all`.
        order: its place among the formats in lists.
    """

    format: ClassVar[str]
    suffix: ClassVar[str]
    precisions: ClassVar[tuple[Precision, ...]]
    distributions: ClassVar[tuple[str, ...]]
    oldest_runtimes: ClassVar[Mapping[str, str]] = {}
    on_request: ClassVar[bool] = False
    order: ClassVar[int]

    @classmethod
    @abstractmethod
    def modules(cls, precision: Precision) -> Sequence[str]:
        """Return the modules that an export in `precision` imports; each is named as its package on the index."""

    @classmethod
    def missing(cls, precision: Precision) -> list[str]:
        """Return those of `modules` that are not installed."""
        return [module for module in cls.modules(precision) if not importable(module)]

    @abstractmethod
    def export(self, source: Source, precision: Precision, path: Path) -> None:
        """Write a model to `path`, a file or a folder that does not exist yet.

        Args:
            source: the model, and what several exports of it share.
            precision: one of `precisions`.
            path: where to write.
        """

    def requirements(self, path: Path) -> ModelRequirements | None:
        """Return what a runtime needs for what `export` wrote to `path`; None for a format that does not say."""
        return None
