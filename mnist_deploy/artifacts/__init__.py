"""What lies below artifacts/, and whether it may be trusted. The only owner of its paths.

manifest.json                       every artifact: format, precision, variant, path, bytes, SHA-256, provenance,
                                    and what it needs of a runtime
<architecture>/model.keras          the trained model; itself the artifact of format keras
<architecture>/training.json        how it was trained
<architecture>/reference.npz        its scores for the test images: what verify compares with
<architecture>/saved_model/         what was exported from it: a folder of its own for a format of one precision,
<architecture>/<precision>.<...>    else a file or folder for each precision; a variant other than the standard one
                                    is named before the dot: float32-uint8.onnx, saved_model-uint8/
<architecture>/previous/<sha>/      models that a later training replaced
<architecture>/unfinished/          what trainings that are not finished go on from (see `training.checkpoints`)
results/<time>.json, latest.json    what was verified and measured
.lock, .holder.json                 who writes here now (see `holding`)
"""

from mnist_deploy.artifacts.checks import is_intact, making, remake, require_intact
from mnist_deploy.artifacts.manifest import MANIFEST
from mnist_deploy.artifacts.records import (
    EXACT_KERNELS,
    EXPORT_REVISION,
    KERAS_FORMAT,
    NAME,
    REWRITTEN_SINCE,
    SEALED_SINCE,
    SHA256,
    Artifact,
    Manifest,
    ProcessorCheck,
    Provenance,
    State,
)
from mnist_deploy.artifacts.reference import Reference
from mnist_deploy.artifacts.requirements import ModelRequirements
from mnist_deploy.artifacts.store import ArtifactStore
from mnist_deploy.kinds import Precision, Variant

__all__ = [
    "EXACT_KERNELS",
    "EXPORT_REVISION",
    "KERAS_FORMAT",
    "MANIFEST",
    "NAME",
    "REWRITTEN_SINCE",
    "SEALED_SINCE",
    "SHA256",
    "Artifact",
    "ArtifactStore",
    "Manifest",
    "ModelRequirements",
    "Precision",
    "ProcessorCheck",
    "Provenance",
    "Reference",
    "State",
    "Variant",
    "is_intact",
    "making",
    "remake",
    "require_intact",
]
