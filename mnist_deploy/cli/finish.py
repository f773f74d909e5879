"""How commands end: the errors for checks that were carried out and did not hold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_deploy.parity import ProcessorRow


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
