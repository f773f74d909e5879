"""What works on this machine, what doesn't, and the command that mends it: every library is really started."""

import signal
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from platformdirs import user_cache_path

from mnist_deploy import environment, files, resource_limits
from mnist_deploy.artifacts import KERAS_FORMAT, Artifact, ArtifactStore, Precision, State, Variant
from mnist_deploy.benchmark import attempts
from mnist_deploy.benchmark.trial import Finding, Trial
from mnist_deploy.errors import ArtifactError
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.pipeline.readiness import Diagnosis, ExporterState, Places, RuntimeState, Standing
from mnist_deploy.progress import Progress, task
from mnist_deploy.runtimes import DEVICES, RUNTIMES, Runtime
from mnist_deploy.runtimes.base import nvidia_gpu_present
from mnist_deploy.versions import importable, installed_bytes, installed_of, version_of

# TensorFlow's import, the longest, takes 5 s here; the rest is room for slower disks and processors.
LIMIT_S = 60.0
# What training needs; its model is the artifact of format keras.
TRAINING_MODULES = ("tensorflow", "keras")


def diagnose(
    store: ArtifactStore,
    progress: Progress,
    *,
    runtimes: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
    limit_s: float | None = LIMIT_S,
) -> Diagnosis:
    """Start every runtime on every device that it knows, import what the exporters need, and look at the machine.

    Args:
        store: whose artifacts the runtimes run; they import only where it has none for them.
        progress: what to report to.
        runtimes: which ones; None means all but the diagnostic ones.
        devices: which ones; None means all. The exporters are left out if either is given.
        limit_s: how long one import or one run may take; None means forever.
    """
    places, artifacts = look_round(store)
    exports = _exports() if runtimes is None and devices is None else {}
    wanted = [RUNTIMES[name] for name in runtimes or [name for name, one in RUNTIMES.items() if not one.diagnostic]]
    pairs = [(one, device) for one in wanted for device in devices or DEVICES if device in one.devices]
    there = [pair for pair in pairs if pair[0].presence(pair[1]).ok]
    trials = [
        Trial(module=one.module, runtime=one.name, device=device, artifact=choose(one, artifacts))
        for one, device in there
    ]
    needed = dict.fromkeys(module for modules in exports.values() for module in modules)
    imports = [Trial(module=module) for module in needed if importable(module)]
    found = _attempt([*imports, *trials], limit_s, progress)
    modules = {one.module: finding for one, finding in zip(imports, found[: len(imports)], strict=True)}
    tried = dict(zip(there, zip(trials, found[len(imports) :], strict=True), strict=True))
    # TensorFlow with all that it requires takes 0.7 s to add up, and several runtimes are made of it.
    kinds = {pair: (pair[0].distributions, pair[0].requirements(pair[1])) for pair in pairs}
    sizes = {kind: installed_bytes(*kind[0], also=kind[1]) for kind in set(kinds.values())}
    trained = bool(store.trained())
    return Diagnosis(
        environment=environment.describe(),
        gpu_node=nvidia_gpu_present(),
        runtimes=[
            _runtime_state(one, device, sizes[kind], tried.get((one, device)), trained=trained)
            for (one, device), kind in kinds.items()
        ],
        exporters=[exporter_state(*kind, needs, modules) for kind, needs in exports.items()],
        places=places,
    )


def choose(runtime: type[Runtime], artifacts: Sequence[Artifact]) -> Artifact | None:
    """Return the smallest float32 artifact that the runtime reads, else its smallest one; None if it reads none.

    A standard one, where there is any.

    A device may lack operators that only quantised models have, and is ready all the same.
    """
    readable = [one for one in artifacts if runtime.reads(one)]
    return min(
        readable,
        key=lambda one: (one.variant is not Variant.STANDARD, one.precision is not Precision.FLOAT32, one.size_bytes),
        default=None,
    )


def look_round(store: ArtifactStore) -> tuple[Places, list[Artifact]]:
    """Return where things are kept, and the artifacts that can be run, stale ones too."""
    problem = None
    try:
        known = [(one, store.state(one)) for one in store.manifest().artifacts]
    except (ArtifactError, OSError) as error:
        known, problem = [], str(error)
    cache = user_cache_path("mnist-deploy")
    places = Places(
        artifacts=store.root,
        states=dict(Counter(state for _, state in known)),
        problem=problem,
        cache=cache,
        cache_bytes=files.size_bytes(cache) if cache.exists() else None,
    )
    return places, [one for one, state in known if state in {State.CURRENT, State.STALE}]


