"""Which artifact meets which runtime on which device, and what cannot and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mnist_deploy.artifacts import Artifact, ArtifactStore, State, Variant
from mnist_deploy.benchmark.schedule import Cell, Use
from mnist_deploy.errors import ArtifactError, UnavailableError, UsageError
from mnist_deploy.exporters import ARTIFACT_KINDS, DEFAULT_FORMATS
from mnist_deploy.kinds import identity
from mnist_deploy.results import Asked, Skip, SkipKind
from mnist_deploy.runtimes import DEVICES, RUNTIMES, Runtime


@dataclass(frozen=True)
class Selection:
    """What the user asks for; None means everything that there is, but for runtimes that are there on request only."""

    architectures: list[str] | None = None
    formats: list[str] | None = None
    precisions: list[str] | None = None
    runtimes: list[str] | None = None
    devices: list[str] | None = None
    variants: list[str] | None = None


@dataclass(frozen=True)
class Matrix:
    """The cells that can be worked on here, and what is left out."""

    cells: list[Cell]
    skips: list[Skip]


def asked(selection: Selection, uses: Sequence[Use]) -> Asked:
    """Return what is asked for as the record that results keep of it."""
    return Asked(**asdict(selection), uses=list(uses))


def matrix(store: ArtifactStore, selection: Selection, uses: Sequence[Use], *, diagnostics: bool = True) -> Matrix:
    """Pair the selected artifacts with the selected runtimes, devices and uses.

    Where neither runtimes nor formats are named, a runtime that reads several formats takes the first that it names
    of those that are there: OpenVINO makes the same of its own file as of the ONNX file.

    Args:
        store: where the artifacts are.
        selection: the filters.
        uses: every pair is taken once in each of them.
        diagnostics: whether a runtime that runs no model may be selected by its name.

    Raises:
        UsageError, ArtifactError, UnavailableError, ModelError: nothing is left; the message says what to do.
    """
    artifacts: list[Artifact] = []
    skips: list[Skip] = []
    runtimes = _runtimes(selection, diagnostics=diagnostics)
    for artifact, state in store.select(
        selection.architectures, selection.formats, selection.precisions, selection.variants
    ):
        if state is State.STALE:
            # What nobody asked to run stands in nobody's way.
            skips += [_stale(artifact)] if any(runtime.reads(artifact) for runtime in runtimes) else []
        else:
            artifacts.append(artifact)
    if skips and not artifacts:
        raise ArtifactError(f"{skips[0].reason}; run: {skips[0].remedy}")
    skips += _not_exported(store, selection)
    if not artifacts:
        raise ArtifactError(f"no artifact matches; run: mnist-deploy export{_options(selection)}")
    pairs: list[tuple[Artifact, str, str]] = []
    for runtime in runtimes:
        readable = [artifact for artifact in artifacts if runtime.reads(artifact)]
        if not (selection.runtimes or selection.formats):
            readable = _in_own_format(runtime, readable)
        if readable:
            usable, missing = _devices(runtime, selection)
            skips += missing
            pairs += [(artifact, runtime.name, device) for device in usable for artifact in readable]
    if not pairs:
        raise _nothing(skips, artifacts, selection)
    # By network first, as they are read; the schedule shuffles them for the measuring.
    pairs.sort(key=lambda pair: artifacts.index(pair[0]))
    cells = [Cell(artifact=one, runtime=name, device=device, use=use) for one, name, device in pairs for use in uses]
    return Matrix(cells, skips)


def _runtimes(selection: Selection, *, diagnostics: bool) -> list[type[Runtime]]:
    if not selection.runtimes:
        return [runtime for runtime in RUNTIMES.values() if not (runtime.diagnostic or runtime.on_request)]
    named = [RUNTIMES[name] for name in selection.runtimes]
    for runtime in named:
        if runtime.diagnostic and not diagnostics:
            raise UsageError(f"--runtime {runtime.name}: it runs no model, so there is nothing to verify; leave it out")
    return named


def _in_own_format(runtime: type[Runtime], readable: list[Artifact]) -> list[Artifact]:
    """Leave out, network by network, what is there in a format that the runtime names before: that is its own.

    Each variant is looked at by itself: it may be there in one of the formats alone.
    """
    formats = {(one.architecture, one.variant, one.format) for one in readable}
    best = {
        (name, variant): next(format for format in runtime.formats if (name, variant, format) in formats)
        for name, variant in {(one.architecture, one.variant) for one in readable}
        if runtime.formats
    }
    return [one for one in readable if one.format == best.get((one.architecture, one.variant), one.format)]


def _devices(runtime: type[Runtime], selection: Selection) -> tuple[list[str], list[Skip]]:
    usable, skips = [], []
    for device in selection.devices or DEVICES:
        if device not in runtime.devices and not selection.devices:
            continue  # what a runtime never does is no gap of this machine
        available = runtime.availability(device)
        if available.ok:
            usable.append(device)
        else:
            skips.append(
                Skip(
                    kind=SkipKind.UNAVAILABLE,
                    runtime=runtime.name,
                    device=device,
                    reason=available.reason or "not available",
                    remedy=available.remedy,
                )
            )
    return usable, skips


def _stale(artifact: Artifact) -> Skip:
    return Skip(
        kind=SkipKind.STALE,
        architecture=artifact.architecture,
        format=artifact.format,
        precision=artifact.precision,
        variant=artifact.variant,
        reason=f"{artifact.architecture}: stale, its model.keras changed since the export",
        remedy=f"mnist-deploy export {artifact.architecture}{artifact.variant.options}",
    )


def _options(selection: Selection) -> str:
    """Return the options that export the one variant selected; nothing for several, or for none named."""
    return Variant(selection.variants[0]).options if selection.variants and len(selection.variants) == 1 else ""


def _not_exported(store: ArtifactStore, selection: Selection) -> list[Skip]:
    """Return what is not there of the standard variant: others are exported by those who ask for them."""
    if Variant.STANDARD not in (selection.variants or [Variant.STANDARD]):
        return []
    here = {identity(one) for one in store.manifest().artifacts}
    return [
        Skip(
            kind=SkipKind.NOT_EXPORTED,
            architecture=name,
            format=format,
            precision=precision,
            reason="not exported yet",
            remedy="mnist-deploy export",
        )
        for name in selection.architectures or store.trained()
        for format, precision in ARTIFACT_KINDS
        if (name, format, precision, Variant.STANDARD) not in here
        and format in (selection.formats or DEFAULT_FORMATS)
        and precision in (selection.precisions or [precision])
    ]


def _nothing(skips: list[Skip], artifacts: list[Artifact], selection: Selection) -> Exception:
    """Say why no pair is left, by the first thing that stands in the way."""
    unavailable = [skip for skip in skips if skip.kind is SkipKind.UNAVAILABLE]
    if unavailable:
        first = unavailable[0]
        remedy = f"; {first.remedy}" if first.remedy else ""
        return UnavailableError(f"{first.runtime} on {first.device}: {first.reason}{remedy}")
    formats = sorted({artifact.format for artifact in artifacts})
    said = f"reads none of the formats selected ({', '.join(formats)})"
    if not selection.runtimes:
        able = [name for name, runtime in RUNTIMES.items() if any(map(runtime.reads, artifacts))]
        return UsageError(f"no runtime by default {said}; give --runtime {' or '.join(able)}")
    asked, read = ", ".join(selection.runtimes), {one for name in selection.runtimes for one in RUNTIMES[name].formats}
    others = sorted(read.difference(formats))
    if others:
        return UsageError(f"--runtime {asked}: {said}; give --format {' or '.join(others)}")
    precisions = ", ".join(dict.fromkeys(artifact.precision for artifact in artifacts))
    return UsageError(f"--runtime {asked}: reads none of the precisions selected ({precisions}); give --precision all")
