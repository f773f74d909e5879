"""What a run came to, for someone who reads nothing else: what worked, what to use, what failed and what to do."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from mnist_deploy.artifacts import making
from mnist_deploy.decisions.records import Candidate
from mnist_deploy.diagnosis import TRACERS
from mnist_deploy.kinds import ARTIFACT, CELL, Variant, identity, kind, options
from mnist_deploy.parity import ParityRow, ProcessorRow
from mnist_deploy.pipeline.recommending import Advice
from mnist_deploy.plural import counted
from mnist_deploy.reports import wording
from mnist_deploy.reports.layout import QUICK, one_line, who
from mnist_deploy.reports.tables import what
from mnist_deploy.reports.units import number_bytes, seconds
from mnist_deploy.results import Results, Skip, SkipKind

_Row = TypeVar("_Row", ParityRow, ProcessorRow)
# What was meant to be done and was not; the other kinds are of what this machine cannot do.
FAILED = frozenset({SkipKind.FAILED, SkipKind.STALE, SkipKind.OUT_OF_MEMORY})
# More lines than these tell a newcomer nothing more; the tables above hold all.
MOST = 8


def run_summary(results: Results, advice: Advice | None) -> RenderableType:
    """Return the summary: print it without cropping, for a command must not be cut off.

    Args:
        results: of the run.
        advice: what follows from them; None if nothing was measured.
    """
    parts = [_heading(f"{QUICK if results.quick else ''}What worked"), *_lines(_worked(results))]
    parts += [_heading("What to use"), *_use(advice)]
    failed = [row for row in results.parity if not row.passed]
    elsewhere = [row for row in results.processors if not row.passed]
    broken = [skip for skip in results.skips if skip.kind in FAILED]
    if failed or elsewhere or broken:
        lines = [*_differing(failed), *_elsewhere(elsewhere), *_broken(broken)]
        parts += [_heading("What failed", "bold red"), *_lines(_few(lines))]
        parts += [_heading("What to do"), *_remedies(failed, elsewhere, broken)]
    return Group(*parts)


def _worked(results: Results) -> Iterator[str]:
    """Yield how much of what was meant to be done was done, step by step."""
    failed = [skip for skip in results.skips if skip.kind in FAILED and skip.precision is not None]
    known = [*results.parity, *results.measurements]
    exported = {identity(row) for row in known} | {identity(skip) for skip in failed if skip.runtime}
    lost = {identity(skip) for skip in failed if not skip.runtime} - exported
    measured = {identity(row, of=CELL) for row in results.measurements}
    pairs = {identity(row, of=CELL) for row in known} | {identity(skip, of=CELL) for skip in failed if skip.runtime}
    passed = {identity(row, of=CELL) for row in results.parity if row.passed}
    warned = sum(row.verdict == "warn" for row in results.parity)
    if results.training:
        yield f"{counted(len(results.training), 'network')} trained"
    yield f"{len(exported)} of {counted(len(exported | lost), 'artifact')} exported"
    yield (
        f"{len(passed)} of {counted(len(pairs), 'pair')} of artifact and runtime verified: they answer as the trained "
        f"network does{f', {warned} with a warning in the tables above' if warned else ''}"
    )
    yield f"{len(measured)} of {counted(len(pairs), 'pair')} measured"


def _use(advice: Advice | None) -> Iterator[RenderableType]:
    if advice is None:
        yield from _lines(["Nothing: nothing was measured."])
        return
    chosen = advice.recommendation.chosen
    if chosen is None:
        yield from _lines([f"Nothing: {wording.why(advice.recommendation)}"])
        return
    yield from _lines([_chosen(chosen)])
    if advice.path is not None:
        yield _whole(f"  file {advice.path}")
    yield from _lines(advice.recommendation.cautions)
    yield from _command("To make a folder to deploy of it", wording.package_command(chosen))
    yield from _command("Why this one, and what else there is", "mnist-deploy recommend")


def _chosen(chosen: Candidate) -> str:
    row = chosen.measurement
    accuracy = "" if chosen.accuracy is None else f"{chosen.accuracy:.2%} of the test images right, "
    return (
        f"{row.architecture} {' in '.join(who(row))}: {accuracy}{seconds(row.latency_quiet_s)} for "
        f"{counted(row.batch_size, 'image')}, {number_bytes(row.size_bytes)}"
    )


def _differing(rows: Sequence[ParityRow]) -> Iterator[str]:
    """Yield a line for each artifact that failed its gate, with the worst of its runtimes."""
    for members in _by_artifact(rows):
        worst = max(members, key=lambda row: len(row.flips))
        runtimes = ", ".join(dict.fromkeys(who(row)[1] for row in members))
        yield f"{worst.architecture} {kind(worst)} in {runtimes}: {_why(worst)}"


def _why(row: ParityRow) -> str:
    """Return in plain words what an artifact does otherwise than the network that it was made of."""
    allowed = f"more than its gate ({row.gate}) allows"
    if row.max_abs_error is None:
        return "some of its scores are no numbers (NaN or infinite)"
    if row.flips:
        return (
            f"another digit than the trained network for {len(row.flips):,} of {row.images:,} test images, "
            f"{row.accuracy:.2%} right in place of {row.reference_accuracy:.2%}; {allowed}"
        )
    return f"the same digits as the trained network, but {'; '.join(row.failures)}: {allowed}"


def _elsewhere(rows: Sequence[ProcessorRow]) -> Iterator[str]:
    for members in _by_artifact(rows):
        runtimes = ", ".join(dict.fromkeys(who(row)[1] for row in members))
        worst = max(members, key=lambda row: row.changed)
        yield (
            f"{worst.architecture} {kind(worst)} in {runtimes}: another digit on another processor "
            f"({worst.processor_label}) for {worst.changed:,} of {worst.images:,} images"
        )


def _broken(skips: Sequence[Skip]) -> Iterator[str]:
    for skip in skips:
        done = "run" if skip.runtime else "exported"
        yield f"{_named(skip)}: not {done}, since {skip.reason}"


def _named(skip: Skip) -> str:
    """Return a skip in words as the rows of parity are named; if it is of no one artifact, by all that it names."""
    if skip.architecture is None or skip.format is None or skip.precision is None:
        return what([skip]) or "something"
    variant = None if skip.variant == Variant.STANDARD else skip.variant
    name = " ".join(part for part in (skip.architecture, skip.format, skip.precision, variant) if part)
    where = " on a GPU" if skip.device == "gpu" else ""
    return name if skip.runtime is None else f"{name} in {skip.runtime}{where}"


def _remedies(
    failed: Sequence[ParityRow], elsewhere: Sequence[ProcessorRow], broken: Sequence[Skip]
) -> Iterator[RenderableType]:
    commands = [_diagnosing(members[0]) for members in _by_artifact(failed)]
    if commands:
        yield from _command("To see in which layer it goes wrong", *_few(commands))
        yield from _lines(["If you can accept that, set other limits by --gate: mnist-deploy verify --help"])
    if elsewhere:
        yield from _lines(["Deploy what differs only to processors like this one, or use what is recommended above."])
    yield from _lines(_few(dict.fromkeys(f"{_named(skip)}: {skip.remedy}" for skip in broken if skip.remedy)))


def _diagnosing(row: ParityRow) -> str:
    """Return the command that looks into an artifact, or that makes it anew where no runtime shows its layers."""
    able = [name for name, tracer in TRACERS.items() if row.format in tracer.formats]
    if not able:
        return f"{making(row.architecture, row.format, row.precision, row.variant)} --force"
    runtime = f" --runtime {row.runtime}" if row.runtime in able else ""
    return f"mnist-deploy diagnose {row.architecture} {options(row)}{runtime}"


def _by_artifact(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    for name in dict.fromkeys(identity(row, of=ARTIFACT) for row in rows):
        yield [row for row in rows if identity(row, of=ARTIFACT) == name]


def _few(lines: Iterable[str]) -> list[str]:
    every = list(lines)
    hidden = len(every) - MOST + 1
    return every if hidden <= 1 else [*every[: MOST - 1], f"and {hidden} more: see the tables above"]


def _heading(text: str, style: str = "bold") -> Text:
    return Text(text, style=style)


def _lines(lines: Iterable[str]) -> Iterator[RenderableType]:
    for line in lines:
        yield Padding(Text(one_line(line), overflow="fold"), (0, 0, 0, 2), expand=False)


def _command(what_for: str, *commands: str) -> Iterator[RenderableType]:
    yield from _lines([f"{what_for}:"])
    yield from (_whole(f"    {command}") for command in commands)


def _whole(line: str) -> Text:
    """Return a line that is never broken, for what is to be copied."""
    return Text(one_line(line), no_wrap=True, overflow="ignore")
