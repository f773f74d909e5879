import base64
import hashlib
import html
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from syrupy.assertion import SnapshotAssertion

from mnist_deploy.benchmark.roofline import Roof
from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Candidate, Wishes
from mnist_deploy.errors import ArtifactError, UnavailableError
from mnist_deploy.parity.statistics import wilson
from mnist_deploy.pipeline.gathering import Gathered
from mnist_deploy.reports.html import charts, page
from mnist_deploy.reports.html.axes import Spec
from mnist_deploy.reports.html.digits import data_uri, galleries, pictures
from mnist_deploy.reports.html.grid import Column, Grid, Row, number, text
from mnist_deploy.reports.html.scatter import scatter
from mnist_deploy.reports.html.summary import alternatives
from mnist_deploy.reports.measurements import ROOF_PASSED
from mnist_deploy.reports.report import Report
from mnist_deploy.reports.roofs import roof_note
from mnist_deploy.results import Results
from tests.records import CHECKS, NOISY, RECORDS, measurement, race, rival
from tests.reports.pages import Made, dataset, made

SIX_MEGABYTES = 6_000_000
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("fixed"))


@pytest.fixture(scope="module")
def shown(fixed: Made) -> str:
    return page(fixed.report)


def visible(text: str) -> str:
    """What a reader sees of the page, without charts."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", text[text.index("<body>") :], flags=re.DOTALL)
    lines = html.unescape(re.sub(r"<[^>]+>", "\n", body)).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


def specs(text: str) -> list[dict[str, object]]:
    found = re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    return [json.loads(one) for one in found]


def numbers(text: str, row: str, column: int) -> str:
    """The value that one cell of the first table row with these words sorts by."""
    rows = [one for one in re.findall(r"<tr.*?</tr>", text, re.DOTALL) if all(word in one for word in row.split())]
    return re.findall(r'data-sort="([^"]*)"', rows[0])[column]


def bare(results: Results) -> Report:
    return Report(Gathered(results, [Path("fixed.json")], None), None, None)


def test_the_words_of_a_page(shown: str, snapshot: SnapshotAssertion) -> None:
    assert visible(shown).replace(dataset().sha256, "<sha256>") == snapshot


def test_it_is_small_and_asks_nobody(shown: str) -> None:
    assert len(shown.encode()) < SIX_MEGABYTES
    markup = re.sub(r"<script\b.*?</script>", "", shown, flags=re.DOTALL)
    assert not re.findall(r"""\bsrc\s*=|@import|https?://""", markup)
    assert all(target.startswith(("#", "data:")) for target in re.findall(r'href="([^"]*)"', markup))
    assert all(target.startswith("data:") for target in re.findall(r"url\(([^)]*)\)", markup))


def test_the_policy_names_the_scripts_that_are_there(shown: str) -> None:
    texts = re.findall(r"<script>(.*?)</script>", shown, re.DOTALL)
    sums = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in texts]
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', shown)[0])
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy
    allowed = " ".join(f"'sha256-{one}'" for one in sums)
    assert f"script-src {allowed};" in policy and len(sums) == 3


def test_tables_hold_the_records_values(shown: str) -> None:
    cells = shown[shown.index('id="cells"') :]
    found = re.findall(r"<tr.*?</tr>", cells, re.DOTALL)[1 : 1 + len(RECORDS.measurements)]
    sorts = [re.findall(r'data-sort="([^"]*)"', row) for row in found]
    assert [float(one[5]) for one in sorts] == [row.latency_quiet_s for row in RECORDS.measurements]
    assert [float(one[9]) for one in sorts] == [row.size_bytes for row in RECORDS.measurements]
    assert sorts[-1][6] == "" and "not verified" in found[-1], "unknown is unknown, not 0"


def test_charts_hold_the_records_values(shown: str) -> None:
    flat = json.dumps(specs(shown))
    for row in RECORDS.measurements:
        assert f'"x": {json.dumps(row.latency_quiet_s)}' in flat
    assert "http" not in flat, "no schema's address"


def test_weaknesses_stand_before_the_recommendation(tmp_path: Path) -> None:
    weak = made(tmp_path, lambda one: one.model_copy(update={"quick": True, "noise": NOISY, "complete": False}))
    text = visible(page(weak.report))
    told = ("Quick run", "Interrupted", "Time limit", "Noisy machine", "No verdicts")
    places = [text.index(one) for one in (*told, "Deploy this")]
    assert places == sorted(places)
    assert text.count("[quick]") > 20 and "differs from itself by 17.0%" in text


