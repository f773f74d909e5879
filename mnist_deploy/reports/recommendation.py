"""What to deploy, for a terminal of any width: nothing stands in columns that a narrow one would cut."""

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from mnist_deploy.decisions.records import Candidate, Recommendation
from mnist_deploy.kinds import kind
from mnist_deploy.pipeline.recommending import Advice
from mnist_deploy.plural import counted
from mnist_deploy.reports import requirements, wording
from mnist_deploy.reports.layout import QUICK, row, table
from mnist_deploy.reports.misses import missed, remedy
from mnist_deploy.reports.units import seconds

TIES = 5
UNDECIDED = "Undecided which of them is faster"


def recommendation(advice: Advice) -> RenderableType:
    """Return all of a recommendation: print it without cropping, for a command must not be cut off."""
    found, quick = advice.recommendation, advice.gathered.results.quick
    parts = [*_chosen(found, advice.path, quick=quick)] if found.chosen else [*_nothing(found, quick=quick)]
    parts += _sentences("What to know", found.cautions, "yellow")
    parts += _sentences("From", wording.sources(advice.gathered), "dim")
    if found.chosen:
        parts += _next(found.chosen, advice.path)
    return Group(*parts)


def _chosen(found: Recommendation, path: Path | None, *, quick: bool) -> Iterator[RenderableType]:
    if found.chosen is None:
        return
    one = found.chosen.measurement
    yield _heading(f"{QUICK if quick else ''}Deploy {one.architecture} {kind(one)} in {one.runtime}")
    body = table(("", ""), header=False)
    body.add_row(*row(("file", str(path) if path else "not in this store as it was measured")))
    for name, text in wording.facts(found.chosen):
        body.add_row(*row((name, text)))
    needed = found.chosen.model_requirements
    if needed is not None:
        body.add_row(*row(("needs", requirements.needs(needed))))
        body.add_row(*row(("oldest", f"{requirements.oldest_runtimes(needed)}, the oldest that was checked")))
    yield body
    yield ""
    yield Text(wording.why(found))
    failed = wording.failed_but_better(found)
    if failed:
        yield Text(failed, style="yellow")
    yield ""
    yield from _ties(found)
    if found.runners_up:
        yield _heading("Runners-up, and what they give up and gain against it")
        for other in found.runners_up:
            yield from _block(
                f"{wording.named(other, found.chosen)}: {seconds(other.latency_s)}",
                (
                    f"gives up {wording.gives_up(other, found.chosen)}",
                    f"gains {wording.gains(other, found.chosen)}",
                ),
            )
        yield ""


def _ties(found: Recommendation) -> Iterator[RenderableType]:
    if found.chosen is None or not found.tied:
        if found.undecided is not None:
            yield Text(f"{UNDECIDED}: {found.undecided}.", style="yellow")
            yield ""
        return
    yield _heading("Ties with it, and what is undecided against it")
    if found.undecided is not None:
        yield Text(f"{UNDECIDED}: {found.undecided}.", style="yellow")
    for one in found.tied[:TIES]:
        yield from _block(wording.named(one, found.chosen), (wording.tie(one, found), *_differing(one, found)))
    if found.tied[TIES:]:
        yield Text(f"and {counted(len(found.tied) - TIES, 'other')}: see --json")
    yield ""


def _differing(one: Candidate, found: Recommendation) -> Iterator[str]:
    if found.chosen is not None:
        worse, better = wording.gives_up(one, found.chosen), wording.gains(one, found.chosen)
        if (worse, better) != (wording.NOTHING, wording.NOTHING):
            yield f"gives up {worse}; gains {better}"


def _nothing(found: Recommendation, *, quick: bool) -> Iterator[RenderableType]:
    yield _heading(f"{QUICK if quick else ''}Nothing keeps every limit")
    yield Text(wording.why(found))
    if found.elsewhere:
        sizes = " or ".join(f"--batch-size {size}" for size in found.elsewhere)
        yield Text(f"With {sizes} something does.")
    yield ""
    yield _heading("Nearest misses")
    for near in found.nearest:
        yield from _block(f"{near.candidate.label}: {seconds(near.candidate.latency_s)}", (missed(near), remedy(near)))
    yield ""


def _next(chosen: Candidate, path: Path | None) -> Iterator[RenderableType]:
    if path is None:
        one = chosen.measurement
        yield _heading("Next: make it, and measure it, as it is not here as it was measured")
        yield _command(f"mnist-deploy run {shlex.quote(one.architecture)}")
        return
    yield _heading("Next")
    yield _command(wording.package_command(chosen))


def _sentences(title: str, sentences: Iterable[str], style: str) -> Iterator[RenderableType]:
    told = list(sentences)
    if told:
        yield _heading(title)
        yield from (Padding(Text(one, style=style, overflow="fold"), (0, 0, 0, 2), expand=False) for one in told)
        yield ""


def _block(title: str, lines: Iterable[str]) -> Iterator[RenderableType]:
    yield Text(title)
    yield from (Padding(Text(line, overflow="fold"), (0, 0, 0, 2), expand=False) for line in lines if line)


def _heading(text: str) -> Text:
    return Text(text, style="bold")


def _command(text: str) -> Text:
    return Text(f"  {text}", no_wrap=True, overflow="ignore")
