"""What a training depends on, and what it came to."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from mnist_deploy import cpu
from mnist_deploy.architectures import Architecture, Conv
from mnist_deploy.dataset import Dataset


class ComputeDtype(StrEnum):
    """What a training computes in; weights, their updates and the last layer are float32 in any case."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class Settings(BaseModel):
    """What a training depends on; two trainings with equal settings on one machine give equal weights."""

    model_config = ConfigDict(frozen=True)

    architecture: str
    layers: str
    optimizer: str
    loss: str
    batch_size: int
    epochs: int
    seed: int
    data_sha256: str
    compute_dtype: ComputeDtype = ComputeDtype.FLOAT32


class TrainingRecord(BaseModel):
    """What `training.json` holds. Times in seconds; history has one value an epoch."""

    settings: Settings
    history: dict[str, list[float]]
    test_loss: float
    test_accuracy: float
    duration_s: float
    versions: dict[str, str]
    created_at: datetime
    model_sha256: str


def settings_for(
    architecture: Architecture,
    dataset: Dataset,
    *,
    epochs: int | None = None,
    seed: int = 0,
    compute_dtype: ComputeDtype = ComputeDtype.AUTO,
) -> Settings:
    """Return the settings of a training; `epochs` None means as many as the notebook takes."""
    return Settings(
        architecture=architecture.name,
        layers=repr(architecture.layers),
        optimizer=architecture.optimizer,
        loss=architecture.loss,
        batch_size=architecture.batch_size,
        epochs=epochs or architecture.epochs,
        seed=seed,
        data_sha256=dataset.sha256,
        compute_dtype=resolved(compute_dtype, architecture, cpu.features()),
    )


def resolved(asked: ComputeDtype, architecture: Architecture, cpu_features: list[str]) -> ComputeDtype:
    """Return what `asked` means for a network: auto is bfloat16 for convolutions on a CPU that multiplies in it.

    `python -m benchmarks.training` measures what it gains, and what it does to the accuracy. Dense networks of this
    size gain nothing, and a CPU without such instructions is slower.
    """
    if asked is not ComputeDtype.AUTO:
        return asked
    convolves = any(isinstance(layer, Conv) for layer in architecture.layers)
    gains = convolves and bool(cpu.bfloat16_products(cpu_features))
    return ComputeDtype.BFLOAT16 if gains else ComputeDtype.FLOAT32
