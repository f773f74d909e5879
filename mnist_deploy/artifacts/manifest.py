"""manifest.json: every artifact, with paths that are absolute in memory and relative to artifacts/ in the file."""

import json
from pathlib import Path

from mnist_deploy import documents, files
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts.records import SEALED_SINCE, Artifact, Manifest
from mnist_deploy.errors import ArtifactError
from mnist_deploy.kinds import Precision, Variant, identity

MANIFEST = "manifest.json"


def read(root: Path) -> Manifest:
    """Return the manifest of the folder `root`; empty if none was written yet.

    Raises:
        ArtifactError: manifest.json is not what this package writes, or names what lies elsewhere.
    """
    path = root / MANIFEST
    remedy = "delete it and run: mnist-deploy export"
    try:
        manifest = Manifest.model_validate(documents.read(path, sealed_since=SEALED_SINCE))
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror}); mend its permissions") from error
    except ValueError as error:
        raise ArtifactError(f"{path}: not a manifest ({documents.invalid(error)}); {remedy}") from error
    for one in manifest.artifacts:
        parts, place = one.path.parts, root / one.path
        if parts[:1] != (one.architecture,) or ".." in parts:
            raise ArtifactError(f"{path}: names {place}, outside its folder; {remedy}")
        if not files.is_inside(place, root):
            raise ArtifactError(f"{place}: a link that leads outside of {root}; put the file itself there")
    absolute = [one.model_copy(update={"path": root / one.path}) for one in manifest.artifacts]
    return Manifest(artifacts=absolute)


def enter(root: Path, artifact: Artifact) -> None:
    """Write the manifest with `artifact` in the place of an older entry."""
    kept = [one for one in read(root).artifacts if identity(one) != identity(artifact)]
    entries = sorted([*kept, artifact], key=_order)
    relative = [one.model_copy(update={"path": one.path.relative_to(root)}) for one in entries]
    content = Manifest.model_construct(artifacts=relative).model_dump(mode="json")
    for entry in content["artifacts"]:
        entry["path"] = Path(entry["path"]).as_posix()
    files.write_text(root / MANIFEST, documents.sealed(json.dumps(content)))


def _order(artifact: Artifact) -> tuple[int, str, int, int]:
    names, precisions, variants = list(ARCHITECTURES), list(Precision), list(Variant)
    known = names.index(artifact.architecture) if artifact.architecture in names else len(names)
    return known, artifact.format, precisions.index(artifact.precision), variants.index(artifact.variant)
