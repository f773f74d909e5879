"""Every picture of the README, made again from results.

    python -m benchmarks.pictures ARTIFACTS [FOLDER]

ARTIFACTS is a folder that `mnist-deploy run` wrote; the pictures go to FOLDER, .github/pictures by default. The same
results make the same files, byte for byte, with the same version of rich.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Group, RenderableType

from mnist_deploy import files
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.pipeline.gathering import Gathered, gather
from mnist_deploy.reports import svg, tables
from mnist_deploy.reports.front import front_table
from mnist_deploy.reports.measurements import measurements
from mnist_deploy.reports.report import narrowed

FOLDER = Path(__file__).parents[1] / ".github" / "pictures"
NETWORK = "cnn-relu-16-32"


def speed(found: Gathered) -> RenderableType:
    """A network's speed, and how it was measured: without that a noisy machine would not be seen."""
    parts = list(measurements(narrowed(found.results, [NETWORK])))
    return Group(*parts[:-3], parts[-1])


def front(found: Gathered) -> RenderableType:
    return front_table(found.results) or Group()


def costs(found: Gathered) -> RenderableType:
    return Group(*list(measurements(narrowed(found.results, [NETWORK])))[-3:-1])


def parity(found: Gathered) -> RenderableType:
    return Group(*tables.parity(narrowed(found.results, [NETWORK]).parity))


def training(found: Gathered) -> RenderableType:
    return tables.training(found.results.training, quick=found.results.quick)


# File's stem: of what the picture is, and how it is drawn.
PICTURES: dict[str, tuple[str, Callable[[Gathered], RenderableType]]] = {
    "front": ("all networks", front),
    "speed": (NETWORK, speed),
    "costs": (NETWORK, costs),
    "parity": (NETWORK, parity),
    "training": ("all networks", training),
}


def main(artifacts: Path, folder: Path = FOLDER) -> None:
    found = gather(ArtifactStore(artifacts))
    for stem, (what, drawn) in PICTURES.items():
        path = folder / f"{stem}.svg"
        files.write_text(path, svg.picture(drawn(found), f"mnist-deploy {found.results.command}: {what}"))
        print(path)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
