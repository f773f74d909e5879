"""All that is known of an artifact in a runtime: the record of a deployment."""

import platform
from datetime import UTC, datetime

from mnist_deploy import __version__, dataset
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import Artifact, ArtifactStore, Precision
from mnist_deploy.benchmark.schedule import Cell
from mnist_deploy.deployment.engines import requirements
from mnist_deploy.deployment.records import Deployment
from mnist_deploy.kinds import identity, options
from mnist_deploy.parity import ParityRow
from mnist_deploy.parity.processors import processor_failures
from mnist_deploy.plural import counted
from mnist_deploy.results import Measurement, Results
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.versions import installed_bytes

# A folder's own name says what it holds; a file's is 'model' with the ending that its readers know.
FOLDERS = {"saved_model": "saved_model"}


def deployment(store: ArtifactStore, cell: Cell, results: Results | None) -> Deployment:
    """Return what is known of a cell from the store and from results, of which its own rows are taken."""
    artifact, runtime = cell.artifact, RUNTIMES[cell.runtime]
    network = ARCHITECTURES[artifact.architecture]
    training = store.training(artifact.architecture)
    pinned = requirements(cell.runtime)
    record = Deployment(
        mnist_deploy=__version__,
        created_at=datetime.now(UTC),
        command=command(cell),
        architecture=artifact.architecture,
        layers=", ".join(map(repr, network.layers)),
        parameters=network.parameters,
        flops=network.flops,
        format=artifact.format,
        precision=artifact.precision.value,
        variant=artifact.variant.value,
        input_type=input_type(artifact),
        runtime=cell.runtime,
        device=cell.device,
        threads=cell.use.threads,
        model=FOLDERS.get(artifact.format, f"model{artifact.path.suffix}"),
        size_bytes=artifact.size_bytes,
        artifact_sha256=artifact.sha256,
        provenance=artifact.provenance,
        model_requirements=artifact.requirements,
        python=".".join(platform.python_version_tuple()[:2]),
        requirements=pinned,
        installed_bytes=installed_bytes(*runtime.distributions, also=runtime.requirements("cpu")),
        checked=[check for check in artifact.checked if check.runtime == cell.runtime],
        training=training if training and training.model_sha256 == artifact.provenance.source_sha256 else None,
    )
    if record.training is not None:
        record.on_mnist = record.training.settings.data_sha256 == dataset.MNIST_SHA256
    if results is not None:
        record.parity = next((row for row in results.parity if _is_of(row, cell)), None)
        rows = [row for row in results.measurements if _is_of(row, cell)]
        record.measurements = sorted(rows, key=lambda row: (row.batch_size, row.threads))
    if results is not None and record.measurements:
        record.measured_at, record.quick = results.created_at, results.quick
        record.environment = results.environment
    record.cautions = _cautions(record, results)
    return record


def command(cell: Cell) -> str:
    """Return what packages the cell again."""
    artifact = cell.artifact
    which = f"{options(artifact)} --runtime {cell.runtime}"
    return f"mnist-deploy package {artifact.architecture} {which} --threads {cell.use.threads}"


def input_type(artifact: Artifact) -> str:
    """Return what the numbers of an artifact's input are: 'float32', 'uint8' or 'int8'."""
    if artifact.variant.uint8:
        return "uint8"
    return "int8" if artifact.format == "tflite" and artifact.precision is Precision.INT8 else "float32"


def _is_of(row: ParityRow | Measurement, cell: Cell) -> bool:
    # By its bytes: an artifact that was exported anew since has to be verified and measured anew.
    found = (row.artifact_sha256, row.runtime, row.device)
    same = found == (cell.artifact.sha256, cell.runtime, cell.device)
    return same and identity(row) == identity(cell.artifact)


def _cautions(one: Deployment, results: Results | None) -> list[str]:
    found = []
    if one.parity is None:
        found.append("It was not verified in this runtime: its accuracy here is unknown.")
    elif not one.parity.passed:
        found.append(f"It failed its parity gate {one.parity.gate}: {'; '.join(one.parity.failures)}.")
    if one.parity is not None and one.parity.warnings:
        found.append(f"Parity warning: {'; '.join(one.parity.warnings)}.")
    found += [
        f"It gives other answers on another processor: {reason}."
        for check in one.checked
        for reason in processor_failures(check)
    ]
    if not one.measurements:
        found.append("It was not measured in this runtime: its speed and memory are unknown.")
        return found
    if one.quick:
        found.append("The measurement was a quick one; its figures are not to rely on.")
    if results is not None and results.noise is not None and results.noise.noisy:
        found.append("The machine was noisy while it was measured: p99 and images/s hold for that hour only.")
    if not any(row.batch_size == 1 and row.threads == one.threads for row in one.measurements):
        threads = counted(one.threads, "thread")
        found.append(f"It was not measured as predict.py calls it: one image a call, {threads}.")
    measured, pinned = one.measurements[0].runtime_version, next(iter(one.requirements.values()))
    if measured is not None and measured.partition("+")[0] != pinned:
        name = next(iter(one.requirements))
        found.append(f"It was measured with {name} {measured}; requirements.txt pins {pinned}.")
    return found