def test_nothing_measured_nothing_recommended() -> None:
    empty = {"measurements": [], "parity": [], "training": [], "skips": [], "runtimes": [], "noise": None}
    text = visible(page(bare(RECORDS.model_copy(update=empty))))
    assert "No recommendation" in text and "mnist-deploy bench" in text
    text = visible(page(bare(RECORDS.model_copy(update=empty | {"parity": RECORDS.parity, "checks": CHECKS}))))
    assert "agreement with the Keras scores" in text and "Self-check of the harness" in text


def test_nothing_fits_and_the_nearest_say_why(fixed: Made) -> None:
    results = fixed.report.gathered.results
    found = recommend(results, Wishes(max_latency_s=1e-9, min_accuracy=0.9999))
    text = visible(page(Report(fixed.report.gathered, found, None)))
    assert "Nothing fits" in text and "--max-latency 1.00 ns against its " in text and "--min-accuracy 0.9999" in text


def test_limits_are_told_with_the_choice(fixed: Made) -> None:
    found = recommend(fixed.report.gathered.results, Wishes(max_latency_s=5e-3, max_size_bytes=500_000))
    text = visible(page(Report(fixed.report.gathered, found, None)))
    assert found.excluded["--max-latency"] and f"{found.excluded['--max-latency']} by --max-latency 5.00 ms" in text


def test_without_samples_it_says_what_would_bring_them(fixed: Made) -> None:
    results = fixed.report.gathered.results
    text = visible(page(bare(results)))
    assert f"{results.samples}, is not beside the results" in text and "No pictures: the data is not at hand" in text
    text = visible(page(bare(results.model_copy(update={"samples": None}))))
    assert "name no file of raw samples; measure again: mnist-deploy bench" in text


def test_samples_of_another_run_are_not_shown(tmp_path: Path, fixed: Made) -> None:
    gathered = fixed.report.gathered
    rows = [row.model_copy(update={"calls": row.calls + 1}) for row in gathered.results.measurements]
    other = Gathered(gathered.results.model_copy(update={"measurements": rows}), gathered.sources, gathered.samples)
    text = visible(page(Report(other, None, None)))
    assert "does not hold the calls of these figures" in text and "quantiles of all calls" not in text


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_damaged_file_of_samples_is_named(tmp_path: Path, fixed: Made, content: bytes) -> None:
    path = tmp_path / "bad.samples.npz"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"bad\.samples\.npz: not a file of raw samples; .*mnist-deploy bench"):
        page(Report(Gathered(fixed.report.gathered.results, [path], path), None, None))


@pytest.mark.parametrize("module", ["altair", "vl_convert"])
def test_missing_libraries_are_named(module: str, fixed: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnavailableError, match=rf"{module} .*pip install altair vl-convert-python"):
        page(fixed.report)


