"""The digits whose class flipped: their pictures, and who answers what."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from mnist_deploy.dataset import Dataset, UInt8Array
from mnist_deploy.parity import ParityRow
from mnist_deploy.parity.agreement import Flip
from mnist_deploy.reports.layout import who
from mnist_deploy.results import Results

# More than this tell a reader no more; the parity table counts them all.
SHOWN = 24


@dataclass(frozen=True)
class Digit:
    """A flipped image: its index in the test set, who has it right, and what is said of it."""

    image: int
    kind: str
    caption: str


@dataclass(frozen=True)
class Gallery:
    """The flips that some artifacts of one network share.

    Attributes:
        names: the artifacts with their runtimes.
        counts: how many flips of which kind, in words.
        digits: the first of them: what was lost, then what was gained, then what is wrong both times.
        more: how many are not among them.
        failed: whether one of the artifacts failed its gate.
    """

    names: list[str]
    counts: str
    digits: list[Digit]
    more: int
    failed: bool


def galleries(rows: Sequence[ParityRow], shown: int = SHOWN) -> list[Gallery]:
    """Return the flips of one network's rows; rows that flip the same images to the same answers share a gallery."""
    groups: dict[tuple[tuple[int, int], ...], list[ParityRow]] = {}
    for row in rows:
        if row.flips:
            groups.setdefault(tuple(sorted((one.image, one.answer) for one in row.flips)), []).append(row)
    return [_gallery(members, shown) for members in groups.values()]


def pictures(results: Results, dataset: Dataset | None) -> dict[int, str] | str:
    """Return the image that each gallery shows, as a data URI of a PNG by its index; or why there are none."""
    if dataset is None:
        return "the data is not at hand; name it: mnist-deploy report --data PATH"
    if dataset.sha256 != results.data_sha256:
        return "the data at hand is not what these results were made with; name that: mnist-deploy report --data PATH"
    rows: dict[str, list[ParityRow]] = {}
    for row in results.parity:
        rows.setdefault(row.architecture, []).append(row)
    wanted = {digit.image for group in rows.values() for one in galleries(group) for digit in one.digits}
    known = range(len(dataset.test_images))
    return {image: data_uri(dataset.test_images[image]) for image in sorted(wanted) if image in known}


def data_uri(image: UInt8Array) -> str:
    """Return an image, uint8 (28, 28), as a data URI of a PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _gallery(members: list[ParityRow], shown: int) -> Gallery:
    first = members[0]
    kinds = {"lost": first.lost, "gained": first.gained, "altered": first.altered}
    digits = [_digit(kind, flip) for kind, flips in kinds.items() for flip in flips]
    return Gallery(
        names=[" in ".join(who(row)) for row in members],
        counts=", ".join(f"{len(flips)} {kind}" for kind, flips in kinds.items() if flips),
        digits=digits[:shown],
        more=max(0, len(digits) - shown),
        failed=any(not row.passed for row in members),
    )


def _digit(kind: str, flip: Flip) -> Digit:
    return Digit(flip.image, kind, f"label {flip.label}: Keras {flip.reference}, artifact {flip.answer}")