def _attempt(trials: Sequence[Trial], limit_s: float | None, progress: Progress) -> list[Finding]:
    """Return the findings in the same order: a process a library, one a core at a time; a GPU takes one at a time."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for number, one in enumerate(trials):
        # The exporters' libraries go through one process together, as they do in an export; it is the longest of all.
        variables = RUNTIMES[one.runtime].environment if one.runtime else {}
        key = (one.device, one.module if one.runtime else "", repr(sorted(variables.items())))
        groups.setdefault(key, []).append(number)
    found: dict[int, Finding] = {}
    speaking = Lock()

    def ended(one: Trial) -> None:
        with speaking:
            progress.advance(f"{one.runtime} on {one.device}" if one.runtime else f"import {one.module}")

    def attempted(numbers: list[int]) -> list[Finding]:
        return attempts.attempt([trials[number] for number in numbers], limit_s, ended)

    with task(progress, "doctor", len(trials)):
        for on_cpu, cores in ((True, environment.usable_cores()), (False, 1)):
            together = [numbers for (device, _, _), numbers in groups.items() if (device == "cpu") is on_cpu]
            with ThreadPoolExecutor(cores) as pool:
                for numbers, findings in zip(together, pool.map(attempted, together), strict=True):
                    found |= dict(zip(numbers, findings, strict=True))
    return [found[number] for number in range(len(trials))]


def _runtime_state(
    runtime: type[Runtime], device: str, size: int | None, tried: tuple[Trial, Finding] | None, *, trained: bool
) -> RuntimeState:
    state = RuntimeState(
        runtime=runtime.name,
        device=device,
        on_request=runtime.on_request,
        version=version_of(*runtime.distributions),
        installed_bytes=size,
        standing=Standing.NOT_READY,
    )
    if tried is None:
        lacking = runtime.presence(device)
        return state.model_copy(update={"reason": lacking.reason, "remedy": lacking.remedy})
    one, finding = tried
    if finding.reason is not None:
        return state.model_copy(update={"reason": _worded(finding), "remedy": _remedy(runtime, device, finding)})
    if one.artifact is None:
        why = f"no {' or '.join(runtime.formats)} artifact here to run"
        update = {"standing": Standing.IMPORTS, "reason": why, "remedy": _first_artifacts(runtime, trained=trained)}
        return state.model_copy(update=update)
    ran = {"standing": Standing.RUNS, "artifact": one.artifact.label, "proof": finding.proof}
    return state.model_copy(update=ran)


def _first_artifacts(runtime: type[Runtime], *, trained: bool) -> str:
    if trained:
        exporter = EXPORTERS.get(runtime.formats[0])
        return f"mnist-deploy export --format {exporter.format}" if exporter else "mnist-deploy export"
    if all(importable(module) for module in TRAINING_MODULES):
        return "mnist-deploy run --quick"
    return "copy the folder artifacts/ from where it was made"


def _worded(finding: Finding) -> str:
    return f"import {finding.broken}: {finding.reason}" if finding.broken else finding.reason or ""


def _remedy(runtime: type[Runtime], device: str, finding: Finding) -> str:
    if finding.remedy is not None:
        return finding.remedy
    if resource_limits.names_limit(finding.reason or ""):
        return "raise the limit of this shell"
    if finding.broken is not None:
        package = runtime.needs.get(finding.broken) or installed_of(*runtime.distributions) or runtime.distributions[0]
        return _reinstall(package, finding)
    if device == "gpu":
        return runtime.gpu_remedy()
    return f"mnist-deploy doctor --runtime {runtime.name} --debug"


def _reinstall(package: str, finding: Finding) -> str:
    # The same files again would use the same instructions.
    if finding.signal == getattr(signal, "SIGILL", None) and finding.signal is not None:
        return f"install a build of {package} that is made for this CPU"
    return f"pip install --force-reinstall {package}"


def _exports() -> dict[tuple[str, Precision], tuple[str, ...]]:
    """Return what every format needs in every precision, training included."""
    return {(KERAS_FORMAT, Precision.FLOAT32): TRAINING_MODULES} | {
        (name, precision): tuple(exporter.modules(precision))
        for name, exporter in EXPORTERS.items()
        for precision in exporter.precisions
    }


def exporter_state(
    format: str, precision: Precision, modules: Sequence[str], imports: dict[str, Finding]
) -> ExporterState:
    """Say whether a format can be written that needs `modules`, by how the imports of what is installed ended."""
    missing = [module for module in modules if module not in imports]
    broken: dict[str, Finding] = {}
    for module in modules:
        finding = imports.get(module)
        # What imports a broken library fails with the same words; reinstalling it would not help.
        if finding and finding.reason and finding.reason not in [one.reason for one in broken.values()]:
            broken[module] = finding
    reasons = [f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"] if missing else []
    remedies = [f"pip install {' '.join(missing)}"] if missing else []
    reasons += [_worded(finding) for finding in broken.values()]
    remedies += [_reinstall(module, finding) for module, finding in broken.items()]
    return ExporterState(
        format=format,
        precision=precision,
        ready=not reasons,
        reason="; ".join(reasons) or None,
        remedy=" && ".join(remedies) or None,
    )
