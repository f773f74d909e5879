"""Find the layer where an artifact departs from its Keras model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_deploy import files, resource_limits
from mnist_deploy.artifacts import KERAS_FORMAT, Artifact, ArtifactStore, Precision, State, Variant, making, remake
from mnist_deploy.dataset import Dataset, FloatArray, scaled
from mnist_deploy.diagnosis import TRACERS, Tracer, findings, layers
from mnist_deploy.diagnosis.differences import arranged, difference
from mnist_deploy.diagnosis.layers import Layer
from mnist_deploy.diagnosis.matching import Match, match
from mnist_deploy.diagnosis.records import Diagnosis, LayerRow, Verdict
from mnist_deploy.diagnosis.tolerances import MIN_IMAGES, TOLERANCES
from mnist_deploy.errors import ArtifactError, MnistDeployError, ModelError, UnavailableError, UsageError
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.kinds import kind
from mnist_deploy.pipeline import trying
from mnist_deploy.progress import Progress, task
from mnist_deploy.quiet import debugging, quiet
from mnist_deploy.runtimes import RUNTIMES

# A first look shows which tensors there are. No weight of these networks has 7 rows that could pass for 7 images.
PROBE_IMAGES = 7


@dataclass(frozen=True)
class Question:
    """Which artifact to look into, in which runtime (None: the first that shows layers), on how many test images."""

    architecture: str
    format: str
    precision: Precision
    runtime: str | None = None
    images: int = MIN_IMAGES
    variant: Variant = Variant.STANDARD

    @property
    def label(self) -> str:
        """The artifact in words."""
        return f"{self.architecture} {kind(self)}"


@dataclass(frozen=True)
class Seen:
    """One layer as an artifact shows it: where it was found, and its values in the layer's own layout."""

    match: Match
    layout: str
    values: FloatArray


def diagnose(store: ArtifactStore, dataset: Dataset, question: Question, progress: Progress) -> Diagnosis:
    """Compare every layer's output in the artifact with the Keras model's, for the first test images.

    An artifact that is not what was exported is looked into too, once a worker has run it: that may be why one asks.

    Raises:
        UsageError: no runtime can show the layers of this format, or the one asked for cannot.
        ModelError: the network is not trained, or its model is unreadable.
        ArtifactError: the artifact is missing, stale or does not load.
        UnavailableError: a library is not installed.
    """
    artifact, state = _artifact(store, question)
    tracer = _tracer(artifact, question.runtime)
    if state is State.CORRUPT:
        _require_running(artifact, tracer.runtime)
    images = scaled(dataset.test_images[: question.images])
    with task(progress, "diagnose", 3):
        with quiet():
            path = store.model_path(question.architecture)
            expected = layers.outputs(path, images, optimized=artifact.rewritten)
        progress.advance("Keras model")
        seen, gap = _look(artifact, tracer, expected, images)
        progress.advance(f"{artifact.label} in {tracer.runtime}")
        plain, unsplit = _float32(store, artifact, tracer, expected, images)
        progress.advance("float32 artifact")
    record = Diagnosis(
        architecture=artifact.architecture,
        format=artifact.format,
        precision=artifact.precision,
        variant=artifact.variant,
        runtime=tracer.runtime,
        images=len(images),
        state=state,
        tolerance=TOLERANCES[artifact.precision].worst_channel,
        float32_tolerance=TOLERANCES[Precision.FLOAT32].worst_channel,
        scores_gap=gap,
        unsplit=unsplit,
        layers=[_row(*of, artifact.precision) for of in zip(expected, seen, plain, strict=True)],
    )
    first = findings.first_past(record.layers)
    record.first = first.layer if first else None
    record.finding = findings.finding(record)
    return record


def _artifact(store: ArtifactStore, question: Question) -> tuple[Artifact, State]:
    name, format, precision = question.architecture, question.format, question.precision
    if format == KERAS_FORMAT:
        raise UsageError(f"--format {format}: it is what the others are held to; give one of {', '.join(EXPORTERS)}")
    if format in EXPORTERS and precision not in EXPORTERS[format].precisions:
        raise UsageError(f"{format} has no {precision}; it has {', '.join(EXPORTERS[format].precisions)}")
    if not store.model_path(name).is_file():
        raise ModelError(f"{name}: no model.keras to compare with; run: mnist-deploy train {name}")
    artifact = store.find(name, format, precision, question.variant)
    if artifact is None:
        command = making(name, format, precision, question.variant)
        raise ArtifactError(f"{question.label}: not exported yet; run: {command}")
    state = store.state(artifact)
    if state is State.STALE:
        raise ArtifactError(f"{artifact.label}: stale, its model.keras changed since; run: {remake(artifact)}")
    if state is State.CORRUPT and not files.is_plain(artifact.path):
        raise ArtifactError(f"{artifact.path}: it has what is neither file nor folder; run: {remake(artifact)}")
    if state is State.MISSING:
        raise ArtifactError(f"{artifact.path}: missing; run: {remake(artifact)}")
    return artifact, state


