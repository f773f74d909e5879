"""A report in GitHub's markdown, short enough for a comment on a pull request: what to deploy first, then the rest."""

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import jinja2

from mnist_deploy.benchmark.comparison import MARGIN
from mnist_deploy.decisions.records import Candidate, Recommendation
from mnist_deploy.parity import ParityRow
from mnist_deploy.reports.layout import counted
from mnist_deploy.reports.listings import (
    FAILURES,
    SKIPS,
    TRAINING,
    Listing,
    environment,
    failure,
    listing,
    network,
    trained,
)
from mnist_deploy.reports.markup import Written, code, escaped, shortened
from mnist_deploy.reports.measurements import legend
from mnist_deploy.reports.report import Report
from mnist_deploy.reports.tables import left_out
from mnist_deploy.reports.units import number_bytes, seconds
from mnist_deploy.results import Measurement, Results

# "Body is too long (maximum is 65536 characters)": the answer of GitHub's API to a longer comment. We count bytes,
# which are never fewer.
LIMIT = 65_536
# A longer table is folded.
LONG = 12
# How many rows a list may have, tried in turn until the whole is short enough.
_CAPS = (None, 200, 100, 50, 25, 12, 6, 3)
_ALL = "All of it: `mnist-deploy report --format html`, or `csv`."
_CUT = f"**Cut here**, to keep GitHub's limit. {_ALL}"


def page(report: Report, limit: int = LIMIT) -> str:
    """Return the whole text, of at most `limit` bytes: if need be with shorter lists, which say so."""
    for cap in _CAPS:
        text = _drawn(report, cap)
        if len(text.encode()) <= limit:
            return text
    return shortened(text, limit, _CUT)


def _drawn(report: Report, cap: int | None) -> str:
    """Return the text with at most `cap` rows in each list."""
    results, found = report.gathered.results, report.recommendation
    loader = jinja2.PackageLoader("mnist_deploy.reports", "templates")
    # `finalize` sees every value: what is not markdown already is escaped, and none can be forgotten.
    drawing = jinja2.Environment(
        loader=loader, finalize=escaped, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    drawing.filters["code"] = code
    drawing.globals["left_out"] = _left_out
    failed = [row for row in results.parity if not row.passed]
    context: dict[str, Any] = {
        "results": results,
        "chosen": found.chosen.label if found and found.chosen else None,
        "figures": _figures(found.chosen) if found and found.chosen else None,
        "sentence": _sentence(found) if found else None,
        "tied": [one.label for one in found.tied] if found else [],
        "nearest": [_near(one.candidate) for one in found.nearest] if found else [],
        "cautions": [*(found.cautions if found else []), *_warnings(results, chosen=bool(found and found.chosen))],
        "networks": [network(results, name, cap) for name in _names(results)],
        "failures": listing(FAILURES, map(failure, failed), cap),
        "verified": len(results.parity),
        "failed": len(failed),
        "training": listing(TRAINING, trained(results), cap),
        "caveats": [(row.architecture, row.caveat) for row in results.training if row.caveat],
        "how": list(_how(results)),
        "environment": list(environment(results)),
        "skips": listing(SKIPS, (one[1:] for one in left_out(results.skips)), cap),
        "measured_at": f"{results.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "sources": [path.name for path in report.gathered.sources],
        "long": LONG,
    }
    # Values are on one line each: only the template's own blank lines are meant.
    return re.sub(r"\n{3,}", "\n\n", drawing.get_template("report.md.j2").render(context))


def _left_out(one: Listing) -> Written:
    """Return the line that says how many rows are missing from a table; nothing if none are."""
    return Written(f"\n{counted(one.more, 'more row')} left out, to keep GitHub's limit. {_ALL}\n" if one.more else "")


def _sentence(found: Recommendation) -> str:
    """Say in one sentence why this one was chosen, or that none fits."""
    many = counted(found.considered, "measured candidate")
    if found.chosen is None:
        return f"None of {many} kept its parity gate, so none is recommended."
    why = f"The fastest for one call with {counted(found.batch_size, 'image')} of the {found.fitting} of {many}"
    return f"{why} that failed no parity gate."


def _near(one: Candidate) -> str:
    return f"{one.label}: {_figures(one)}; {'; '.join(one.failures)}"


def _figures(one: Candidate) -> str:
    row = one.measurement
    reach = f" (95 % interval {seconds(row.latency_p50_low_s)} to {seconds(row.latency_p50_high_s)})"
    parts = [f"p50 {seconds(row.latency_p50_s)}{reach if row.latency_p50_low_s is not None else ''}"]
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
        withheld = "; mean, p99 and images/s are withheld" if noise.withheld else ""
        yield f"Noise: {noise.left} of {noise.slices} slices had no clean attempt{withheld}."
    if noise and noise.no_verdicts:
        yield f"No verdicts: {noise.no_verdicts}."


def _names(results: Results) -> list[str]:
    rows: list[Measurement | ParityRow] = [*results.measurements, *results.parity]
    return list(dict.fromkeys(one.architecture for one in rows))


def _how(results: Results) -> Iterator[tuple[str, str]]:
    if results.measurements:
        yield "±", "95 % interval of the p50 over passes (Student's t on logarithms)"
        yield "rank", f"1 + how many of the network are faster, by an interval beyond 1 and {MARGIN:.0%} or more"
        # The others explain columns that are not here.
        yield from ((name, text) for name, text in legend(results) if name not in {"#", "+-", "roof"})
