"""`mnist-deploy compare` as its users meet it: on files, and on two folders that are measured in turn."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_deploy import documents, results
from mnist_deploy.artifacts import ArtifactStore, Precision
from mnist_deploy.benchmark import recording
from mnist_deploy.benchmark.statistics import summarize
from mnist_deploy.cli import quantities
from mnist_deploy.decisions.change_records import Changes
from mnist_deploy.errors import UsageError
from mnist_deploy.results import Results
from tests.comparisons import cell, many, run
from tests.conftest import NETWORKS, TinyRun, mnist_deploy, written
from tests.records import ENVIRONMENT, NOISY
from tests.test_cli import ended, one_line

CNN = NETWORKS[1]


def saved(path: Path, found: Results) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(found.text())
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return saved(tmp_path / "base.json", run(many(10)))


@pytest.fixture
def slower(tmp_path: Path) -> Path:
    return saved(tmp_path / "slower.json", run(many(10, slower={3: 1.3, 5: 1.2}), hour=1))


# ---- files


def test_a_regression_is_exit_code_1_and_names_the_worst_cell(
    capfd: pytest.CaptureFixture[str], base: Path, slower: Path
) -> None:
    code, out, err = ended(capfd, "compare", base, slower)
    line = one_line(err)
    assert code == 1 and "2 regressions beyond 5.0% in 10 cells" in line
    assert "the worst mlp-relu-128 tflite int8 in litert, batch 4, 1 thread: +30.0%" in line
    assert "Regressions: slower than allowed" in out and "+20.0%" in out


def test_no_regression_is_exit_code_0(capfd: pytest.CaptureFixture[str], base: Path, slower: Path) -> None:
    for arguments in ([slower, base], [base, slower, "--max-regression", "40%"]):
        code, out, err = ended(capfd, "compare", *arguments)
        assert (code, err) == (0, "") and "no regression beyond" in out


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("0%", 0), (".5", 0.5), ("120 %", 1.2)])
def test_the_share_that_is_allowed(text: str, share: float) -> None:
    assert quantities.allowance("--max-regression", text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "1", "five", "", "-5%", "5%%", "nan", "%"])
def test_what_is_no_share_is_refused(capfd: pytest.CaptureFixture[str], base: Path, text: str) -> None:
    with pytest.raises(UsageError, match="give percent or a share below 1"):
        quantities.allowance("--max-regression", text)
    code, out, err = ended(capfd, "compare", base, base, f"--max-regression={text}")
    assert (code, out) == (2, "") and one_line(err).startswith("error: --max-regression")


def broken(folder: Path) -> dict[str, tuple[Path, str]]:
    """Results that cannot be compared, and the words that say so."""
    there = folder / "there"
    there.mkdir()
    (folder / "text.json").write_text("no results")
    (folder / "old.json").write_text('{"schema_version": 3}')
    (folder / "empty").mkdir()
    other = ENVIRONMENT.model_copy(update={"cpu": "B CPU"})
    made = {
        "cpu": (run(many(10), 1, environment=other), "environment.cpu: A CPU against B CPU; measure both on"),
        "data": (run(many(10), 1, data_sha256="4" * 64), "data_sha256: 333333333333 against 444444444444"),
        "model": (run([cell(1e-5, model_sha256="9" * 64)], 1), "model_sha256 of mlp-relu-128: 111111111111 against 9"),
        "nothing": (
            run([], 1, command="verify"),
            "holds no measurements, only those of verify; run: mnist-deploy bench",
        ),
        "apart": (run([cell(1e-5, threads=2)], 1), "no cell in common; measure the same in both"),
    }
    files = {name: (saved(folder / f"{name}.json", found), words) for name, (found, words) in made.items()}
    return files | {
        "missing": (folder / "missing.json", "missing.json: no such file or folder; give a results file"),
        "text": (folder / "text.json", "text.json: not a results file"),
        "old": (folder / "old.json", "old.json: schema version 3, not"),
        "empty folder": (folder / "empty", "latest.json: no such results"),
    }


BROKEN = ["cpu", "data", "model", "nothing", "apart", "missing", "text", "old", "empty folder"]


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_compared_is_refused(
    capfd: pytest.CaptureFixture[str], base: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, words = broken(tmp_path)[what]
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    before = written(tmp_path)
    code, out, err = ended(capfd, "compare", base, path, "--output", tmp_path / "out.txt")
    assert (code, out) == (2, "") and words in one_line(err)
    assert written(tmp_path) == before


def test_force_compares_and_says_on_top_what_differs(
    capfd: pytest.CaptureFixture[str], base: Path, tmp_path: Path
) -> None:
    path = broken(tmp_path)["cpu"][0]
    code, out, _ = ended(capfd, "compare", base, path, "--force", "--format", "markdown")
    assert code == 0 and "FORCED: these should not be compared: environment.cpu" in out.split("| network")[0]


def test_a_gate_that_can_decide_nothing_says_so_and_fails_only_if_strict(
    capfd: pytest.CaptureFixture[str], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, summary = saved(tmp_path / "head.json", run(many(10, 9.0), 1, noise=NOISY)), tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, err = ended(capfd, "compare", base, head)
    assert code == 0
    for told in (out, err, summary.read_text()):
        assert "NOTHING COULD BE DECIDED: 10 of 10 cells are undecided" in " ".join(told.split())
    code, _, err = ended(capfd, "compare", base, head, "--strict")
    assert code == 1 and "--strict allows no undecided cell" in one_line(err)


def test_where_every_cell_is_undecided_the_headline_is_that(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Though no reason holds for all: here the passes of each are far apart."""
    wide = (0.7, 1.4, 1.0, 0.8, 1.3)
    before, after = (
        saved(tmp_path / f"{hour}.json", run([cell(1e-5, wide, batch_size=n + 1) for n in range(4)], hour))
        for hour in (0, 1)
    )
    code, out, err = ended(capfd, "compare", before, after)
    for words in (out, err):
        assert "NOTHING COULD BE DECIDED: 4 of 4 cells are undecided, which rules no regression out" in one_space(words)
    assert code == 0 and "no regression beyond" not in out
    assert ended(capfd, "compare", before, after, "--strict")[0] == 1


