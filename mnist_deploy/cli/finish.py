"""How commands end: the errors for checks that were carried out and did not hold."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_deploy.parity import ProcessorRow


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
