"""What the options say of how much is measured, and which of them exclude each other."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mnist_deploy.cli import quantities
from mnist_deploy.errors import UsageError

if TYPE_CHECKING:
    from mnist_deploy.benchmark.schedule import Plan


def plan(
    *, quick: bool, rigorous: bool, time_limit: str | None, end_to_end: bool = False, interleaved: bool = False
) -> "Plan":
    """Return how much bench measures, or compare if `interleaved`.

    Raises:
        UsageError: the options contradict each other, or the time is none.
    """
    from mnist_deploy.benchmark.schedule import INTERLEAVED, INTERLEAVED_QUICK, QUICK, RIGOROUS_PASSES, Plan

    if quick and rigorous:
        raise UsageError("--quick and --rigorous contradict each other; give one of them")
    short, whole = (INTERLEAVED_QUICK, INTERLEAVED) if interleaved else (QUICK, Plan())
    chosen: dict[str, object] = {"end_to_end": end_to_end}
    if rigorous:
        chosen |= {"more_passes": RIGOROUS_PASSES, "time_limit_s": None}
    if time_limit is not None:
        chosen["time_limit_s"] = duration_s("--time-limit", time_limit)
    return (short if quick else whole).model_copy(update=chosen)


def only_with(needed: str, given: Mapping[str, object]) -> None:
    """Refuse options that say nothing without another.

    Raises:
        UsageError: one of `given` has a value; it names that one.
    """
    for option, value in given.items():
        if value:
            raise UsageError(f"{option}: it takes part only with {needed}; leave it out, or give {needed}")


def nothing_besides(option: str, others: Mapping[str, object]) -> None:
    """Hold that none of `others` is given besides `option`, which says all that they would.

    Raises:
        UsageError: one is.
    """
    for name, value in others.items():
        if value:
            raise UsageError(f"{option} goes on with what was asked for then; leave out {name}")


def duration_s(option: str, text: str) -> float | None:
    """Return the seconds that `text` means: '90', '90s', '1.5m', '2h'; None for 'none'.

    Raises:
        UsageError: it means no time above zero.
    """
    if text.strip().lower() == "none":
        return None
    try:
        return quantities.duration_s(option, text, bare=True)
    except UsageError as error:
        raise UsageError(f"{option} {text}: not a time; give seconds or a unit, as 90, 90s, 5m, or none") from error
