"""Why a precision is slower or faster than float32, in one paragraph that follows from the records alone."""

from collections.abc import Sequence

from mnist_deploy import cpu
from mnist_deploy.benchmark.comparison import MARGIN, Verdict
from mnist_deploy.plural import counted
from mnist_deploy.profiling.records import RESOLUTION_S, Kind, Operator, Profile, Twins
from mnist_deploy.profiling.twins import reach
from mnist_deploy.reports.units import percent, seconds, times

# Sums of operators this far from an ordinary call are explained, so that nobody takes them for the call's own parts.
FAR = 0.15
# The kinds of operators that are named, largest first, make up at least this share of what goes the call's way.
NAMED_SHARE = 0.8


def finding(other: Profile, float32: Profile, twins: Twins, features: Sequence[str]) -> str:
    """Return what the records say of `other` against its float32 twin.

    Args:
        other: the profile of the precision that is judged.
        float32: that of its twin.
        twins: their slices against each other.
        features: the processor's instruction sets, as `cpu.features` returns them.
    """
    judged = reach(twins.ratios).verdict
    sentences = [_verdict(other, float32, twins)]
    if judged in {Verdict.SLOWER, Verdict.FASTER}:
        sentences += [_costs(other, float32, slower=judged is Verdict.SLOWER), _kernels(other)]
    sentences.append(_unfused(other))
    if judged in {Verdict.SLOWER, Verdict.FASTER}:
        sentences += [_processor(features), _sums(other, float32)]
    return " ".join(sentences)


def _verdict(other: Profile, float32: Profile, twins: Twins) -> str:
    found = reach(twins.ratios)
    says = {
        Verdict.SLOWER: f"{other.precision} is slower here",
        Verdict.FASTER: f"{other.precision} is faster here",
        Verdict.TIE: f"{other.precision} and float32 differ by less than {MARGIN:.0%} here",
        Verdict.UNDECIDED: f"between {other.precision} and float32 there is no difference beyond the spread here",
    }[found.verdict]
    measured = (
        f"{seconds(other.wall_s)} a call against {seconds(float32.wall_s)} in float32, {times(found.median)} as long"
    )
    pairs = counted(len(twins.ratios), "pair of slices", "pairs of slices")
    processes = counted(twins.processes, "process", "processes")
    interval = f"95 % interval {times(found.low)} to {times(found.high)}, {pairs} in {processes}"
    return f"{says}: {measured} ({interval})."


def _costs(other: Profile, float32: Profile, *, slower: bool) -> str:
    """Say which kinds of operators go the way that the call goes, and whether the others take some of it back.

    A change counts only if it is larger than what the profiler may have dropped of the side that takes less.
    """
    sign, way, back = (1, "more", "less") if slower else (-1, "less", "more")
    longer, shorter = (other, float32) if slower else (float32, other)
    changes = {kind: sign * (_of(other, kind) - _of(float32, kind)) for kind in Kind}
    along = {kind: change for kind, change in changes.items() if change > _dropped(shorter, kind)}
    against = {kind: -change for kind, change in changes.items() if -change > _dropped(longer, kind)}
    if sum(changes.values()) <= 0 or not along:
        return f"The profile does not show it: in it the operators of {other.precision} do not take {way} time."
    named, share = [], 0.0
    for kind in sorted(along, key=lambda kind: -along[kind]):
        if share >= NAMED_SHARE * sum(along.values()):
            break
        named.append(f"{_change(kind, along[kind], way)} ({_names(other, kind)} against {_names(float32, kind)})")
        share += along[kind]
    rest = [_change(kind, against[kind], back) for kind in sorted(against, key=lambda kind: -against[kind])]
    return f"The profile has {', '.join(named)}{'; ' if rest else ''}{', '.join(rest)}."


def _dropped(profile: Profile, kind: Kind) -> float:
    return RESOLUTION_S * max(1, sum(one.times for one in profile.operators if one.kind is kind))


