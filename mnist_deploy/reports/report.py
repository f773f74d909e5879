"""What every format of a report is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_deploy import dataset
from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.recording import Recording
from mnist_deploy.dataset import Dataset
from mnist_deploy.decisions.identity import models
from mnist_deploy.decisions.recommendation import candidates, recommend
from mnist_deploy.decisions.records import Recommendation, Wishes
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.pipeline.gathering import Gathered
from mnist_deploy.results import Results


@dataclass(frozen=True)
class Report:
    """Joined results, and what is shown beside them.

    Attributes:
        gathered: the results, their files, and the raw samples.
        recommendation: the fastest artifact that kept its gate; None where nothing was measured.
        dataset: the data that the results were made with, for pictures; None if it is not at hand.
    """

    gathered: Gathered
    recommendation: Recommendation | None
    dataset: Dataset | None


def build(
    gathered: Gathered, names: Sequence[str] | None = None, data: Path | None = None, *, pictures: bool = False
) -> Report:
    """Add to results what a report shows beside them.

    Args:
        gathered: the results.
        names: the networks that the report is about; None means all.
        data: where the data is that the results were made with; None means the embedded MNIST.
        pictures: whether the report shows images; the embedded MNIST is read only then, and only shown if it is what
            the results were made with.

    Raises:
        UsageError: a network is not in the results, or `data` is not what they were made with.
        DataError: `data` cannot be read.
    """
    found = gathered.results if names is None else narrowed(gathered.results, names)
    return Report(
        gathered=replace(gathered, results=found),
        recommendation=recommend(found, Wishes()) if candidates(found) else None,
        dataset=_dataset(found, data) if pictures or data else None,
    )


def narrowed(results: Results, names: Sequence[str]) -> Results:
    """Return what `results` say of some networks, and of what concerns none in particular.

    Raises:
        UsageError: they say nothing of one of `names`.
    """
    known = models(results)
    for name in names:
        if name not in known:
            raise UsageError(f"--architecture {name}: not in these results; they hold {', '.join(known)}")
    return results.model_copy(
        update={
            "training": [one for one in results.training if one.architecture in names],
            "parity": [one for one in results.parity if one.architecture in names],
            "measurements": [one for one in results.measurements if one.architecture in names],
            "skips": [one for one in results.skips if one.architecture in (None, *names)],
        }
    )


def samples(gathered: Gathered) -> Recording:
    """Read the raw samples that belong to the results.

    Raises:
        ArtifactError: there are none, or their file is damaged.
    """
    source, name = gathered.sources[0], gathered.results.samples
    again = "or measure again: mnist-deploy bench"
    if name is None:
        raise ArtifactError(f"{source}: names no raw samples; give results that were measured, {again}")
    if gathered.samples is None:
        raise ArtifactError(f"{source.parent / name}: no such raw samples; put the file beside {source.name}, {again}")
    try:
        return recording.load(gathered.samples)
    except Exception as error:  # numpy and zipfile raise half a dozen kinds for a damaged archive
        raise ArtifactError(f"{gathered.samples}: not readable raw samples; fetch the file anew, {again}") from error


def _dataset(results: Results, data: Path | None) -> Dataset | None:
    found = dataset.load(data, training=False)
    if found.sha256 == results.data_sha256:
        return found
    if data is not None:
        seen, made_with = found.sha256[:12], results.data_sha256[:12]
        raise UsageError(f"--data {data}: not what these results were made with (SHA-256 {seen}, not {made_with})")
    return None