def test_how_many_could_be_decided_is_in_the_headline(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [cell(1e-5, batch_size=1), cell(1e-5, (0.7, 1.4, 1.0, 0.8, 1.3), batch_size=2)]
    before, after = (saved(tmp_path / f"{hour}.json", run(rows, hour)) for hour in (0, 1))
    code, out, _ = ended(capfd, "compare", before, after)
    assert code == 0 and "no regression beyond 5.0% in the 1 of 2 cells that could be decided" in one_space(out)


def one_space(text: str) -> str:
    return " ".join(text.split())


def test_a_measurement_against_itself_is_bad_use(capfd: pytest.CaptureFixture[str], base: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(base, tmp_path / "copied.json"))
    for head in (base, copied):
        code, out, err = ended(capfd, "compare", base, head)
        assert (code, out) == (2, "") and "both sides are the same measurement" in one_line(err)
    code, out, err = ended(capfd, "compare", base, copied, "--force")
    assert code == 0 and "NOTHING COULD BE DECIDED" in err and "the same measurement" in one_space(out)
    assert ended(capfd, "compare", base, copied, "--force", "--strict")[0] == 1


def test_a_folder_stands_for_its_newest_results(capfd: pytest.CaptureFixture[str], base: Path, tmp_path: Path) -> None:
    artifacts, plain = tmp_path / "artifacts", tmp_path / "plain"
    run(many(10), 1).save(artifacts / "results")
    run([], 2, command="verify").save(artifacts / "results")
    saved(plain / "latest.json", run(many(10), 1))
    for folder in (artifacts, artifacts / "results" / "..", artifacts / "results", plain):
        code, out, err = ended(capfd, "compare", base, folder)
        assert (code, err) == (0, "") and "no regression beyond 5.0% in 10 cells" in out


def test_each_format_is_printed_or_written_and_the_summary_appended(
    capfd: pytest.CaptureFixture[str], base: Path, slower: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary, output = tmp_path / "summary.md", tmp_path / "out"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    printed = {}
    for format in ("table", "markdown", "json"):
        code, printed[format], _ = ended(capfd, "compare", base, slower, "--format", format)
        assert code == 1
        code, out, _ = ended(capfd, "compare", base, slower, "--format", format, "--output", output)
        assert (code, out) == (1, "") and output.read_text() == printed[format]
    assert summary.read_text() == "before\n" + 6 * ("\n" + printed["markdown"])
    found = Changes.model_validate_json(printed["json"])
    assert [one.outcome for one in found.cells].count("regression") == 2 and len(found.cells) == 10
    assert ended(capfd, "compare", base, slower, "--format", "html")[0] == 2
    code, _, err = ended(capfd, "compare", base, slower, "--output", tmp_path)
    assert code == 2 and "is a folder" in one_line(err) and base.is_file()


@pytest.mark.parametrize(
    "option", [["--runtime", "litert"], ["--architecture", CNN], ["--batch-size", "1"], ["--quick"], ["--data", "x"]]
)
def test_what_is_measured_cannot_be_chosen_for_files(
    capfd: pytest.CaptureFixture[str], base: Path, option: list[str]
) -> None:
    code, _, err = ended(capfd, "compare", base, base, *option)
    assert code == 2 and f"{option[0]}: has no effect without --interleave" in one_line(err)


def test_it_imports_no_framework(base: Path, slower: Path) -> None:
    program = (
        "import sys; from mnist_deploy import cli; cli.run(sys.argv[1:]);"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'onnx', 'onnxruntime', 'openvino', 'altair'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, "compare", str(base), str(slower), "--output", str(base) + ".txt"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


# ---- two folders, measured in turn


def test_bad_folders(capfd: pytest.CaptureFixture[str], tmp_path: Path, base: Path) -> None:
    (tmp_path / "empty").mkdir()
    for first, words in (
        (tmp_path / "no", "no such folder"),
        (base, "no such folder"),
        (tmp_path / "empty", "nothing trained yet"),
    ):
        code, out, err = ended(capfd, "compare", "--interleave", first, tmp_path, "--record", tmp_path / "record")
        assert (code, out) == (2, "") and words in one_line(err) and not (tmp_path / "record").exists()


ONE = ["--architecture", CNN, "--runtime", "onnxruntime", "--precision", "float32", "--precision", "int8"]
ONE += ["--artifact-format", "onnx", "--batch-size", "1", "--threads", "1"]


def encumber(store: ArtifactStore) -> None:
    """Let the onnx float32 artifact work much longer for the same answers: it adds 0 times a large product."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    artifact = store.find(CNN, "onnx", Precision.FLOAT32)
    assert artifact is not None
    model = onnx.load(artifact.path)
    graph, random = model.graph, np.random.default_rng(0)
    given, answer = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name == answer:
                node.output[place] = "before"
    weights = [random.normal(size=(784, 2048)), random.normal(size=(2048, 2048)), random.normal(size=(2048, 10))]
    graph.initializer.extend(
        numpy_helper.from_array(one.astype(np.float32) / 1e3, f"w{n}") for n, one in enumerate(weights)
    )
    graph.initializer.extend([
        numpy_helper.from_array(np.array([-1, 784], np.int64), "flat"),
        numpy_helper.from_array(np.array(0, np.float32), "nought"),
    ])  # fmt: skip
    graph.node.extend([
        helper.make_node("Reshape", [given, "flat"], ["x0"]),
        *(helper.make_node("MatMul", [f"x{n}", f"w{n}"], [f"x{n + 1}"]) for n in range(3)),
        helper.make_node("Mul", ["x3", "nought"], ["zeros"]),
        helper.make_node("Add", ["before", "zeros"], [answer]),
    ])  # fmt: skip
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    onnx.save(model, artifact.path)
    store.record(CNN, "onnx", Precision.FLOAT32, artifact.path, artifact.provenance)


def test_two_folders_in_turn(capfd: pytest.CaptureFixture[str], tiny_run: TinyRun, root: Path, tmp_path: Path) -> None:
    """A against its copy, then against one with a cell that is really slower; both, and what is saved."""
    other = Path(shutil.copytree(root, tmp_path / "other"))
    before = written(root) | written(other)
    common = ["compare", "--interleave", root, other, *ONE, "--data", tiny_run.data]
    code, out, err = ended(capfd, *common, "--record", tmp_path / "same")
    assert code == 0, err
    assert written(root) | written(other) == before, "the folders compared are left as they are"
    same = Changes.model_validate_json((tmp_path / "same" / "compare.json").read_text())
    assert same.paired and {one.cell.precision for one in same.cells} == {"float32", "int8"}
    assert same.accuracies and not any(one.lost or one.gained for one in same.accuracies)

    encumber(ArtifactStore(other))
    code, out, err = ended(capfd, *common, "--record", tmp_path / "slow", "--format", "json")
    found = Changes.model_validate_json(out)
    ratios = {one.cell.precision: one for one in found.cells}
    assert ratios["float32"].ratio > 2 > ratios["int8"].ratio
    assert {one.precision: one.head_bytes > one.base_bytes for one in found.sizes} == {"float32": True, "int8": False}
    if found.undecided:
        pytest.skip(f"this machine allows no verdict now: {found.undecided}")
    assert code == 1 and [one.outcome for one in found.cells if one.cell.precision == "float32"] == ["regression"]
    assert f"the worst {CNN} onnx float32 in onnxruntime, batch 1, 1 thread" in one_line(err)

    record = tmp_path / "slow"
    assert sorted(path.name for path in record.iterdir()) == ["base.json", "compare.json", "head.json", "samples.npz"]
    assert json.loads((record / "compare.json").read_text()) == json.loads(out)
    samples = recording.load(record / "samples.npz")
    for side in ("base", "head"):
        saved_side = results.load(record / f"{side}.json")
        assert saved_side.complete and saved_side.passes_done == 5
        for row in saved_side.measurements:
            key = next(k for k in samples.passes if (k.side, k.precision, k.twin) == (side, row.precision, False))
            assert row.pass_quiet_s == list(summarize(samples.cell_times(key), 1).quiet.pass_values)
    # What was saved says the same again: both are of one run.
    code, again, _ = ended(capfd, "compare", record / "base.json", record / "head.json", "--format", "json")
    assert code == 1 and [one.ratio for one in Changes.model_validate_json(again).cells] == [
        one.ratio for one in found.cells
    ]


def test_folders_of_other_models_and_other_cells(
    capfd: pytest.CaptureFixture[str], tiny_run: TinyRun, root: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(root, tmp_path / "other"))
    manifest = json.loads((other / "manifest.json").read_text())
    for one in manifest["artifacts"]:
        if one["architecture"] == CNN:
            one["provenance"]["source_sha256"] = "9" * 64
    manifest["artifacts"] = [
        one for one in manifest["artifacts"] if (one["format"], one["precision"]) != ("onnx", "int8")
    ]
    (other / "manifest.json").write_text(documents.sealed(json.dumps(manifest)))
    (other / CNN / "model.keras").unlink()
    common = ["compare", "--interleave", root, other, *ONE, "--data", tiny_run.data, "--record", tmp_path / "record"]
    code, _, err = ended(capfd, *common)
    assert code == 2 and f"model_sha256 of {CNN}" in one_line(err) and "--force" in one_line(err)
    assert not (tmp_path / "record").exists()
    code, out, err = ended(capfd, *common, "--force", "--quick", "--max-regression", "90%")
    assert code == 0, err
    assert "FORCED" in out and "Only in BASE: 1 cell." in out


def test_a_record_is_never_written_into_the_folders(capfd: pytest.CaptureFixture[str], root: Path) -> None:
    for inside in (root, root / "results", root / "manifest.json"):
        before = written(root)
        code, _, err = ended(capfd, "compare", "--interleave", root, root, "--record", inside)
        assert code == 2 and "--record" in one_line(err) and written(root) == before


def test_help_names_the_gate(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ended(capfd, "compare", "--help")
    assert "Exit 1" in out and "--interleave" in out
    assert mnist_deploy("compare").code == 2
