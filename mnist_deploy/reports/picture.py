"""`report --format svg`: one table that fits a README."""

from rich.console import RenderableType

from mnist_deploy.errors import UsageError
from mnist_deploy.reports import svg, tables
from mnist_deploy.reports.front import front_table
from mnist_deploy.results import Results

# A picture of about 1,000 pixels: a README's column shows it without making the text smaller.
WIDTH = 80
# About 700 pixels high.
ROWS = 15


def picture(results: Results) -> str:
    """Return the Pareto front across networks as an SVG; without measurements the training, or one table of parity.

    Raises:
        UsageError: the results hold none of these.
    """
    what, body = _table(results)
    return svg.picture(body, f"mnist-deploy {results.command}: {what}", WIDTH)


def _table(results: Results) -> tuple[str, RenderableType]:
    front = front_table(results, ROWS)
    if front is not None:
        return "accuracy, latency and size", front
    if results.training:
        return "training", tables.training(results.training, quick=results.quick)
    for body in tables.parity(results.parity, quick=results.quick):
        return "parity", body
    raise UsageError("--format svg: these results hold no table; give results that were measured: mnist-deploy bench")