def _require_running(artifact: Artifact, runtime: str) -> None:
    """Let a worker run what is not what was exported, as it lies there."""
    path = artifact.path
    as_it_is = artifact.model_copy(update={"sha256": files.sha256(path), "size_bytes": files.size_bytes(path)})
    problem = trying.problem_of(as_it_is, runtime)
    if problem is not None:
        raise ArtifactError(f"{path}: does not run in {runtime} ({problem}); run: {remake(artifact)}")


def _tracer(artifact: Artifact, runtime: str | None) -> type[Tracer]:
    able = [name for name in RUNTIMES if name in TRACERS and artifact.format in TRACERS[name].formats]
    if not able:
        shown = dict.fromkeys(format for tracer in TRACERS.values() for format in tracer.formats)
        raise UsageError(f"--format {artifact.format}: no runtime shows its layers; give one of {', '.join(shown)}")
    if runtime is not None and runtime not in able:
        lacks = "shows no layers" if runtime not in TRACERS else f"does not read {artifact.format}"
        raise UsageError(f"--runtime {runtime}: it {lacks}; give {' or '.join(able)}")
    wanted = [runtime] if runtime else able
    offers = {name: RUNTIMES[name].availability("cpu") for name in wanted}
    usable = [name for name in wanted if offers[name].ok]
    if not usable:
        lacking = offers[wanted[0]]
        raise UnavailableError(f"{wanted[0]}: {lacking.reason}; {lacking.remedy}")
    return TRACERS[usable[0]]


def _look(
    artifact: Artifact, tracer: type[Tracer], expected: Sequence[Layer], images: FloatArray
) -> tuple[list[Seen | None], float | None]:
    """Return the layers as the artifact shows them, and how far its scores are from those of an ordinary call."""
    try:
        with quiet():
            loaded = tracer(artifact)
            matches = match(expected, loaded.trace(np.resize(images, (PROBE_IMAGES, *images.shape[1:]))))
            keys = {found.tensor.key for found in matches if found}
            traced = {tensor.key: tensor for tensor in loaded.trace(images, keys)}
            ordinary = _ordinary_scores(artifact, tracer.runtime, images)
    except MnistDeployError:
        raise
    except Exception as error:  # each library raises its own for a file that it cannot read
        limit = resource_limits.explain(error)
        if debugging() or limit is not None:
            raise
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"{artifact.path}: does not run in {tracer.runtime} ({type(error).__name__}: {reason}); "
            f"run: {remake(artifact)}"
        ) from error
    seen: list[Seen | None] = []
    for layer, found in zip(expected, matches, strict=True):
        if found is None or found.tensor.key not in traced:
            seen.append(None)
        else:
            layout, values = arranged(traced[found.tensor.key].values, layer)
            seen.append(Seen(found, layout, values))
    last = seen[-1]
    return seen, None if last is None or ordinary is None else float(np.abs(ordinary - last.values).max())


def _ordinary_scores(artifact: Artifact, runtime: str, images: FloatArray) -> FloatArray | None:
    """Return the scores of a call in which nothing is looked at; None for a format that the runtime itself lacks."""
    if not RUNTIMES[runtime].reads(artifact):
        return None
    with RUNTIMES[runtime](artifact, device="cpu", threads=None, batch_size=len(images)) as loaded:
        return loaded.infer(images)


def _float32(
    store: ArtifactStore, artifact: Artifact, tracer: type[Tracer], expected: Sequence[Layer], images: FloatArray
) -> tuple[list[Seen | None], str | None]:
    """Return the layers as the float32 artifact of the same format and variant shows them, or the reason why not."""
    none: list[Seen | None] = [None] * len(expected)
    if artifact.precision is Precision.FLOAT32:
        return none, None
    twin = store.find(artifact.architecture, artifact.format, Precision.FLOAT32, artifact.variant)
    state = store.state(twin) if twin else None
    if twin is None or state is not State.CURRENT:
        how = "not exported" if twin is None else str(state)
        return none, f"the float32 artifact is {how}"
    return _look(twin, tracer, expected, images)[0], None


def _row(layer: Layer, seen: Seen | None, plain: Seen | None, precision: Precision) -> LayerRow:
    row = LayerRow(layer=layer.label)
    if plain is not None:
        row.conversion = difference(plain.values, layer.values, layer.channels).worst_channel
    if seen is None:
        return row
    total = difference(seen.values, layer.values, layer.channels)
    row.tensor, row.operator = seen.match.tensor.name, seen.match.tensor.operator
    row.found_by, row.layout = seen.match.how, seen.layout
    row.relative, row.worst_channel, row.max_abs = total.relative, total.worst_channel, total.max_abs
    if precision is Precision.FLOAT32:
        row.conversion = total.worst_channel
    elif plain is not None:
        row.quantization = difference(seen.values, plain.values, layer.channels).worst_channel
    # Written so that an error that is no number is past any tolerance.
    within = total.worst_channel <= TOLERANCES[precision].worst_channel
    row.verdict = Verdict.OK if within else Verdict.PAST
    return row
