"""The command `report`, from results to files. What the formats hold is tested in tests/reports/."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mnist_deploy import results
from mnist_deploy.artifacts import ArtifactStore
from mnist_deploy.dataset import IDX_FILES
from mnist_deploy.reports import formats
from mnist_deploy.reports.formats import FORMATS
from mnist_deploy.reports.summary import VARIABLE
from tests.records import RECORDS
from tests.reports.fixed import stored
from tests.test_cli import ended, one_line

Capture = pytest.CaptureFixture[str]
FRAMEWORKS = {"tensorflow", "keras", "jax", "torch", "onnxruntime", "openvino", "ai_edge_litert"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in; results are in artifacts/ beside it."""
    stored(tmp_path / "artifacts")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MNIST_DEPLOY_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return folder


def held(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


# ---- formats and places


def test_html_is_the_default_and_goes_to_a_file(here: Path, capfd: Capture) -> None:
    code, out, err = ended(capfd, "report")
    assert (code, out) == (0, "Report: report.html\n"), err
    assert held(here) == ["report.html"]
    assert "<html" in (here / "report.html").read_text(encoding="utf-8")[:500].lower()


def test_html_needs_its_charts_library(here: Path) -> None:
    program = "import sys; sys.modules['altair'] = None; from mnist_deploy import cli; sys.exit(cli.run(['report']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "altair" in one_line(done.stderr) and "pip install" in done.stderr
    assert held(here) == []


def test_svg_goes_to_a_file(here: Path, capfd: Capture) -> None:
    assert ended(capfd, "report", "--format", "svg", "--architecture", "cnn-relu-16-32")[:2] == (
        0, "Report: report.svg\n",
    )  # fmt: skip
    assert held(here) == ["report.svg"]
    text = "".join(ElementTree.fromstring((here / "report.svg").read_text(encoding="utf-8")).itertext())
    assert "cnn-relu-16-32" in text and "mlp-relu-128:" not in text.replace("\xa0", " ").split("How\xa0it")[0]


@pytest.mark.parametrize("name", [one.name for one in FORMATS.values() if not one.to_file])
def test_text_goes_to_stdout_and_nothing_else_does(here: Path, capfd: Capture, name: str) -> None:
    code, out, err = ended(capfd, "report", "--format", name)
    assert code == 0 and err == "" and held(here) == []
    match name:
        case "markdown":
            assert out.startswith("## mnist-deploy")
        case "csv":
            assert len(list(csv.reader(io.StringIO(out)))) == 1 + len(RECORDS.measurements)
        case "json":
            assert results.Results.model_validate_json(out) == RECORDS
        case "pytest-benchmark":
            assert len(json.loads(out)["benchmarks"]) == len(RECORDS.measurements)


@pytest.mark.parametrize(
    ("suffix", "wanted"), [(suffix, name) for name, one in FORMATS.items() if name != "html" for suffix in one.suffixes]
)
def test_the_ending_tells_the_format(here: Path, capfd: Capture, suffix: str, wanted: str) -> None:
    path = Path("new") / f"it{suffix.upper()}"
    assert ended(capfd, "report", "--output", path)[:2] == (0, f"Report: {path}\n")
    assert ended(capfd, "report", "--output", "named", "--format", wanted)[0] == 0
    assert path.read_bytes() == Path("named").read_bytes()
    assert held(here) == sorted(["named", "new", path.name])


def test_html_is_meant_by_its_endings() -> None:
    assert formats.chosen(None, Path("a.htm")) is formats.chosen(None, Path("a.html")) is FORMATS["html"]
    assert formats.chosen("csv", Path("a.html")) is FORMATS["csv"], "what is said counts"


def test_dash_is_stdout_for_every_format(here: Path, capfd: Capture) -> None:
    code, out, _ = ended(capfd, "report", "--format", "svg", "--output", "-")
    assert code == 0 and out.startswith("<svg") and held(here) == []


def test_stdout_is_utf_8_with_its_own_line_ends(here: Path) -> None:
    command = [sys.executable, "-m", "mnist_deploy", "report", "--format"]
    ascii = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    markdown = subprocess.run([*command, "markdown"], capture_output=True, check=True, env=ascii)
    assert "±3.0%" in markdown.stdout.decode("utf-8")
    table = subprocess.run([*command, "csv"], capture_output=True, check=True, env=ascii)
    assert table.stdout.count(b"\r\n") == 1 + len(RECORDS.measurements)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "html"])
