import json
from pathlib import Path

import pytest

from mnist_deploy import documents, files
from mnist_deploy.artifacts import ArtifactStore, Precision, State
from mnist_deploy.errors import ArtifactError, ModelError
from tests.conftest import NETWORKS, TinyRun

MLP = NETWORKS[0]


def test_manifest_says_what_lies_there(tiny_run: TinyRun) -> None:
    artifacts = tiny_run.store.manifest().artifacts
    kinds = {(one.format, one.precision.value) for one in artifacts}
    assert kinds == {
        ("keras", "float32"),
        ("saved_model", "float32"),
        *(("tflite", precision.value) for precision in Precision),
        *(("onnx", precision) for precision in ("float32", "dynamic", "int8")),
        *(("openvino", precision) for precision in ("float32", "float16", "int8")),
        *(("mnn", precision) for precision in ("float32", "float16")),
    }
    assert len(artifacts) == len(kinds) * len(NETWORKS)
    written = json.loads((tiny_run.root / "manifest.json").read_text())
    for one, raw in zip(artifacts, written["artifacts"], strict=True):
        assert not Path(raw["path"]).is_absolute()
        assert one.size_bytes == files.size_bytes(one.path) > 0
        assert one.sha256 == files.sha256(one.path)
        assert one.provenance.source_sha256 == files.sha256(tiny_run.store.model_path(one.architecture))
        assert "tensorflow" in one.provenance.versions
        assert (one.provenance.calibration_size == 500) == (one.precision is Precision.INT8)


def test_states(store: ArtifactStore) -> None:
    int8 = store.find(MLP, "tflite", Precision.INT8)
    assert int8 is not None and store.state(int8) is State.CURRENT
    with int8.path.open("r+b") as stream:
        stream.seek(200)
        stream.write(b"\xff\x00\xff")
    assert store.state(int8) is State.CORRUPT
    with pytest.raises(ArtifactError, match=f"{int8.path}.*export {MLP} --format tflite --precision int8"):
        store.select()
    # Filters decide what is looked at: another format is still fine.
    assert all(state is State.CURRENT for _, state in store.select(formats=["onnx"]))
    int8.path.unlink()
    assert store.state(int8) is State.MISSING
    with store.model_path(MLP).open("ab") as stream:
        stream.write(b"changed")
    assert store.state(int8) is State.STALE
    assert {one.architecture for one, state in store.select(formats=["tflite"]) if state is State.STALE} == {MLP}
    with pytest.raises(ArtifactError, match=f"not what was trained.*train {MLP}.*export {MLP}"):
        store.select()


def test_without_its_model_an_artifact_is_not_stale(store: ArtifactStore) -> None:
    store.model_path(MLP).unlink()
    assert {state for _, state in store.select([MLP], ["tflite"])} == {State.CURRENT}


def test_nothing_trained_and_not_trained(tmp_path: Path, store: ArtifactStore) -> None:
    with pytest.raises(ModelError, match="nothing trained yet; run: mnist-deploy train-all"):
        ArtifactStore(tmp_path / "empty").select()
    assert not (tmp_path / "empty").exists()
    with pytest.raises(ModelError, match="mnist-deploy train mlp-relu-256"):
        store.select(["mlp-relu-256"])


def test_damaged_manifest_and_reference(store: ArtifactStore) -> None:
    manifest = store.root / "manifest.json"

    def first_is(**changes: str) -> None:
        content = documents.read(manifest)
        content["artifacts"][0] |= changes
        manifest.write_text(documents.sealed(json.dumps(content)))

    good = manifest.read_text()
    for path in ("../../elsewhere", "/etc/passwd", f"{MLP}/../../x", f"{NETWORKS[1]}/int8.tflite", "."):
        manifest.write_text(good)
        first_is(path=path, architecture=MLP)
        with pytest.raises(ArtifactError, match="outside its folder"):
            store.manifest()
    manifest.write_text(good)
    first_is(architecture="../mlp")
    with pytest.raises(ArtifactError, match=r"artifacts\.0\.architecture: String should match"):
        store.manifest()
    manifest.write_text(good.replace(f'"{MLP}"', f'"{NETWORKS[1]}"', 1))
    with pytest.raises(ArtifactError, match="altered since it was written"):
        store.manifest()
    manifest.write_text('{"artifacts": 3}')
    with pytest.raises(ArtifactError, match="not a manifest"):
        store.manifest()
    (store.root / MLP / "reference.npz").write_bytes(b"PK nonsense")
    with pytest.raises(ArtifactError, match=r"reference\.npz: not readable"):
        store.reference(MLP)


def test_replacing_leaves_the_old_file_when_the_writer_fails(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    files.write_text(target, "old")
    with pytest.raises(RuntimeError), files.replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_replacing_a_folder_and_hashing_it(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    sums = []
    for text in ("one", "two"):
        with files.replacing(target) as temporary:
            (temporary / "deep").mkdir(parents=True)
            (temporary / "deep" / "file").write_text(text)
        sums.append(files.sha256(target))
    assert sums[0] != sums[1]
    assert files.size_bytes(target) == 3
    (target / "deep" / "file").rename(target / "deep" / "renamed")
    assert files.sha256(target) != sums[1], "names belong to the content of a folder"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
