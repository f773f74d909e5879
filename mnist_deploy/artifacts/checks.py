"""Whether an artifact is what the manifest says, and which command makes it anew."""

from mnist_deploy import files
from mnist_deploy.artifacts.records import KERAS_FORMAT, Artifact
from mnist_deploy.errors import ArtifactError
from mnist_deploy.kinds import Variant


def is_intact(artifact: Artifact) -> bool:
    """Tell whether what lies at the artifact's path is what the manifest says, by its size and SHA-256."""
    path = artifact.path
    return files.size_bytes(path) == artifact.size_bytes and files.sha256(path) == artifact.sha256


def require_intact(artifact: Artifact) -> None:
    """Hold an artifact to what the manifest said of it, right before it is loaded.

    Raises:
        ArtifactError: it is gone, or was changed since.
    """
    if not artifact.path.exists() or not is_intact(artifact):
        raise ArtifactError(f"{artifact.path}: changed since it was checked (SHA-256 differs); run the command again")


def remake(artifact: Artifact) -> str:
    """Return the command that makes `artifact` anew."""
    if artifact.format == KERAS_FORMAT:
        return f"mnist-deploy train {artifact.architecture}"
    return making(artifact.architecture, artifact.format, artifact.precision, artifact.variant)


def making(architecture: str, format: str, precision: str, variant: str) -> str:
    """Return the command that exports one artifact."""
    return f"mnist-deploy export {architecture} --format {format} --precision {precision}{Variant(variant).options}"
