"""What works on this machine, as tables, and below them the commands that mend what doesn't, each on a line alone."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from mnist_deploy.artifacts import Precision
from mnist_deploy.environment import Environment
from mnist_deploy.pipeline.readiness import Diagnosis, ExporterState, RuntimeState, Standing
from mnist_deploy.reports.layout import row, table, titled
from mnist_deploy.reports.units import number_bytes

STYLES = {Standing.RUNS: "green", Standing.IMPORTS: "yellow", Standing.NOT_READY: "red"}


def doctor(found: Diagnosis) -> RenderableType:
    """Return all of a diagnosis."""
    parts = [_machine(found), _runtimes(found.runtimes)]
    if found.exporters:
        parts.append(_exporters(found.exporters))
    return Group(*parts, *_remedies(found))


def _machine(found: Diagnosis) -> RenderableType:
    body = table(("", ""), header=False)
    for name, text in (*_hardware(found.environment, gpu_node=found.gpu_node), *_places(found)):
        body.add_row(*row((name, text)))
    return titled("This machine", body)


def _hardware(here: Environment, *, gpu_node: bool) -> Iterator[tuple[str, str]]:
    yield "mnist-deploy", f"{here.mnist_deploy}, Python {here.python}, {here.platform}"
    yield "CPU", here.cpu or "unknown"
    yield "CPU features", " ".join(here.cpu_features) or "not told"
    quota = "no cgroup quota" if here.cgroup_cpus is None else f"cgroup quota {here.cgroup_cpus:g}"
    physical, logical = ("?" if count is None else str(count) for count in (here.physical_cores, here.logical_cores))
    affinity = "unknown" if here.affinity_cores is None else str(here.affinity_cores)
    yield "cores", f"{here.usable_cores} usable: {physical} physical, {logical} logical, affinity {affinity}, {quota}"
    limit = here.cgroup_memory_bytes
    limited = "no cgroup limit" if limit is None else f"cgroup limit {number_bytes(limit)}"
    yield "memory", f"{number_bytes(here.memory_bytes)}, {limited}"
    yield "virtual machine", here.virtual_machine or "none seen"
    missing = "an NVIDIA GPU, but nvidia-smi does not tell which" if gpu_node else "no NVIDIA GPU"
    # The driver's tool tells name, memory and version, in this order: see environment.
    for one in here.accelerators or [missing]:
        yield "GPU", one


def _places(found: Diagnosis) -> Iterator[tuple[str, str]]:
    places = found.places
    counts = ", ".join(f"{count} {state}" for state, count in places.states.items())
    yield "artifacts", f"{places.artifacts}: {places.problem or counts or 'none'}"
    size = "not there yet" if places.cache_bytes is None else number_bytes(places.cache_bytes)
    yield "cache", f"{places.cache}: {size}"


def _runtimes(states: Sequence[RuntimeState]) -> RenderableType:
    body = table(("runtime", "device", "version"), ("installed",), ("state", "what ran it, or why not"))
    for one in states:
        name = one.runtime + ("+" if one.on_request else "")
        cells = (name, one.device, one.version or "-", number_bytes(one.installed_bytes))
        body.add_row(*row((*cells, Text(one.standing, style=STYLES[one.standing]), _why(one))))
    notes = [
        "runs: it loaded an artifact and answered an image. imports: it starts, and there was nothing to run.",
        "installed: the package and all that it requires, on disk.",
    ]
    if any(one.on_request for one in states):
        notes.append("+ is measured only when it is named, or with --runtime all.")
    return titled("Runtimes", body, notes)


def _why(one: RuntimeState) -> str:
    if one.proof is None:
        return one.reason or ""
    arithmetic = f", in {one.proof.arithmetic}" if one.proof.arithmetic else ""
    return f"{one.proof.executed_on}{arithmetic}: {one.artifact}"


def _exporters(states: Sequence[ExporterState]) -> RenderableType:
    body = table(("format", *Precision))
    by_kind = {(one.format, one.precision): one for one in states}
    for name in dict.fromkeys(one.format for one in states):
        cells = [_can(by_kind.get((name, precision))) for precision in Precision]
        body.add_row(*row((name, *cells)))
    reasons = dict.fromkeys(one.reason for one in states if one.reason)
    notes = ["yes: all libraries that it takes could be imported.", *(f"no: {reason}." for reason in reasons)]
    return titled("What can be exported here (keras: trained)", body, notes)


def _can(state: ExporterState | None) -> Text:
    if state is None:
        return Text("-")
    return Text("yes", style="green") if state.ready else Text("no", style="red")


def _remedies(found: Diagnosis) -> Iterator[RenderableType]:
    """Yield each command on a line of its own that is never broken, below what it mends."""
    mends: dict[str, dict[str, list[str]]] = {}
    for state in found.runtimes:
        if state.remedy:
            mends.setdefault(state.remedy, {}).setdefault(f"On {state.device}", []).append(state.runtime)
    for one in found.exporters:
        if one.remedy:
            mends.setdefault(one.remedy, {}).setdefault("Export", []).append(f"{one.format} {one.precision}")
    if not mends:
        return
    yield Text("What mends it", style="bold")
    for command, what in mends.items():
        yield Text("; ".join(f"{where}: {', '.join(names)}" for where, names in what.items()))
        yield Text(f"  {command}", no_wrap=True, overflow="ignore")
    yield Text("")
