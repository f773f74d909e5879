import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.text import Text

from benchmarks import pictures
from mnist_deploy.errors import UsageError
from mnist_deploy.reports import svg, tables
from mnist_deploy.reports.picture import picture
from tests.records import RECORDS, race, rival
from tests.reports.fixed import stored
from tests.reports.pages import whole_run

NAMESPACE = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> str:
    return "".join(one.text or "" for one in ElementTree.fromstring(picture).iter(f"{NAMESPACE}text"))


def test_all_tables_are_in_the_picture() -> None:
    shown = texts(svg.picture(tables.everything(RECORDS), "a title")).replace("\xa0", " ")
    for words in (
        "mlp-relu-128: batch 1, 1 thread",
        "3.30 us*",
        "13,300x",
        "FAIL",
        "RuntimeError: [x] broke",
        "a title",
    ):
        assert words in shown, words


def size(drawn: str) -> tuple[float, float]:
    _, _, width, height = map(float, ElementTree.fromstring(drawn).attrib["viewBox"].split())
    return width, height


@pytest.mark.parametrize("many", [False, True])
def test_a_report_is_one_table_that_fits_a_readme(many: bool) -> None:
    results = whole_run()
    if many:  # each smaller and less accurate than the one before, so all of them are on the front
        rivals = [
            rival(f"network-{place}", "tflite", "int8", "litert", 1e-6 * 1.1**place, accuracy=0.99 - 0.008 * place,
                  size_bytes=round(1e6 / 1.1**place))
            for place in range(40)
        ]  # fmt: skip
        results = race(*rivals)
    drawn = picture(results)
    width, height = size(drawn)
    assert width <= 1000 and height <= 720
    shown = texts(drawn).replace("\xa0", " ")
    assert "Pareto front across networks" in shown and "count as equal" in " ".join(shown.split())
    assert ("25 more rows" in shown) == many


def test_a_report_without_measurements_is_a_table_too() -> None:
    verified = RECORDS.model_copy(update={"measurements": [], "training": []})
    trained = RECORDS.model_copy(update={"measurements": [], "parity": []})
    fastest = RECORDS.model_copy(update={"parity": []})
    for results, words in ((verified, "agreement with the Keras scores"), (trained, "Training"),
                           (fastest, "Fastest of each network")):  # fmt: skip
        drawn = picture(results)
        assert words in texts(drawn).replace("\xa0", " ")
        assert size(drawn)[0] <= 1000 and size(drawn)[1] <= 720
    with pytest.raises(UsageError, match="--format svg: these results hold no table"):
        picture(RECORDS.model_copy(update={"measurements": [], "parity": [], "training": []}))


def test_it_asks_nothing_of_anyone() -> None:
    picture = svg.picture(tables.everything(RECORDS), "a title")
    assert re.findall(r"https?://[^\"'\s]*", picture) == ["http://www.w3.org/2000/svg"]
    assert "@font-face" not in picture and "@import" not in picture
    assert all(one.startswith("#") for one in re.findall(r"url\(([^)]*)", picture)), "only its own parts"


def test_it_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    before = svg.picture(tables.everything(RECORDS), "a title")
    for name, value in {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "40"}.items():
        monkeypatch.setenv(name, value)
    assert svg.picture(tables.everything(RECORDS), "a title") == before


def test_hostile_values_stay_text() -> None:
    words = "</text><script>x</script> {unique_id} & \x1b]0;y\x07 \x00"
    root = ElementTree.fromstring(svg.picture(Text(words), words))
    assert not list(root.iter(f"{NAMESPACE}script"))
    assert "<script>x</script> {unique_id} &" in str(root.findtext(f"{NAMESPACE}title"))


def test_one_command_makes_every_picture_of_the_readme(tmp_path: Path) -> None:
    root = stored(tmp_path / "artifacts").root
    pictures.main(root, tmp_path / "pictures")
    made = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert made == {path.name for path in pictures.FOLDER.iterdir()}
    for path in (tmp_path / "pictures").iterdir():
        assert ElementTree.parse(path).getroot().tag == f"{NAMESPACE}svg"
    speed = (tmp_path / "pictures" / "speed.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    assert f"{pictures.NETWORK}: batch 1, 1 thread" in speed and "in disturbed moments" in speed