def _change(kind: Kind, change: float, way: str) -> str:
    return f"{seconds(change)} {way} for {kind}"


def _names(profile: Profile, kind: Kind) -> str:
    """Return the operators of a kind by type: '2 QLinearConv 32.9 us'."""
    groups: dict[str, list[Operator]] = {}
    for one in profile.operators:
        if one.kind is kind:
            groups.setdefault(one.op, []).append(one)
    return ", ".join(f"{_many(len(some))}{op} {operators_time(some)}" for op, some in groups.items()) or "none"


def _many(count: int) -> str:
    return f"{count} " if count > 1 else ""


def _kernels(other: Profile) -> str:
    """Name what computed the layers that have weights."""
    layers = [one for one in other.operators if one.kind in {Kind.CONVOLUTION, Kind.DENSE}]
    names = dict.fromkeys(f"{one.op} by {one.kernel}" for one in layers)
    return f"The layers ran as {', '.join(names)}." if names else "The profile names no kernel of a layer."


def _unfused(other: Profile) -> str:
    count = other.unfused_qdq
    if not count:
        return "No quantise or dequantise node is left unfused."
    nodes = f"{count} quantise or dequantise {'node is' if count == 1 else 'nodes are'} left unfused"
    timed = [one for one in other.operators if one.kind is Kind.CONVERSION]
    if not timed:
        return f"{nodes}, each below the microsecond that the profile resolves."
    if len(timed) < count:
        rest = "the others are below the microsecond that it resolves"
        return f"{nodes}; the profile has {len(timed)} of them with {operators_time(timed)}, {rest}."
    return f"{nodes}, {operators_time(timed)} by the profile."


def _processor(features: Sequence[str]) -> str:
    dots = cpu.int8_dot_products(features)
    if not features:
        return "The machine does not tell the processor's instruction sets."
    if not dots:
        return "The processor names no int8 dot product instruction."
    return f"The processor has int8 dot products ({', '.join(dots)}); whether a kernel uses them is not in the profile."


def _sums(other: Profile, float32: Profile) -> str:
    """Set the operators against ordinary calls of the same moments, and explain what does not fit."""
    pair = (other, float32)
    shares = [one.operators_s / one.beside_s for one in pair]
    parts = [
        f"{seconds(one.operators_s)} in {one.precision} ({percent(share)} of an ordinary call beside the profile)"
        for one, share in zip(pair, shares, strict=True)
    ]
    why = []
    over = [one for one, share in zip(pair, shares, strict=True) if share > 1 + FAR]
    if over:
        least = " and ".join(f"{seconds(_own_work(one))} a node in {one.precision}" for one in over)
        why.append(f"what is above 100% is added by profiling itself, at least {least}")
    if min(shares) < 1 - FAR:
        why.append("what is missing lies outside the operators, or below what the profiler resolves")
    between = f"the operators differ by {seconds(abs(other.operators_s - float32.operators_s))} in all"
    calls = f"those calls by {seconds(abs(other.beside_s - float32.beside_s))}"
    explained = "".join(f"; {reason}" for reason in why)
    return f"The operators add up to {' and '.join(parts)}; {between}, {calls}{explained}."


def _own_work(profile: Profile) -> float:
    """Return what profiling adds to a node at least: without it the operators cannot take more than the whole call."""
    return (profile.operators_s - profile.beside_s) / sum(one.times for one in profile.operators)


def operators_time(some: Sequence[Operator]) -> str:
    """Return what operators take together; 'under n us' if that is less than what the profiler may have dropped."""
    total, dropped = sum(one.seconds for one in some), RESOLUTION_S * sum(one.times for one in some)
    return seconds(total) if total >= dropped else f"under {round(dropped * 1e6)} us"


def _of(profile: Profile, kind: Kind) -> float:
    return sum(one.seconds for one in profile.operators if one.kind is kind)
