"""Write the folder, whole or not at all."""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from mnist_deploy import documents, files
from mnist_deploy.artifacts import Artifact, ArtifactStore
from mnist_deploy.deployment import engines, rendering
from mnist_deploy.deployment.gathering import deployment
from mnist_deploy.deployment.records import Deployment
from mnist_deploy.errors import ArtifactError, UsageError
from mnist_deploy.kinds import kind, slug
from mnist_deploy.pipeline import choosing
from mnist_deploy.pipeline.choosing import Choice, Wanted
from mnist_deploy.pipeline.gathering import Gathered, gather
from mnist_deploy.plural import counted
from mnist_deploy.reports.units import number_bytes

CARD, RECORD, PREPROCESSING = "README.md", "deployment.json", "preprocessing"
NAME_ALL = "name all of NAME, --format, --precision and --runtime"


@dataclass(frozen=True)
class Packaged:
    """A folder that was written, what it holds, and why that; and where the one is that stood there before."""

    folder: Path
    record: Deployment
    why: str
    former: Path | None


def package(
    store: ArtifactStore, wanted: Wanted, output: Path | None = None, *, threads: int | None = None, force: bool = False
) -> Packaged:
    """Write the folder to deploy what is wanted, for the CPU, one image a call.

    Args:
        store: where artifacts and results are.
        wanted: what is named; what is left open is recommended from the results.
        output: the folder; None means NAME-FORMAT-PRECISION[-VARIANT]-RUNTIME in the current one.
        threads: that predict.py takes by default; None means as recommended, or 1.
        force: whether a folder that was packaged before may be replaced; it goes aside, for it may have been changed.

    Raises:
        UsageError: no package runs in the runtime, or the folder may not be written.
        ArtifactError, ModelError, UnavailableError: there is nothing to recommend from, or what is wanted is missing,
            not what was exported, or cannot be used here.
    """
    if wanted.runtime is not None:
        engines.engine(wanted.runtime)
    choosing.require_possible(wanted)
    choice, gathered = _choice(store, wanted)
    cell = choice.cell
    engines.engine(cell.runtime)
    if threads is not None:
        cell = replace(cell, use=cell.use.model_copy(update={"threads": threads}))
    record = deployment(store, cell, gathered.results if gathered else None)
    folder = output or Path("-".join((record.architecture, slug(record), record.runtime)))
    _require_free(store, folder.absolute(), force=force)
    with files.replacing(folder.absolute()) as temporary:
        temporary.mkdir()
        record.files = _fill(temporary, record, cell.artifact)
        (temporary / CARD).write_text(rendering.card(record), encoding="utf-8")
        (temporary / RECORD).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
        former = _moved_aside(folder)
    return Packaged(folder, record, choice.why, former)


def _choice(store: ArtifactStore, wanted: Wanted) -> tuple[Choice, Gathered | None]:
    try:
        gathered = gather(store)
    except ArtifactError as error:
        if not wanted.complete:
            _require_trained(store, wanted)
            raise ArtifactError(f"nothing to recommend from: {error}; or {NAME_ALL}") from error
        return choosing.first(store, wanted), None
    found = choosing.recommended(store, wanted, gathered, ready=False)
    if found is not None and wanted.complete:
        return Choice(found.cell, "as named"), gathered
    if found is not None or wanted.complete:
        return found or choosing.first(store, wanted), gathered
    _require_trained(store, wanted)
    named = (wanted.architecture, wanted.format, wanted.precision, wanted.variant, wanted.runtime)
    what = " ".join(filter(None, named))
    bench = " ".join(filter(None, ("mnist-deploy bench", wanted.architecture)))
    raise ArtifactError(
        f"{what or 'artifacts'}: {gathered.sources[0].name} measures none, as it is here, with one image a call on the "
        f"CPU, that keeps its parity gate; run: {bench}, or {NAME_ALL}"
    )


def _require_trained(store: ArtifactStore, wanted: Wanted) -> None:
    """Say first what comes first: a network that was not trained cannot be measured."""
    store.select([wanted.architecture] if wanted.architecture else None)


def _require_free(store: ArtifactStore, folder: Path, *, force: bool) -> None:
    """Let a folder be written that is not there, is empty, or, by `force`, holds what was packaged before alone."""
    if folder.resolve().is_relative_to(store.root.resolve()):
        raise UsageError(f"--output {folder}: lies in the folder of artifacts, {store.root}; name one outside of it")
    if folder.resolve() in (Path.cwd().resolve(), *Path.cwd().resolve().parents):
        raise UsageError(f"--output {folder}: this is where you are; name a folder of its own")
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise UsageError(f"--output {folder}: not a folder; give another name")
    if not any(folder.iterdir()):
        return
    if not force:
        raise UsageError(f"--output {folder}: not empty; give --force to replace it, or another --output")
    made = _made_before(folder)
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in made)
    if foreign:
        raise UsageError(f"--output {folder}: holds {foreign[0]}, which package did not write; move it away")


def _made_before(folder: Path) -> set[str]:
    """Return the names that a package's own record accounts for; none if there is no such record."""
    try:
        record = Deployment.model_validate(documents.read(folder / RECORD))
    except (OSError, ValueError):
        return set()
    return {*record.files, CARD, RECORD, "__pycache__"}


def _moved_aside(folder: Path) -> Path | None:
    """Make room for a new folder and return where the one that stood there is now; None if it was empty, or absent."""
    if not folder.exists():
        return None
    if not any(folder.iterdir()):
        folder.rmdir()
        return None
    # Of this microsecond, so that nothing has the name; and a full folder would not be replaced.
    aside = folder.with_name(f"{folder.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    folder.rename(aside)
    return aside


def _fill(folder: Path, record: Deployment, artifact: Artifact) -> dict[str, str]:
    """Write all but the card and the record; return the SHA-256 of each by name."""
    model = folder / record.model
    if artifact.path.is_dir():
        shutil.copytree(artifact.path, model)
    else:
        shutil.copyfile(artifact.path, model)
    if files.sha256(model) != artifact.sha256:
        raise ArtifactError(f"{artifact.path}: changed while it was copied; run it again")
    pinned = "".join(f"{name}=={version}\n" for name, version in record.requirements.items())
    # The modules themselves, so that a package sees images as `mnist-deploy predict` does.
    (folder / PREPROCESSING).mkdir()
    for module in resources.files("mnist_deploy").joinpath(PREPROCESSING).iterdir():
        if module.name.endswith(".py"):
            (folder / PREPROCESSING / module.name).write_text(module.read_text(encoding="utf-8"), encoding="utf-8")
    texts = {
        "predict.py": rendering.predict(record),
        "requirements.txt": pinned,
        "Dockerfile": rendering.dockerfile(record),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {name: files.sha256(folder / name) for name in (record.model, PREPROCESSING, *texts)}


def summary(made: Packaged) -> str:
    """Return in lines what was packaged, its files, and how to use it."""
    one, folder = made.record, made.folder
    threads = counted(one.threads, "thread")
    head = f"{one.architecture} {kind(one)} in {one.runtime}, {threads} ({made.why}): {folder}"
    names = [*one.files, CARD, RECORD]
    sizes = [number_bytes(files.size_bytes(folder / name)) for name in names]
    lines = [f"  {size:>8}  {name}" for name, size in zip(names, sizes, strict=True)]
    use = f"pip install -r {folder / 'requirements.txt'} && python {folder / 'predict.py'} IMAGE"
    before = [] if made.former is None else [f"What was there before: {made.former}"]
    return "\n".join([head, *lines, *before, f"Use it: {use}"])
