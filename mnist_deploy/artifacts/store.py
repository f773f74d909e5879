"""The artifacts below a folder, as its manifest has them, and whether they may be trusted."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from mnist_deploy import files, holding
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import manifest
from mnist_deploy.artifacts.checks import is_intact, remake
from mnist_deploy.artifacts.models import Models
from mnist_deploy.artifacts.records import KERAS_FORMAT, Artifact, Manifest, ProcessorCheck, Provenance, State
from mnist_deploy.artifacts.requirements import ModelRequirements
from mnist_deploy.errors import ArtifactError, ModelError
from mnist_deploy.kinds import Precision, Variant, identity
from mnist_deploy.progress import Progress


class ArtifactStore(Models):
    """The folder artifacts/ at `root`; nothing is created before something is saved."""

    @contextmanager
    def claimed(
        self, command: str, progress: Progress, *, makes: bool = False, saves_results: bool = False
    ) -> Iterator[None]:
        """Hold the folder for a with-block in which `command` writes to it, after whoever holds it now.

        What writers that were killed left unfinished is undone first. If results go elsewhere, it is their folder.

        Args:
            command: what others are told that have to wait.
            progress: is told whom this one waits for.
            makes: whether the command works in a folder with nothing in it, too; for others that is left as it is.
            saves_results: whether the command saves results and nothing else: that they can be saved is tried first.

        Raises:
            ArtifactError: a link in it leads out of it.
            StorageError: it cannot be written to.
        """
        self.require_inside()
        if not (makes or (self.root / manifest.MANIFEST).exists() or self.trained()):
            yield
            return
        place = self.results if saves_results and self.results_elsewhere else self.root
        with holding.held(place, command, progress):
            for folder, below, _ in os.walk(place):
                below[:] = [name for name in below if not name.startswith(files.WRITING)]
                files.recover(Path(folder))
            if saves_results:
                files.require_room(self.results)
            yield

    def require_inside(self) -> None:
        """Hold that no folder that is written to is a link that leads out of this one: nothing is changed out there.

        A link to a file does no harm: it is replaced, and what it leads to stays.

        Raises:
            ArtifactError: one is.
        """
        for name in [*ARCHITECTURES, self.results.name]:
            folder = self.root / name
            below = (Path(top) / one for top, found, _ in os.walk(folder) for one in found)
            for one in chain([folder], below):
                if one.is_symlink() and not files.is_inside(one, self.root):
                    raise ArtifactError(f"{one}: a link that leads outside of {self.root}; put the folder itself there")

    def manifest(self) -> Manifest:
        """Return the manifest with absolute paths; empty if none was written yet.

        Raises:
            ArtifactError: manifest.json is not what this package writes.
        """
        return manifest.read(self.root)

    def record(
        self,
        architecture: str,
        format: str,
        precision: Precision,
        path: Path,
        provenance: Provenance,
        variant: Variant = Variant.STANDARD,
        requirements: ModelRequirements | None = None,
    ) -> Artifact:
        """Enter what stands at `path` in the manifest, in the place of an older entry, and return it."""
        artifact = Artifact(
            architecture=architecture,
            format=format,
            precision=precision,
            variant=variant,
            path=path,
            size_bytes=files.size_bytes(path),
            sha256=files.sha256(path),
            provenance=provenance,
            requirements=requirements,
        )
        manifest.enter(self.root, artifact)
        return artifact

    def record_checks(self, artifact: Artifact, checks: Sequence[ProcessorCheck]) -> None:
        """Enter checks of `artifact` on other processors in the manifest, in the place of older ones of the same.

        Nothing is entered if the manifest names another file in its place by now, or results go elsewhere: then
        nothing is written here.
        """
        if self.results_elsewhere:
            return
        entry = self.find(artifact.architecture, artifact.format, artifact.precision, artifact.variant)
        if entry is None or entry.sha256 != artifact.sha256:
            return
        known = {check.place: check for check in (*entry.checked, *checks)}
        if tuple(known.values()) != entry.checked:
            manifest.enter(self.root, entry.model_copy(update={"checked": tuple(known.values())}))

    def record_model(self, architecture: str, versions: dict[str, str]) -> Artifact:
        """Enter the trained Keras model itself in the manifest."""
        path = self.model_path(architecture)
        provenance = Provenance(source_sha256=files.sha256(path), versions=versions, created_at=datetime.now(UTC))
        return self.record(architecture, KERAS_FORMAT, Precision.FLOAT32, path, provenance)

    def find(
        self, architecture: str, format: str, precision: Precision, variant: Variant = Variant.STANDARD
    ) -> Artifact | None:
        """Return one artifact of the manifest, in whatever state it is."""
        wanted = (architecture, format, precision, variant)
        return next((one for one in self.manifest().artifacts if identity(one) == wanted), None)

    def state(self, artifact: Artifact) -> State:
        """Compare an artifact with the model that it was made of, and with its own SHA-256.

        Without the source model beside it (a device that was sent only what it runs) staleness cannot be seen. The
        model itself is never stale.
        """
        model = self.model_sha256(artifact.architecture)
        itself = artifact.format == KERAS_FORMAT
        if not itself and model is not None and model != artifact.provenance.source_sha256:
            return State.STALE
        if not artifact.path.exists():
            return State.MISSING
        return State.CURRENT if is_intact(artifact) else State.CORRUPT

    def select(
        self,
        architectures: list[str] | None = None,
        formats: list[str] | None = None,
        precisions: list[str] | None = None,
        variants: list[str] | None = None,
    ) -> list[tuple[Artifact, State]]:
        """Return the artifacts that the filters let through (None: all) with their states, current or stale.

        Raises:
            ModelError: nothing was trained, or one of `architectures` was not.
            ArtifactError: an artifact is missing or is not what the manifest says.
        """
        artifacts = self.manifest().artifacts
        have = {artifact.architecture for artifact in artifacts} | set(self.trained())
        if not have:
            raise ModelError(f"{self.root}: nothing trained yet; run: mnist-deploy train-all")
        for name in architectures or []:
            if name not in have:
                raise ModelError(f"{name}: not trained yet; run: mnist-deploy train {name}")
        wanted = [
            one
            for one in artifacts
            if one.architecture in (architectures or have)
            and one.format in (formats or [one.format])
            and one.precision in (precisions or [one.precision])
            and one.variant in (variants or [one.variant])
        ]
        return [(artifact, self._usable(artifact)) for artifact in wanted]

    def _usable(self, artifact: Artifact) -> State:
        state = self.state(artifact)
        if state is State.MISSING:
            raise ArtifactError(f"{artifact.path}: missing; run: {remake(artifact)}")
        if state is State.CORRUPT:
            made, own = "exported", ""
            if artifact.format == KERAS_FORMAT:
                made, own = "trained", f"; if you put it there: mnist-deploy export {artifact.architecture}"
            why = "SHA-256 differs" if files.is_plain(artifact.path) else "it has what is neither file nor folder"
            raise ArtifactError(f"{artifact.path}: not what was {made} ({why}); run: {remake(artifact)}{own}")
        return state
