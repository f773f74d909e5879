"""What is known of a packaged model: what its card and deployment.json say."""

from datetime import datetime

from pydantic import BaseModel

from mnist_deploy.artifacts import ModelRequirements, ProcessorCheck, Provenance
from mnist_deploy.environment import Environment
from mnist_deploy.kinds import Variant
from mnist_deploy.parity import ParityRow
from mnist_deploy.results import Measurement
from mnist_deploy.training import TrainingRecord

SCHEMA_VERSION = 1


class Deployment(BaseModel):
    """A packaged model. SI units; unknown is None, or empty.

    Attributes:
        mnist_deploy: the version that wrote it.
        command: what writes the same again.
        layers, parameters, flops: of the network; see `architectures.Architecture`.
        input_type: what the numbers of the model's input are: 'float32', 'uint8' or 'int8'.
        threads: how many `predict.py` takes by default.
        model: the name of the model's file or folder.
        artifact_sha256: of that, as in the manifest.
        model_requirements: what the model's file needs of a runtime; None if the manifest does not say.
        python: the minor version that it was packaged with.
        requirements: what requirements.txt pins, version by package.
        installed_bytes: what the runtime and all that it requires take on disk.
        training: None if the record of the training is not that of this model.
        on_mnist: whether it was trained on the MNIST that the package carries; None if that is unknown.
        parity: against the Keras model, in this runtime on the CPU.
        checked: answers of this artifact in this runtime on other processors, as the manifest has them.
        measurements: of this artifact in this runtime on the CPU, smallest batch first.
        measured_at, quick, environment: when, how and on what machine they were measured.
        cautions: what to know before relying on it, one sentence each.
        files: SHA-256 by name of what is beside the card and this record.
    """

    schema_version: int = SCHEMA_VERSION
    mnist_deploy: str
    created_at: datetime
    command: str
    architecture: str
    layers: str
    parameters: int
    flops: int
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    input_type: str | None = None
    runtime: str
    device: str
    threads: int
    model: str
    size_bytes: int
    artifact_sha256: str
    provenance: Provenance
    model_requirements: ModelRequirements | None = None
    python: str
    requirements: dict[str, str]
    installed_bytes: int | None = None
    training: TrainingRecord | None = None
    on_mnist: bool | None = None
    parity: ParityRow | None = None
    checked: list[ProcessorCheck] = []
    measurements: list[Measurement] = []
    measured_at: datetime | None = None
    quick: bool = False
    environment: Environment | None = None
    cautions: list[str] = []
    files: dict[str, str] = {}
