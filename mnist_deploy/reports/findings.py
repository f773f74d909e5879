"""Why a precision is slower or faster than float32, in one paragraph that follows from the records alone."""

from collections.abc import Sequence

from mnist_deploy import cpu
from mnist_deploy.benchmark.comparison import MARGIN, Verdict
from mnist_deploy.profiling.records import Kind, Operator, Profile, Twins
from mnist_deploy.profiling.twins import reach
from mnist_deploy.reports.layout import counted
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
    measured = f"{seconds(other.wall_s)} a call against {seconds(float32.wall_s)}, {times(found.median)} as long"
    pairs = counted(len(twins.ratios), "pair of slices", "pairs of slices")
    processes = counted(twins.processes, "process", "processes")
    interval = f"95 % interval {times(found.low)} to {times(found.high)}, {pairs} in {processes}"
    return f"{says}: {measured} ({interval})."


def _costs(other: Profile, float32: Profile, *, slower: bool) -> str:
    """Say which kinds of operators go the way that the call goes, and whether the others take some of it back."""
    sign = 1 if slower else -1
    changes = {kind: sign * (_of(other, kind) - _of(float32, kind)) for kind in Kind}
    along = sorted((kind for kind in Kind if changes[kind] > 0), key=lambda kind: -changes[kind])
    total = sum(changes[kind] for kind in along)
    if not along or sum(changes.values()) <= 0:
        way = "more" if slower else "less"
        return f"The profile does not show it: in it the operators of {other.precision} do not take {way} time."
    named, share = [], 0.0
    for kind in along:
        if share >= NAMED_SHARE * total:
            break
        named.append(_change(kind, changes[kind], other, float32, "more" if slower else "less"))
        share += changes[kind]
    against = -sum(change for change in changes.values() if change < 0)
    back = "save" if slower else "cost"
    rest = f"; other kinds {back} {seconds(against)}" if against > 0 else ""
    return f"By the profile, {', '.join(named)}{rest}."


def _change(kind: Kind, change: float, other: Profile, float32: Profile, way: str) -> str:
    here, there = _names(other, kind), _names(float32, kind)
    return f"{kind} takes {seconds(change)} {way} ({here} against {there})"


def _names(profile: Profile, kind: Kind) -> str:
    """Return the operators of a kind by type: '2 QLinearConv 32.9 us'."""
    groups: dict[str, list[Operator]] = {}
    for one in profile.operators:
        if one.kind is kind:
            groups.setdefault(one.op, []).append(one)
    parts = [f"{_many(len(some))}{op} {seconds(sum(one.seconds for one in some))}" for op, some in groups.items()]
    return ", ".join(parts) or "none"


def _many(count: int) -> str:
    return f"{count} " if count > 1 else ""


def _kernels(other: Profile) -> str:
    """Name what computed the layers that have weights."""
    layers = [one for one in other.operators if one.kind in {Kind.CONVOLUTION, Kind.DENSE}]
    names = dict.fromkeys(f"{one.op} by {one.kernel}" for one in layers)
    return f"The layers ran as {', '.join(names)}." if names else "The profile names no kernel of a layer."


def _unfused(other: Profile) -> str:
    if not other.unfused_qdq:
        return "No quantise or dequantise node is left unfused."
    spent = _of(other, Kind.CONVERSION)
    nodes = counted(other.unfused_qdq, "quantise or dequantise node is", "quantise or dequantise nodes are")
    return f"{nodes} left unfused ({seconds(spent)} of them in the profile)."


def _processor(features: Sequence[str]) -> str:
    dots = cpu.int8_dot_products(features)
    if not features:
        return "The machine does not tell the processor's instruction sets."
    if not dots:
        return "The processor names no int8 dot product instruction."
    return f"The processor has int8 dot products ({', '.join(dots)}); whether a kernel uses them is not in the profile."


def _sums(other: Profile, float32: Profile) -> str:
    pair = (other, float32)
    shares = [one.operators_s / one.wall_s for one in pair]
    parts = [
        f"{seconds(one.operators_s)} in {one.precision} ({percent(share)} of the call)"
        for one, share in zip(pair, shares, strict=True)
    ]
    why = []
    if max(shares) > 1 + FAR:
        why.append("what is above 100% is the profiler's own work or the noise of another moment")
    if min(shares) < 1 - FAR:
        why.append("what is missing lies outside the operators, or below what the profiler resolves")
    return f"The operators add up to {' and '.join(parts)}{''.join(f'; {reason}' for reason in why)}."


def _of(profile: Profile, kind: Kind) -> float:
    return sum(one.seconds for one in profile.operators if one.kind is kind)
