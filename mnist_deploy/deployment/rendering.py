"""The texts of a package: predict.py, the card and the Dockerfile, from their templates."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from mnist_deploy.deployment.engines import engine
from mnist_deploy.deployment.records import Deployment
from mnist_deploy.kinds import kind, options, slug
from mnist_deploy.pipeline.predicting import TOP
from mnist_deploy.plural import counted
from mnist_deploy.reports import requirements, units
from mnist_deploy.results import Measurement
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.training import INPUT_NAME, OUTPUT_NAME

if TYPE_CHECKING:
    from jinja2 import Environment

UNKNOWN = "unknown"


def predict(one: Deployment) -> str:
    """Return the text of predict.py."""
    return _render("predict.py.j2", one, environment=engine(one.runtime).environment, top=TOP,
                   input=INPUT_NAME, output=OUTPUT_NAME)  # fmt: skip


def dockerfile(one: Deployment) -> str:
    """Return the text of the Dockerfile."""
    return _render("Dockerfile.j2", one)


def card(one: Deployment) -> str:
    """Return the model card, Markdown with a head of metadata as on the Hugging Face Hub; unknown is said so."""
    which = f"{one.architecture} {options(one)} --runtime {one.runtime}"
    return _render(
        "card.md.j2", one, verify=f"mnist-deploy verify {which}", bench=f"mnist-deploy bench {which}",
        emulate=f"mnist-deploy verify {which} --emulate Haswell", threads=counted(one.threads, "thread"),
    )  # fmt: skip


def _render(template: str, one: Deployment, **more: object) -> str:
    tag = f"{one.architecture}-{slug(one)}".lower()
    made = _templates(_shown if template.startswith("card") else None).get_template(template)
    return made.render(one=one, kind=kind(one), title=RUNTIMES[one.runtime].title, tag=tag, **more)


@cache
def _templates(finalize: Callable[[object], object] | None) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("mnist_deploy.deployment"), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
        finalize=finalize,
    )  # fmt: skip
    made.filters |= {
        "literal": _literal,
        "cell": _cell,
        "time": lambda value: UNKNOWN if value is None else units.seconds(value),
        "size": lambda value: UNKNOWN if value is None else units.number_bytes(value),
        "rate": lambda value: UNKNOWN if value is None else units.rate(value),
        "moment": _moment,
        "versions": _versions,
        "interval": _interval,
        "needs": requirements.needs,
        "operators": requirements.operators,
        "oldest_runtimes": requirements.oldest_runtimes,
    }
    return made


def _shown(value: object) -> object:
    """Return a value of the card that begins no element, no link and no line of Markdown."""
    if not isinstance(value, str):
        return value
    one_line = re.sub(r"[\r\n]+", " ", value)
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", one_line).replace("](", "]\\(")


def _literal(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cell(value: str | None) -> str:
    """Return a text that ends no cell of a Markdown table."""
    return UNKNOWN if value is None else " ".join(value.replace("|", "\\|").split())


def _moment(value: datetime | None) -> str:
    return UNKNOWN if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _versions(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items()) or UNKNOWN


def _interval(row: Measurement) -> str:
    low, high = row.latency_quiet_low_s, row.latency_quiet_high_s
    return UNKNOWN if low is None or high is None else units.seconds_interval(low, high)
