"""How commands end: where results are saved, and the errors for checks that were carried out and did not hold."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_deploy.artifacts import ArtifactStore
    from mnist_deploy.parity import ProcessorRow
    from mnist_deploy.progress import Progress


@contextmanager
def saving_results(store: "ArtifactStore", command: str, progress: "Progress") -> Iterator[None]:
    """Hold the store, or the folder of --results, for a with-block in which `command` saves results.

    Raises:
        StorageError: they cannot be saved there; names --results, unless that was given.
    """
    from mnist_deploy.errors import StorageError

    try:
        with store.claimed(command, progress, saves_results=True):
            yield
    except StorageError as error:
        if store.results_elsewhere:
            raise
        raise StorageError(f"{error}; or save the results elsewhere: --results DIR") from error


def require_resources(reasons: Iterable[str | None]) -> None:
    """Require that no limit of the shell was why something failed, given the reasons of what failed.

    Raises:
        ResourceLimitError: one was; names the first.
    """
    from mnist_deploy import resource_limits
    from mnist_deploy.errors import ResourceLimitError

    limited = [reason for reason in reasons if reason is not None and resource_limits.names_limit(reason)]
    if limited:
        raise ResourceLimitError(f"not everything could run; the first reason: {limited[0]}")


def require_same_answers(rows: "Sequence[ProcessorRow]") -> None:
    """Require that artifacts give the same answers on other processors.

    Raises:
        FailedCheckError: one does not; it names the first.
    """
    from mnist_deploy.errors import FailedCheckError
    from mnist_deploy.kinds import kind

    bad = [row for row in rows if not row.passed]
    if bad:
        first = f"{bad[0].architecture} {kind(bad[0])} in {bad[0].runtime}: {bad[0].failures[0]}"
        raise FailedCheckError(f"{len(bad)} of {len(rows)} checks on other processors failed; the first: {first}")
