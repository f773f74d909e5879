"""The page: what goes into its templates."""

import itertools
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mnist_deploy import __version__
from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.recording import Recording
from mnist_deploy.benchmark.statistics import MIN_CALLS_FOR_P99
from mnist_deploy.errors import ArtifactError
from mnist_deploy.plural import counted
from mnist_deploy.reports.html import charts, context_tables, scripts, summary, tables
from mnist_deploy.reports.html.cells import measured
from mnist_deploy.reports.html.digits import pictures
from mnist_deploy.reports.html.networks import Figure, networks
from mnist_deploy.reports.misses import missed
from mnist_deploy.reports.report import Report
from mnist_deploy.reports.units import number_bytes, rate, seconds, seconds_interval
from mnist_deploy.reports.wording import why
from mnist_deploy.results import Results


def page(report: Report) -> str:
    """Return a report as one HTML file, which asks nobody for anything.

    All charts are drawn by the reader's browser, from figures in the page; raw samples go into it as quantiles and
    shares only, made of all calls that count.

    Raises:
        UnavailableError: Altair or vl-convert-python is not installed.
        ArtifactError: the file of raw samples cannot be read.
    """
    scripts.require()
    texts = scripts.scripts()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            _context(report),
            scripts=texts,
            policy=scripts.policy(texts),
            style=Markup(scripts.asset("style.css")),
            version=__version__,
            ids=itertools.count(1),
        )
    )


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "seconds": seconds,
        "seconds_interval": seconds_interval,
        "number_bytes": number_bytes,
        "rate": rate,
        "counted": counted,
    }
    return made


def _context(report: Report) -> dict[str, Any]:
    results, found = report.gathered.results, report.recommendation
    cells = measured(results)
    samples = _samples(report.gathered.samples) if report.gathered.samples else None
    proven = results.measurements or results.parity
    return {
        "results": results,
        "sources": [path.name for path in report.gathered.sources],
        "warnings": list(summary.warnings(results)),
        "found": found,
        "why": why(found) if found else "",
        "near": [(one.candidate.label, missed(one)) for one in found.nearest] if found else [],
        "next": summary.runners_up(found) if found and (found.tied or found.runners_up) else None,
        "best": summary.best_of_each(results),
        "networks": networks(results, cells, samples),
        "no_samples": _no_samples(results, there=samples is not None),
        "pictures": pictures(results, report.dataset),
        "training": tables.training(results.training) if results.training else None,
        "curves": list(_curves(results)),
        "everything": tables.everything(cells) if cells else None,
        "runtimes": context_tables.runtimes(results) if results.runtimes else None,
        "proofs": context_tables.proofs(proven) if proven else None,
        "processors": context_tables.processors(results.processors) if results.processors else None,
        "checks": context_tables.checks(results.checks) if results.checks else None,
        "libraries": context_tables.libraries(results.environment.libraries),
        "skips": context_tables.skips(results.skips) if results.skips else None,
        "min_calls_for_p99": MIN_CALLS_FOR_P99,
    }


def _samples(path: Path) -> Recording:
    try:
        return recording.load(path)
    except (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile, zlib.error) as error:
        raise ArtifactError(f"{path}: not a file of raw samples; measure again: mnist-deploy bench") from error


def _no_samples(results: Results, *, there: bool) -> str | None:
    if there:
        return None
    if results.samples is None:
        return "These results name no file of raw samples; measure again: mnist-deploy bench."
    return f"The file of raw samples, {results.samples}, is not beside the results; put it there, and report again."


def _curves(results: Results) -> Iterator[Figure]:
    palette = charts.colours([row.architecture for row in results.training])
    for figure in dict.fromkeys(name for row in results.training for name in row.history):
        spec = charts.curves(results.training, figure, palette)
        if spec is not None:
            data = "validation data" if figure.startswith("val_") else "the training set"
            yield Figure(spec, f"{figure.removeprefix('val_').capitalize()} on {data}, by epoch", palette)
