"""The page's scripts and style, and the policy that lets a browser run these and load nothing."""

import base64
import hashlib
from functools import cache
from importlib import resources

from markupsafe import Markup

from mnist_deploy.errors import UnavailableError
from mnist_deploy.versions import importable

REMEDY = "pip install altair vl-convert-python"


def require() -> None:
    """Check that the libraries for charts are installed.

    Raises:
        UnavailableError: one is not.
    """
    missing = [name for name in ("altair", "vl_convert") if not importable(name)]
    if missing:
        raise UnavailableError(f"--format html: {' and '.join(missing)} cannot be imported; run: {REMEDY}")


def asset(name: str) -> str:
    """Return the text of a file in assets/."""
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


def scripts() -> list[Markup]:
    """Return the texts of the page's scripts, in order: Vega, the tables' sorting, and the page's own."""
    vega = f"/*! Vega, Vega-Lite and Vega-Embed\n{asset('vega.LICENSE')}*/\n{_vega()}"
    sorting = f"/*! sortable-tablesort\n{asset('sortable.LICENSE')}*/\n{asset('sortable.min.js')}"
    return [_inline(text) for text in (vega, sorting, asset("page.js"))]


def policy(texts: list[Markup]) -> str:
    """Return a Content-Security-Policy: these scripts run, no other does, and nothing is fetched.

    Vega writes styles into its tooltips, so styles may be inline.
    """
    sums = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in texts)
    allowed = " ".join(f"'sha256-{one}'" for one in sums)
    rules = ("default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", f"script-src {allowed}")
    return "; ".join((*rules, "base-uri 'none'", "form-action 'none'"))


@cache
def _vega() -> str:
    import altair
    import vl_convert

    # The page's specifications are of the version of Vega-Lite that Altair knows.
    version = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)


def _inline(text: str) -> Markup:
    """Return a script as it may stand in a page: what would end it, or begin a comment, is written otherwise."""
    return Markup(text.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--"))
