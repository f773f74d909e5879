"""What the options say of how much is measured, and which of them exclude each other."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mnist_deploy.cli import quantities
from mnist_deploy.errors import UsageError, shown

if TYPE_CHECKING:
    from mnist_deploy.benchmark.schedule import Plan

LONGEST_S = 168 * 3600.0


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
    """Refuse options that have no effect without another.

    Raises:
        UsageError: one of `given` has a value; it names that one.
    """
    for option, value in given.items():
        if _given(value):
            raise UsageError(f"{option}: has no effect without {needed}; leave it out, or add {needed}")


def nothing_besides(why: str, others: Mapping[str, object]) -> None:
    """Hold that none of `others` is given besides an option that says all that they would; `why` says which.

    Raises:
        UsageError: one is.
    """
    for name, value in others.items():
        if _given(value):
            raise UsageError(f"{why}; leave out {name}")


def _given(value: object) -> bool:
    return bool(value) or value == ""


def duration_s(option: str, text: str) -> float | None:
    """Return the seconds that `text` means: '90', '90s', '1.5m', '2h'; None for 'none'.

    Raises:
        UsageError: it means no time above zero, or more than a week, which no clock of a process is asked for.
    """
    if text.strip().lower() == "none":
        return None
    try:
        limit = quantities.duration_s(option, text, bare=True)
    except UsageError as error:
        told = "not a time; give seconds or a unit, as 90, 90s, 5m, or none"
        raise UsageError(f"{option} {shown(text)}: {told}") from error
    if limit > LONGEST_S:
        raise UsageError(f"{option} {shown(text)}: more than a week; give at most 168h, or none")
    return limit
