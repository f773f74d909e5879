"""A comparison of two results: its finding, warnings and sections, and all of it as tables for a terminal."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.decisions.between_runs import MAX_SHIFT
from mnist_deploy.decisions.change_records import AccuracyChange, CellChange, CellName, Changes, Outcome
from mnist_deploy.kinds import kind
from mnist_deploy.plural import counted
from mnist_deploy.reports.layout import row, table, titled
from mnist_deploy.reports.units import number_bytes, percent, seconds, times

REMEDY = "mnist-deploy compare --interleave BASE_DIR HEAD_DIR measures both in one run, in turn."
NAMES = ("network", "artifact", "runtime")
MEMORY_WORTH_A_LINE = 0.10
STYLES = {Outcome.REGRESSION: "red", Outcome.SLOWER: "yellow", Outcome.FASTER: "green"}
UNDECIDED = "Nothing could be decided for these"
TITLES = {
    Outcome.REGRESSION: "Regressions: slower than allowed, beyond noise",
    Outcome.SLOWER: "Slower beyond noise, as is allowed",
    Outcome.FASTER: "Faster beyond noise",
    Outcome.UNDECIDED: "Undecided: the interval neither shows a regression nor rules one out",
    Outcome.NO_REGRESSION: "No regression: the interval ends below what is allowed",
}


@dataclass(frozen=True)
class Section:
    """A table with its title and notes; `folded` is shown on demand where that can be."""

    title: str
    texts: Sequence[str]
    numbers: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = ()
    style: str | None = None
    folded: bool = False


def changes(found: Changes) -> RenderableType:
    """Return the tables, and below them, where a terminal ends, what they come to."""
    parts: list[RenderableType] = []
    for section in sections(found):
        body = table(section.texts, section.numbers)
        for cells in section.rows:
            body.add_row(*row(cells), style=section.style)
        parts.append(titled(section.title, body, section.notes))
    said = [Text(line, style="yellow") for line in warnings(found)]
    return Group(*parts, *said, *map(Text, context(found)), Text(headline(found), style=_colour(found)))


def headline(found: Changes) -> str:
    """Return in one line what the comparison comes to."""
    worst, limit = found.having(Outcome.REGRESSION), percent(found.max_regression)
    matched, told = counted(len(found.cells), "cell"), []
    undecided = len(found.cells) - found.decided
    if worst:
        told += [f"{counted(len(worst), 'regression')} beyond {limit} in {matched}"]
        told += [f"the worst {worst[0].cell.label}: {change(worst[0].ratio)}"]
    elif not found.decided:
        told += [f"NOTHING COULD BE DECIDED: {undecided} of {matched} are undecided, which rules no regression out"]
    elif undecided:
        told += [f"no regression beyond {limit} in the {found.decided} of {matched} that could be decided"]
        told += [f"{undecided} are undecided, see their table"]
    else:
        told += [f"no regression beyond {limit} in {matched}"]
    if found.broken:
        told += [f"{counted(len(found.broken), 'cell')} of BASE failed in HEAD, the first {found.broken[0].label}"]
    return "; ".join(told)


def warnings(found: Changes) -> Iterator[str]:
    """Yield what a reader must know before relying on the finding."""
    for field_ in found.differs:
        yield f"FORCED: these should not be compared: {field_}."
    if found.undecided:
        yield f"Nothing could be decided: {found.undecided}. {REMEDY}"
    yield from found.cautions
    for one in found.broken:
        yield f"It failed in HEAD and did not in BASE: {one.label}."
    whole = found.whole_ratio
    if whole is not None and not -MAX_SHIFT <= math.log(whole) <= MAX_SHIFT:
        probe = f", whose probe took {change(found.probe_ratio)}," if found.probe_ratio else ""
        yield (
            f"The run as a whole changed by {change(whole)}: {change(found.whole_taken)} of it is taken for the "
            f"machine's{probe} and the rest for the change's, but two runs cannot tell these apart. {REMEDY}"
        )


def change(ratio: float, *, factor: bool | None = None) -> str:
    """Return a ratio as a change: '+3.2%', or '3.20x' where `factor` says so, by default from twofold on."""
    # Adding 0.0 takes the sign off a zero.
    return times(ratio) if (ratio >= 2 if factor is None else factor) else f"{round(ratio - 1, 3) + 0.0:+.1%}"


def context(found: Changes) -> Iterator[str]:
    """Yield what was compared, and how."""
    for side, source in (("BASE", found.base), ("HEAD", found.head)):
        yield f"{side}: {source.name}, {source.created_at:%Y-%m-%d %H:%M} UTC, mnist-deploy {source.mnist_deploy}."
    if found.versions:
        yield f"Versions: {'; '.join(found.versions)}."
    if found.paired:
        yield "Both are of one run: what slowed both cancels. change: HEAD's quiet p50 over BASE's."
    else:
        yield "Two runs of different hours: intervals hold the spread over passes (Welch's t) and that between runs."
    if found.whole_ratio is not None:
        taken = change(found.whole_taken)
        yield f"Whole run: {change(found.whole_ratio)} (median over cells); cells are judged by what is beyond {taken}."
    for name, cells in (("BASE", found.only_base), ("HEAD", found.only_head)):
        if cells:
            yield f"Only in {name}: {counted(len(cells), 'cell')}."
    limit = percent(found.max_regression)
    yield f"Regression: more than {limit} slower, and p at most {found.alpha:g} after Holm's correction for all cells."


def sections(found: Changes) -> Iterator[Section]:
    """Yield the tables, what matters most first."""
    for outcome, title in TITLES.items():
        cells = found.having(outcome)
        if cells:
            # Where nothing could be decided the reason is one for all, and is said as a warning.
            notes = [] if found.undecided else _reasons(cells)
            yield _cells(UNDECIDED if found.undecided else title, cells, notes, outcome)
    yield from _sizes(found)
    yield from _accuracies(found.accuracies)
    yield from _memory(found.cells)
    for name, missing in (("BASE", found.only_base), ("HEAD", found.only_head)):
        if missing:
            rows = [(*_named(one), str(one.batch_size), str(one.threads)) for one in missing]
            yield Section(f"Only in {name}", NAMES, ("batch", "thr"), rows, folded=True)


def _cells(title: str, cells: Sequence[CellChange], notes: Sequence[str], outcome: Outcome) -> Section:
    rows = [
        (*_named(one.cell), str(one.cell.batch_size), str(one.cell.threads), seconds(one.base_s), seconds(one.head_s),
         *_change_and_interval(one))
        for one in cells
    ]  # fmt: skip
    numbers = ("batch", "thr", "BASE", "HEAD", "change", "95 %")
    folded = outcome in {Outcome.UNDECIDED, Outcome.NO_REGRESSION}
    return Section(title, NAMES, numbers, rows, notes, STYLES.get(outcome), folded)


def _reasons(cells: Sequence[CellChange]) -> list[str]:
    """Return what widened intervals or left none, and how many: one line a reason."""
    counts = Counter(one.reason for one in cells if one.reason)
    return [f"{counted(count, 'cell')}: {reason}." for reason, count in counts.items()]


def _sizes(found: Changes) -> Iterator[Section]:
    rows = [
        (one.architecture, kind(one), f"{one.base_bytes:,}", f"{one.head_bytes:,}",
         f"{one.head_bytes - one.base_bytes:+,}", change(one.head_bytes / one.base_bytes))
        for one in found.sizes
        if one.base_bytes != one.head_bytes
    ]  # fmt: skip
    if rows:
        yield Section("Sizes that changed, in bytes", NAMES[:2], ("BASE", "HEAD", "change", ""), rows)


def _accuracies(found: Sequence[AccuracyChange]) -> Iterator[Section]:
    rows = [
        (one.architecture, kind(one), _where(one.runtime, one.device), f"{one.base_accuracy:.4f}",
         f"{one.head_accuracy:.4f}", *(("-", "-") if one.p_value is None else
         (f"-{one.lost}+{one.gained}", f"{one.p_value:.2g}")))
        for one in found
        if one.lost or one.gained or one.base_accuracy != one.head_accuracy
    ]  # fmt: skip
    if rows:
        notes = ["answers: images that HEAD lost and gained. p: that this is chance (McNemar's exact test)."]
        yield Section("Accuracies that changed", NAMES, ("BASE", "HEAD", "answers", "p"), rows, notes)


def _memory(cells: Sequence[CellChange]) -> Iterator[Section]:
    rows = []
    for one in cells:
        ratio = one.head_memory_bytes / one.base_memory_bytes if one.base_memory_bytes > 0 else None
        if ratio is None or abs(ratio - 1) > MEMORY_WORTH_A_LINE:
            sizes = (number_bytes(one.base_memory_bytes), number_bytes(one.head_memory_bytes))
            uses = (str(one.cell.batch_size), str(one.cell.threads))
            rows.append((*_named(one.cell), *uses, *sizes, "-" if ratio is None else change(ratio)))
    if rows:
        numbers = ("batch", "thr", "BASE", "HEAD", "change")
        title = f"Memory that changed by more than {percent(MEMORY_WORTH_A_LINE)}, for information"
        yield Section(title, NAMES, numbers, rows, folded=True)


def _named(one: CellName) -> tuple[str, str, str]:
    told = "" if one.timed == "call" else f", {one.timed}"
    return one.architecture, f"{kind(one)}{told}", _where(one.runtime, one.device)


def _where(runtime: str, device: str) -> str:
    return runtime if device == "cpu" else f"{runtime} {device}"


def _change_and_interval(one: CellChange) -> tuple[str, str]:
    """Return a change and its interval in one unit: percent, or factors where any of them is twofold or more."""
    if one.low is None or one.high is None:
        return change(one.ratio), "-"
    factor = max(one.ratio, one.high) >= 2
    centre, low, high = (change(value, factor=factor) for value in (one.ratio, one.low, one.high))
    return centre, f"{low.removesuffix('%').removesuffix('x')}..{high}"


def _colour(found: Changes) -> str:
    if found.having(Outcome.REGRESSION):
        return "bold red"
    return "bold yellow" if found.undecided else "bold"
