"""Reports of fixed records, as they come from a store."""

from pathlib import Path

from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.pipeline.gathering import gather
from mnist_deploy.reports.report import Report, build
from mnist_deploy.results import Results
from tests.recordings import recording
from tests.records import RECORDS


def stored(root: Path, results: Results = RECORDS, *, samples: bool = True) -> ArtifactStore:
    """A store that holds these results, and raw samples that go with them."""
    store = ArtifactStore(root)
    results.save(store.results)
    if samples and results.samples:
        recording(results).save(store.results / results.samples)
    return store


def report(root: Path, results: Results = RECORDS, *, samples: bool = True) -> Report:
    return build(gather(stored(root, results, samples=samples)))
