"""What changed besides the latency: sizes, accuracy, versions. For information, and pure functions of results."""

from mnist_deploy.decisions.change_records import AccuracyChange, SizeChange
from mnist_deploy.kinds import ARTIFACT, identity
from mnist_deploy.parity import ParityRow
from mnist_deploy.parity.statistics import mcnemar
from mnist_deploy.results import Results


def sizes(base: Results, head: Results) -> list[SizeChange]:
    """Return the sizes of the artifacts that both have measured."""
    before, after = ({identity(one): one.size_bytes for one in results.measurements} for results in (base, head))
    return [
        SizeChange(**dict(zip(ARTIFACT, name, strict=True)), base_bytes=size, head_bytes=after[name])
        for name, size in before.items()
        if name in after
    ]


def accuracies(base: Results, head: Results) -> list[AccuracyChange]:
    """Return the accuracies of what both have verified over the same images."""
    if base.data_sha256 != head.data_sha256:
        return []
    after = {AccuracyChange.key(row): row for row in head.parity}
    pairs = [(row, after[name]) for row in base.parity if (name := AccuracyChange.key(row)) in after]
    return [_accuracy(before, now) for before, now in pairs if before.images == now.images]


def versions(base: Results, head: Results) -> list[str]:
    """Return what changed its version, as 'onnxruntime: 1.31.0 to 1.32.0': this package, Python, the libraries.

    Then what these require, where both sides have it: what only came or went, its library's own change tells.
    """
    one, other = base.environment, head.environment
    before, after = (
        {"mnist-deploy": side.mnist_deploy, "python": side.python, "platform": side.platform, **side.libraries}
        for side in (one, other)
    )
    known = {name.lower() for name in (*before, *after)}
    for name in sorted((one.distributions.keys() & other.distributions.keys()) - known):
        before[name], after[name] = one.distributions[name], other.distributions[name]
    names = [*before, *(name for name in after if name not in before)]
    return [
        f"{name}: {before.get(name, 'absent')} to {after.get(name, 'absent')}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def _accuracy(before: ParityRow, now: ParityRow) -> AccuracyChange:
    lost, gained = _changed_answers(before, now) if before.model_sha256 == now.model_sha256 else (None, None)
    return AccuracyChange(
        architecture=now.architecture,
        format=now.format,
        precision=now.precision,
        variant=now.variant,
        runtime=now.runtime,
        device=now.device,
        base_accuracy=before.accuracy,
        head_accuracy=now.accuracy,
        lost=lost,
        gained=gained,
        p_value=None if lost is None or gained is None else mcnemar(lost, gained),
    )


def _changed_answers(before: ParityRow, now: ParityRow) -> tuple[int, int]:
    """Return how many images became wrong, and how many right: both rows tell where they part from the same scores."""
    old, new = ({flip.image: flip for flip in row.flips} for row in (before, now))
    lost = gained = 0
    for image in old.keys() | new.keys():
        known = old.get(image) or new[image]
        was, is_ = (flips[image].answer if image in flips else known.reference for flips in (old, new))
        lost += was == known.label != is_
        gained += was != known.label == is_
    return lost, gained