def test_no_framework_is_loaded(here: Path, name: str) -> None:
    program = (
        "import sys; from mnist_deploy import cli; code = cli.run(['report', '--output', 'it', *sys.argv[1:]]);"
        f"print(sorted({FRAMEWORKS!r} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--format", name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stderr.strip() == "[]", done.stderr


# ---- what is reported


def test_results_may_be_named_and_are_joined(here: Path, capfd: Capture) -> None:
    rows = {"parity": [], "training": [], "samples": None}
    bench = RECORDS.model_copy(update=rows | {"command": "bench"}).save(here / "a")
    verify = RECORDS.model_copy(update={"measurements": [], "command": "verify"}).save(here / "b")
    code, out, _ = ended(capfd, "report", bench, verify, "--format", "json")
    joined = results.Results.model_validate_json(out)
    assert code == 0 and joined.command == "bench"
    assert joined.measurements == RECORDS.measurements and len(joined.parity) == len(RECORDS.parity)


def test_some_networks_only(here: Path, capfd: Capture) -> None:
    options = ["--architecture", "cnn-relu-16-32", "--format", "json"]
    found = results.Results.model_validate_json(ended(capfd, "report", *options)[1])
    assert {one.architecture for one in found.measurements} == {"cnn-relu-16-32"}
    assert found.parity == found.training == [] and {one.architecture for one in found.skips} == {None}
    both = results.Results.model_validate_json(ended(capfd, "report", *options, "--architecture", "mlp-relu-128")[1])
    assert both.measurements == RECORDS.measurements


def test_markdown_goes_to_the_summary_of_the_step_too(
    here: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(here / "summary.md"))
    _, out, _ = ended(capfd, "report", "--format", "markdown")
    assert (here / "summary.md").read_text(encoding="utf-8") == out
    assert ended(capfd, "report", "--format", "csv")[0] == 0
    assert (here / "summary.md").read_text(encoding="utf-8") == out, "markdown only"


def test_of_a_real_run(root: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    store = ArtifactStore(root)
    latest = results.load(store.results / "latest.json")
    _, out, _ = ended(capfd, "report", "--artifacts", root, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [float(one["latency_p50_s"]) for one in rows] == [one.latency_p50_s for one in latest.measurements]
    assert all(one["accuracy"] for one in rows)
    _, out, _ = ended(capfd, "report", "--artifacts", root, "--format", "markdown")
    assert out.startswith("## \\[quick\\] mnist-deploy")
    _, out, _ = ended(capfd, "report", "--artifacts", root, "--format", "pytest-benchmark")
    assert [one["stats"]["rounds"] for one in json.loads(out)["benchmarks"]] == [
        one.calls for one in latest.measurements
    ]


# ---- bad use


def other_machine(folder: Path) -> list[str]:
    here = RECORDS.environment.model_copy(update={"cpu": "Another CPU"})
    other = RECORDS.model_copy(update={"measurements": [], "environment": here}).save(folder / "other")
    return [str(RECORDS.save(folder / "one")), str(other)]


def two_measurements(folder: Path) -> list[str]:
    later = RECORDS.model_copy(update={"created_at": RECORDS.created_at + timedelta(hours=1)})
    return [str(one.save(folder)) for one in (RECORDS, later)]


def foreign_data(folder: Path) -> list[str]:
    arrays = {name: np.zeros((9, 28, 28) if name[0] == "x" else 9, np.uint8) for name in IDX_FILES}
    np.savez(folder / "other.npz", **arrays)
    return ["--format", "json", "--data", str(folder / "other.npz")]


def blocked(folder: Path) -> list[str]:
    (folder / "file").write_text("kept")
    return ["--format", "csv", "--output", str(folder / "file" / "it.csv")]


BAD_USE = {
    "format": (lambda _: ["--format", "htm"], "unknown format 'htm': did you mean html?"),
    "ending": (lambda _: ["--output", "it.pdf"], "--output it.pdf: its ending tells no format; end it in .html"),
    "no ending": (lambda _: ["--output", "report"], "--output report: its ending tells no format"),
    "network": (lambda _: ["--architecture", "mlp-relu-129"], "did you mean mlp-relu-128?"),
    "network of others": (lambda _: ["--architecture", "mlp-relu-256"], "--architecture mlp-relu-256: not in these re"),
    "missing results": (lambda _: ["nowhere.json"], "nowhere.json: no such results; run: mnist-deploy run"),
    "other machine": (other_machine, "environment.cpu: A CPU against Another CPU; give one of them"),
    "two measurements": (two_measurements, "both hold measurements, of different hours; give one"),
    "no results": (lambda _: ["--artifacts", "empty"], "no finished results; run: mnist-deploy run"),
    "missing data": (lambda _: ["--data", "no.npz"], "no.npz: no such data"),
    "foreign data": (foreign_data, "other.npz: not what these results were made with (SHA-256"),
    "folder": (lambda folder: ["--format", "csv", "--output", str(folder)], "is a folder; name a file in it"),
    "unwritable": (blocked, "it.csv: Not a directory; give another path"),
}


@pytest.mark.parametrize("case", BAD_USE)
def test_bad_use_is_one_line_and_writes_nothing(here: Path, capfd: Capture, case: str) -> None:
    arguments, words = BAD_USE[case]
    options = arguments(here)
    before = held(here)
    code, out, err = ended(capfd, "report", *options)
    assert code == 2 and out == ""
    assert words in one_line(err) and len(err.splitlines()) == 1
    assert held(here) == before


def test_missing_and_damaged_samples(here: Path, capfd: Capture) -> None:
    path = here.parent / "artifacts" / "results" / str(RECORDS.samples)
    path.write_bytes(b"PK damaged")
    code, _, err = ended(capfd, "report", "--format", "pytest-benchmark")
    assert code == 2 and f"{path}: not readable raw samples" in one_line(err)
    path.unlink()
    code, _, err = ended(capfd, "report", "--format", "pytest-benchmark")
    assert code == 2 and f"{path}: no such raw samples; put the file beside" in one_line(err)


def test_schema_loses_no_folder(here: Path, capfd: Capture) -> None:
    (here / "kept").mkdir()
    (here / "kept" / "file").write_text("of worth")
    code, _, err = ended(capfd, "schema", "--output", here / "kept")
    assert code == 2 and "is a folder; name a file in it" in one_line(err)
    assert (here / "kept" / "file").read_text() == "of worth"