def test_no_training_framework_is_imported() -> None:
    code = (
        "import sys; from pathlib import Path; from mnist_deploy.reports.html import page\n"
        "assert 'altair' not in sys.modules\n"
        "from tests.reports.pages import made; import tempfile\n"
        "page(made(Path(tempfile.mkdtemp())).report)\n"
        "print([name for name in ('tensorflow', 'keras', 'jax', 'torch', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_pictures_are_the_images_pixel_by_pixel() -> None:
    image = dataset().test_images[7]
    with Image.open(io.BytesIO(base64.b64decode(data_uri(image).partition(",")[2]))) as read:
        assert np.array_equal(np.asarray(read), image)


def test_each_picture_is_there_once(shown: str, fixed: Made) -> None:
    flips = {flip.image for row in RECORDS.parity for flip in row.flips}
    held = re.findall(r"\.d(\d+)\{background-image:url\((data:[^)]*)\)\}", shown)
    assert dict(held) == {str(image): data_uri(fixed.data.test_images[image]) for image in flips}
    assert 'aria-label="test image 0, label 7: Keras 7, artifact 1"' in shown


def test_no_pictures_of_other_data() -> None:
    results = RECORDS.model_copy(update={"data_sha256": dataset().sha256})
    assert "not at hand" in str(pictures(results, None))
    assert "not what these results were made with" in str(pictures(results, dataset(102)))
    assert isinstance(pictures(results, dataset()), dict)
    few = dataset(50)
    assert max(pictures(results.model_copy(update={"data_sha256": few.sha256}), few)) == 23, "95 and on are not there"


def test_galleries_share_what_is_the_same_and_count_the_rest() -> None:
    (failed,) = [row for row in RECORDS.parity if not row.passed]
    same = failed.model_copy(update={"runtime": "onnxruntime", "format": "onnx", "passed": True})
    found = galleries([*RECORDS.parity, same], shown=17)
    assert len(found) == 1 and found[0].names == ["tflite int8 in litert", "onnx int8 in onnxruntime"]
    assert found[0].counts == "16 lost, 4 gained, 3 altered" and found[0].more == 23 - 17 and found[0].failed
    assert [one.kind for one in found[0].digits] == ["lost"] * 16 + ["gained"]
    assert found[0].digits[16].caption == "label 4: Keras 9, artifact 4"


def candidate(latency: float, accuracy: float | None, passed: bool | None = True) -> Candidate:
    return Candidate(
        measurement=measurement("n", "onnx", "float32", "onnxruntime", latency), accuracy=accuracy, accuracy_low=None,
        accuracy_high=None, passed=passed, failures=[], installed_bytes=None,
    )  # fmt: skip


def bubbles(cells: list[Candidate]) -> Spec | None:
    return scatter(cells, {"onnxruntime": "var(--c0)"}, lambda one: one.measurement.runtime, 300)


def test_unknown_accuracy_is_not_plotted() -> None:
    assert bubbles([candidate(1e-6, None, passed=None)]) is None
    spec = bubbles([candidate(1e-6, None, passed=None), candidate(2e-6, 0.9)])
    assert spec is not None
    assert {one["y"] for one in points(spec)} == {0.9}


def points(spec: Spec) -> list[dict[str, Any]]:
    """The values of every layer of a chart."""
    layers = [spec, *spec.get("layer", [])]
    return [one for layer in layers for one in layer.get("data", {}).get("values", [])]


def test_the_front_is_numbered_and_points_that_lie_together_share_a_number() -> None:
    accuracies = [(1e-6, 0.90), (1.01e-6, 0.901), (1e-4, 0.99), (2e-4, 0.95)]
    spec = bubbles([interval(candidate(latency, accuracy)) for latency, accuracy in accuracies])
    assert spec is not None
    assert [one["text"] for one in points(spec) if "text" in one] == ["1, 2", "3"]
    marked = {one["x"]: one["front"] for one in points(spec) if "front" in one}
    assert marked == {1e-6: True, 1.01e-6: True, 1e-4: True, 2e-4: False}


def interval(one: Candidate) -> Candidate:
    low, high = wilson(round((one.accuracy or 0) * 10_000), 10_000)
    return one.model_copy(update={"accuracy_low": low, "accuracy_high": high})


def test_a_column_without_a_value_is_not_shown_and_says_why(shown: str) -> None:
    """Of cnn-relu-16-32 nothing is verified or ranked in the records, and no cell has a baseline."""
    network = shown[shown.index("<h2>cnn-relu-16-32</h2>") :]
    shown_text = visible("<body>" + network[: network.index("<figure>")])
    heads = shown_text.splitlines()
    for name in ("accuracy", "parity", "rank", "verdict", "speed-up"):
        assert name not in heads, name
    assert "quiet p50" in heads and "p99" in heads
    assert "Not shown: accuracy, parity (nothing here was verified; run mnist-deploy verify)." in shown_text
    assert (
        "Not shown: speed-up (keras-predict was not measured here, so there is nothing to compare with)." in shown_text
    )


def test_calls_from_pixels_have_no_roof_and_the_page_says_why() -> None:
    rows = [one.model_copy(update={"timed": "end-to-end", "roof_share": None}) for one in RECORDS.measurements]
    text = visible(page(bare(RECORDS.model_copy(update={"measurements": rows}))))
    assert "Not shown: roof (it is of the network alone, and these calls begin with pixels)." in text


def test_no_table_has_an_empty_column_and_what_has_a_value_stays() -> None:
    cells = [number(1.0), text("")], [number(None), text(None)]
    grid = Grid("x", (Column("a", True), Column("b", absent="no b here")), [Row(one) for one in cells], ["n"])
    kept = grid.without_empty_columns()
    assert [column.name for column in kept.columns] == ["a"] and [len(row.cells) for row in kept.rows] == [1, 1]
    assert kept.notes == ["n", "Not shown: b (no b here)."]
    assert Grid("x", (Column("a"),), []).without_empty_columns().columns == [Column("a")]


def test_the_next_best_are_a_few_with_a_word_for_each() -> None:
    rivals = [
        rival("mlp-tanh-128", "tflite", f"p{place:02}", "litert", 1e-6 * (1 + place / 1000)) for place in range(60)
    ]
    slower = rival("mlp-tanh-128", "onnx", "int8", "onnxruntime", 5e-6, memory_bytes=1_000_000)
    found = recommend(race(*rivals, slower), Wishes())
    assert len(found.tied) > 30
    grid = alternatives(found)
    assert grid is not None and len(grid.rows) == 5
    assert {row.cells[3].text for row in grid.rows} == {"tie"}
    assert any(f"{len(found.tied) - 5} more candidates: ties, or undecided" in note for note in grid.notes)
    few = alternatives(recommend(race(*rivals[:2], slower), Wishes()))
    assert few is not None and [row.cells[3].text for row in few.rows] == ["tie", "slower"]
    noisy = alternatives(recommend(race(*rivals[:2], slower, noise=NOISY), Wishes()))
    assert noisy is not None and {row.cells[3].text for row in noisy.rows} == {"undecided"}


def test_a_share_of_the_roof_above_one_is_explained_below_its_table() -> None:
    roofs = [Roof(threads=threads, peak_flops_per_s=peak, bandwidth_bytes_per_s={1000: 1e9})
             for threads, peak in ((1, 128e9), (2, 107e9))]  # fmt: skip
    row = RECORDS.measurements[0]
    assert ROOF_PASSED not in roof_note([row], roofs)
    above = row.model_copy(update={"roof_share": 4.2})
    assert ROOF_PASSED in roof_note([above], roofs)
    assert "too high" not in roof_note([above], roofs)
    two = above.model_copy(update={"threads": 2})
    assert "(107 GFLOP/s with 2 threads, but 128 GFLOP/s with 1 thread): its shares are too high" in roof_note(
        [two], roofs
    )


@pytest.mark.parametrize("accuracies", [[0.9523], [0.9523, 0.9525], [0.9907, 0.9909, 0.9908], [0.99, 0.5]])
def test_no_axis_of_accuracies_is_narrower_than_an_interval(accuracies: list[float]) -> None:
    cells = [interval(candidate(1e-6 * place, accuracy)) for place, accuracy in enumerate(accuracies, start=1)]
    spec = bubbles(cells)
    assert spec is not None
    for layer in spec["layer"]:
        low, high = layer["encoding"]["y"]["scale"]["domain"]
        assert all(low <= (one.accuracy_low or 0) and (one.accuracy_high or 1) <= high for one in cells)
    rows = [RECORDS.training[0].model_copy(update={"history": {"accuracy": accuracies}})]
    drawn = charts.curves(rows, "accuracy", {"mlp-relu-128": "var(--c0)"})
    assert drawn is not None
    low, high = drawn["encoding"]["y"]["scale"]["domain"]
    assert all(low <= wilson(round(value * 10_000), 10_000)[0] for value in accuracies)
    assert all(wilson(round(value * 10_000), 10_000)[1] <= high for value in accuracies)


def test_no_whisker_without_an_interval() -> None:
    bare_row = measurement(
        "n", "onnx", "float32", "onnxruntime", 1e-6, latency_quiet_low_s=None, latency_quiet_high_s=None, passes=1,
        pass_quiet_s=[1e-6],
    )  # fmt: skip
    with_interval = charts.bars([candidate(2e-6, 0.9)], {"onnxruntime": "var(--c0)"})
    without = charts.bars([candidate(2e-6, 0.9).model_copy(update={"measurement": bare_row})], {"onnxruntime": "red"})
    assert "datum.low" in json.dumps(with_interval) and "datum.low" not in json.dumps(without)
    one_pass = RECORDS.model_copy(update={"measurements": [bare_row], "parity": []})
    text = visible(page(bare(one_pass)))
    assert "No interval for 1 of 1: it takes three passes." in text and "Not verified: run mnist-deploy verify." in text


def test_failed_rows_say_so_in_words(shown: str) -> None:
    text = visible(shown)
    assert "FAIL tflite int8 in litert (gate int8): keeps 99.874% of the accuracy < 99.900%; a second reason." in text
    assert "✕: failed its parity gate." in text
