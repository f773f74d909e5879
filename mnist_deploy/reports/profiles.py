"""Profiles as tables, one for each artifact, runtime and use, and what follows from each pair of twins."""

import json
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.artifacts import Precision
from mnist_deploy.pipeline.profiling import Profiles
from mnist_deploy.plural import counted
from mnist_deploy.profiling.records import Operator, Profile
from mnist_deploy.reports.findings import finding, operators_time
from mnist_deploy.reports.layout import row, table, titled
from mnist_deploy.reports.tables import skips
from mnist_deploy.reports.units import percent, seconds


def everything(found: Profiles) -> RenderableType:
    """Return each network's tables with its findings below them, then how it was done and what was left out."""
    parts: list[RenderableType] = []
    told = findings(found)
    for group in dict.fromkeys(one.group for one in found.profiles):
        members = [one for one in found.profiles if one.group == group]
        parts += [operators(one) for one in members]
        parts += [Text(f"Finding: {told[one.label]}\n") for one in members if one.label in told]
    if found.profiles:
        parts.append(_how(found))
    if found.skips:
        parts.append(skips(found.skips))
    return Group(*parts)


def findings(found: Profiles) -> dict[str, str]:
    """Return the finding on each cell that has a float32 twin, by the cell's label."""
    cells = {one.label: one for one in found.profiles}
    base = {one.group: one for one in found.profiles if one.precision == Precision.FLOAT32}
    return {pair.label: finding(cells[pair.label], base[pair.group], pair, found.cpu_features) for pair in found.twins}


def as_json(found: Profiles) -> str:
    """Return the records and the findings as one JSON document."""
    return json.dumps({**found.model_dump(mode="json"), "findings": findings(found)}, indent=1)


def operators(profile: Profile) -> RenderableType:
    """Return one profile, the costliest operators first."""
    body = table(("operator", "kernel"), ("nodes", "time", "share"))
    groups: dict[tuple[str, str], list[Operator]] = {}
    for one in profile.operators:
        groups.setdefault((one.op, one.kernel), []).append(one)
    spent = {key: sum(one.seconds for one in members) for key, members in groups.items()}
    total = profile.operators_s
    for key in sorted(groups, key=lambda key: -spent[key]):
        share = percent(spent[key] / total) if total else "-"
        count = sum(one.times for one in groups[key])
        body.add_row(*row((*key, str(count), operators_time(groups[key]), share)))
    return titled(profile.label, body, _notes(profile))


def _notes(profile: Profile) -> Iterator[str]:
    share = percent(profile.operators_s / profile.beside_s)
    yield (
        f"The operators add up to {seconds(profile.operators_s)}, {share} of the {seconds(profile.beside_s)} that an "
        f"ordinary call took beside them; with profiling on it took {seconds(profile.profiled_s)}."
    )
    yield f"Quantise and dequantise nodes left unfused: {profile.unfused_qdq}."


def _how(found: Profiles) -> RenderableType:
    body = table(("", ""), header=False)
    for runtime, covers in dict.fromkeys((one.runtime, one.covers) for one in found.profiles):
        body.add_row(*row((runtime, covers)))
    for name, text in _legend(found.profiles, found):
        body.add_row(*row((name, text)))
    return titled("How it was measured", body)


def _legend(profiles: Sequence[Profile], found: Profiles) -> Iterator[tuple[str, str]]:
    fewest, most = min(one.calls for one in profiles), max(one.calls for one in profiles)
    calls = " to ".join(dict.fromkeys(f"{one:,}" for one in (fewest, most)))
    yield "time", f"of one call of the whole batch, by the profiler named above, over {calls} calls"
    if found.twins:
        first = found.twins[0]
        pairs = counted(len(first.ratios), "pair of slices", "pairs of slices")
        processes = counted(first.processes, "fresh process", "fresh processes")
        yield "twins", f"ordinary calls of both precisions in turn, {pairs} in {processes}, without a profiler"
    yield "processor", ", ".join(found.cpu_features) or "the machine does not tell its instruction sets"
