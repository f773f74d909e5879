"""What every format of a report is made from."""

from dataclasses import dataclass

from mnist_deploy.dataset import Dataset
from mnist_deploy.decisions.records import Recommendation
from mnist_deploy.pipeline.gathering import Gathered


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
