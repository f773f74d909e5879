"""A report in GitHub's markdown, short enough for a comment on a pull request: what to deploy first, then the rest."""

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import jinja2

from mnist_deploy.decisions.records import Candidate
from mnist_deploy.plural import counted
from mnist_deploy.reports import listings, trainings
from mnist_deploy.reports import processors as other_processors
from mnist_deploy.reports.front import front
from mnist_deploy.reports.listings import Listing
from mnist_deploy.reports.markup import Written, code, escaped, shortened
from mnist_deploy.reports.measurements import legend
from mnist_deploy.reports.misses import missed
from mnist_deploy.reports.report import Report
from mnist_deploy.reports.units import number_bytes, seconds, seconds_interval
from mnist_deploy.reports.wording import why
from mnist_deploy.results import Results

# "Body is too long (maximum is 65536 characters)": the answer of GitHub's API to a longer comment. We count bytes,
# which are never fewer.
LIMIT = 65_536
# A longer table is folded.
LONG = 12
# How many rows a table may have, tried in turn until the whole is short enough.
_MOST = (None, 200, 100, 50, 25, 12, 6, 3)
# How many of those that are as good as the chosen one are named.
_TIES = 5
# What the legend says of columns and marks that are explained below each table, or are not here.
_EXPLAINED = {"", "+-", "quiet p50", "rank", "roof"}
_ALL = "All of it: `mnist-deploy report --format html`, or `csv`."
_CUT = f"**Cut here**, to keep GitHub's limit. {_ALL}"


def page(report: Report, limit: int = LIMIT) -> str:
    """Return the whole text, of at most `limit` bytes: if need be with shorter lists, which say so."""
    context = _context(report)
    for most in _MOST:
        text = _drawn(context, most)
        if len(text.encode()) <= limit:
            return text
    return shortened(text, limit, _CUT)


def _drawn(context: dict[str, Any], most: int | None) -> str:
    """Return the text with at most so many rows in each table."""
    loader = jinja2.PackageLoader("mnist_deploy.reports", "templates")
    # `finalize` sees every value: what is not markdown already is escaped, and none can be forgotten.
    drawing = jinja2.Environment(
        loader=loader, finalize=escaped, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    drawing.filters |= {"code": code, "table": lambda one: _table(one, most)}
    # Values are on one line each: only the template's own blank lines are meant.
    return re.sub(r"\n{3,}", "\n\n", drawing.get_template("report.md.j2").render(context))


def _table(one: Listing, most: int | None) -> Written:
    """Return a table, and below it its notes and the line that says how many rows are missing, if any are."""
    shown = one.without_empty_columns()
    missing = shown.left_out(most)
    below = [escaped(note) for note in shown.notes]
    below += [Written(f"{counted(missing, 'more row')} left out, to keep GitHub's limit. {_ALL}")] if missing else []
    return Written("\n\n".join([shown.text(most), *below]))


def _context(report: Report) -> dict[str, Any]:
    results, found = report.gathered.results, report.recommendation
    chosen = found.chosen if found else None
    failures, across = listings.failures(results), front(results)
    return {
        "results": results,
        "chosen": chosen and chosen.label,
        "figures": chosen and _figures(chosen),
        "sentence": found and why(found),
        "tied": [one.label for one in found.tied[:_TIES]] if found else [],
        "more_tied": len(found.tied[_TIES:]) if found else 0,
        "nearest": [f"{one.candidate.label}: {missed(one)}" for one in found.nearest] if found else [],
        "cautions": [*(found.cautions if found else []), *_warnings(results, chosen=chosen is not None)],
        "across": listings.across(across) if across else None,
        "across_title": across.title if across else "",
        "networks": listings.networks(results),
        "failures": failures,
        "failed": len(failures.rows),
        "warnings": listings.warnings(results),
        "verified": len(results.parity),
        "processors": listings.processors(results) if results.processors else None,
        "processors_failed": other_processors.failures(results.processors),
        "processors_legend": other_processors.legend(results.processors) if results.processors else "",
        "training": listings.training(results),
        "training_title": trainings.title(results.training),
        "training_notes": trainings.notes(results.training),
        "how": list(_how(results)),
        "environment": list(listings.environment(results)),
        "skips": listings.skips(results),
        "measured_at": f"{results.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "sources": [path.name for path in report.gathered.sources],
        "long": LONG,
    }


def _figures(one: Candidate) -> str:
    row = one.measurement
    reach = f" (95 % interval {seconds_interval(row.latency_quiet_low_s, row.latency_quiet_high_s)})"
    parts = [f"quiet p50 {seconds(row.latency_quiet_s)}{reach if row.latency_quiet_low_s is not None else ''}"]
    if one.accuracy is not None:
        parts.append(f"accuracy {one.accuracy:.4f} (95 % interval {one.accuracy_low:.4f} to {one.accuracy_high:.4f})")
    parts += [f"file {number_bytes(row.size_bytes)}", f"memory {number_bytes(row.memory_bytes)}"]
    if one.installed_bytes is not None:
        parts.append(f"runtime installed {number_bytes(one.installed_bytes)}")
    return ", ".join(parts)


def _warnings(results: Results, *, chosen: bool) -> Iterator[str]:
    """Yield what is to be known before a figure is used, besides what the recommendation itself cautions of."""
    if not results.complete:
        yield "The measurement was interrupted: this is what was finished."
    if results.quick and not chosen:
        yield "A quick run, too short for intervals and verdicts."
    noise = results.noise
    if noise and noise.noisy:
        yield f"Noise: other programs disturbed {noise.disturbed} of {noise.bursts} bursts of calls."
    if noise and noise.no_verdicts:
        yield f"No verdicts: {noise.no_verdicts}."


def _how(results: Results) -> Iterator[tuple[str, str]]:
    if results.measurements:
        yield from ((name, text) for name, text in legend(results) if name not in _EXPLAINED)
