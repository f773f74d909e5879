"""The page in a real browser: it draws, sorts and filters, all can read it, and it runs nothing that it is given."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from mnist_deploy.decisions.recommendation import recommend
from mnist_deploy.decisions.records import Wishes
from mnist_deploy.pipeline.gathering import Gathered
from mnist_deploy.reports.html import page
from mnist_deploy.reports.report import Report
from mnist_deploy.results import Results
from tests.records import RECORDS
from tests.reports.pages import made, whole_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
WIDE = {"width": 1920, "height": 1080}
HOSTILE = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "</script><script>window.pwned=1</script><!--",
    "{{ 7*7 }}${window.pwned=1}'onmouseover=window.pwned=1 \u2028</style>",
)
FREE = {
    "architecture", "format", "runtime", "reason", "remedy", "cpu", "platform", "python", "mnist_deploy", "version",
    "virtual_machine", "call", "caveat", "baseline", "twin", "executed_on", "arithmetic", "runtime_version",
    "no_verdicts", "detail", "gate", "data_sha256",
}  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    path = folder / "report.html"
    path.write_text(page(made(folder).report), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of everything."""
    path = tmp_path_factory.mktemp("whole") / "report.html"
    results = whole_run()
    path.write_text(page(Report(Gathered(results, [path], None), recommend(results, Wishes()), None)), encoding="utf-8")
    return path


class Opened:
    """A page with all that it said and asked for."""

    def __init__(self, browser: Browser, path: Path, size: dict[str, int] = DESKTOP, scheme: str = "light") -> None:
        self.page: Page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]  # a literal
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda one: self.said.append(f"{one.type}: {one.text}"))
        self.page.on("pageerror", lambda one: self.said.append(f"error: {one}"))
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.goto(path.as_uri())

    def draw(self) -> None:
        """Draw every chart, as printing does, and wait for them."""
        self.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        self.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        # Not wait_for_function, which wants eval, and the page's policy forbids that.
        left = "[...document.querySelectorAll('.plot')].filter((one) => !one.querySelector('svg[aria-hidden]')).length"
        for _ in range(300):
            if not self.page.evaluate(left):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{self.page.evaluate(left)} charts are not drawn: {self.said}")

    def column(self, name: str, table: str = "#cells") -> list[str]:
        """The values that a column of the first table there sorts by, in the order of the rows that are shown."""
        found: list[str] = self.page.evaluate(
            """([table, name]) => {
                const head = [...document.querySelectorAll(`${table} table th`)].map((one) => one.textContent);
                const rows = [...document.querySelector(`${table} table`).tBodies[0].rows].filter((one) => !one.hidden);
                return rows.map((one) => one.cells[head.indexOf(name)].dataset.sort);
            }""",
            [table, name],
        )
        return found

    def wait_for_order(self, name: str, expected: list[str]) -> None:
        """Wait until a column is in this order; the library sorts a moment after the click."""
        for _ in range(100):
            if self.column(name) == expected:
                return
            self.page.wait_for_timeout(20)
        assert self.column(name) == expected


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_draws_in_silence_fits_and_is_accessible(
    browser: Browser, file: Path, size: dict[str, int], scheme: str
) -> None:
    opened = Opened(browser, file, size, scheme)
    opened.draw()
    assert opened.page.locator(".plot svg").count() == opened.page.locator("figure").count() > 8
    assert opened.said == []
    assert opened.asked == [file.as_uri()] or all(one.startswith("data:") for one in opened.asked[1:])
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(opened.page).response["violations"]
    grave = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}]
    assert grave == []
    opened.page.close()


def test_charts_are_drawn_as_they_come_into_view(browser: Browser, file: Path) -> None:
    opened = Opened(browser, file)
    opened.page.locator("#across svg").wait_for()
    chart = opened.page.locator("#training .plot").first
    assert chart.locator("svg").count() == 0
    opened.page.locator("#training summary").click()
    chart.locator("svg").wait_for()
    assert opened.said == []
    opened.page.close()


def test_first_the_decision_then_all_networks_then_what_is_folded(browser: Browser, whole: Path) -> None:
    opened = Opened(browser, whole)
    opened.page.locator("#across svg").wait_for()
    height = DESKTOP["height"]
    assert opened.page.evaluate("document.documentElement.scrollHeight") <= 8 * height
    boxes = {name: opened.page.locator(name).bounding_box() for name in ("#summary .card", "#across figure")}
    assert all(boxes.values())
    ends = {name: box["y"] + box["height"] for name, box in boxes.items() if box}
    assert ends["#summary .card"] <= height and ends["#across figure"] <= 2 * height
    assert opened.page.locator("details[open]").count() == 0
    opened.page.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_link_opens_what_it_points_to(browser: Browser, whole: Path, size: dict[str, int]) -> None:
    opened = Opened(browser, whole, size)
    for name in ("cells", "environment"):
        assert not opened.page.locator(f"#{name} .grid").first.is_visible()
        opened.page.locator(f"nav a[href='#{name}']").click()
        opened.page.locator(f"#{name} .grid").first.wait_for()
    opened.page.close()


# Of each chart the texts of an axis that are cut by the picture's edge or shortened, or that lie on one another.
BAD_LABELS = """() => [...document.querySelectorAll(".plot svg")].flatMap((svg) => {
    const edge = svg.getBoundingClientRect(), bad = [];
    for (const axis of svg.querySelectorAll(".role-axis")) {
        const drawn = (one) => one.textContent && +getComputedStyle(one).opacity;
        const texts = [...axis.querySelectorAll("text")].filter(drawn);
        const boxes = texts.map((one) => one.getBoundingClientRect());
        texts.forEach((one, place) => {
            const box = boxes[place];
            if (one.textContent.includes("…")) bad.push(`shortened: ${one.textContent}`);
            if (box.left < edge.left - 1 || box.right > edge.right + 1 || box.bottom > edge.bottom + 1) {
                bad.push(`cut: ${one.textContent}`);
            }
            boxes.slice(place + 1).forEach((other, later) => {
                const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
                const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
                if (across > 0 && down > 2.5) bad.push(`${one.textContent} on ${texts[place + 1 + later].textContent}`);
            });
        });
    }
    for (const text of svg.querySelectorAll(".mark-text text")) {
        const box = text.getBoundingClientRect();
        if (box.right > edge.right + 1 || box.left < edge.left - 1) bad.push(`cut: ${text.textContent}`);
    }
    return bad;
})"""


@pytest.mark.parametrize("size", [PHONE, DESKTOP, WIDE], ids=["phone", "desktop", "wide"])
@pytest.mark.parametrize("which", ["file", "whole"])
def test_labels_are_neither_cut_nor_on_one_another(
    browser: Browser, which: str, size: dict[str, int], request: pytest.FixtureRequest
) -> None:
    opened = Opened(browser, request.getfixturevalue(which), size)
    opened.draw()
    assert opened.page.locator(".plot svg").count() > 8
    assert opened.page.evaluate(BAD_LABELS) == []
    opened.page.close()


# Of each table the columns of the first row that lie wholly within its box.
SEEN = """() => [...document.querySelectorAll(".scroll")].map((box) => {
    const edge = box.getBoundingClientRect().right;
    const heads = [...box.querySelectorAll("th")].filter((one) => one.getBoundingClientRect().width);
    return {
        name: box.getAttribute("aria-label"),
        all: [...box.querySelectorAll("th")].map((one) => one.textContent),
        seen: heads.filter((one) => one.getBoundingClientRect().right <= edge + 1).map((one) => one.textContent),
        wide: box.scrollWidth > box.clientWidth + 1,
        hint: box.previousElementSibling.checkVisibility(),
        first: getComputedStyle(box.querySelector("td"), "::after").content,
    };
})"""


@pytest.mark.parametrize("size", [PHONE, DESKTOP, WIDE], ids=["phone", "desktop", "wide"])
def test_a_table_shows_what_counts_and_says_where_there_is_more(
    browser: Browser, whole: Path, size: dict[str, int]
) -> None:
    opened = Opened(browser, whole, size)
    opened.draw()
    opened.page.wait_for_timeout(100)
    tables = opened.page.evaluate(SEEN)
    assert len(tables) > 20
    for table in tables:
        assert table["wide"] == table["hint"], table
        counted = [name for name in ("quiet p50", "accuracy", "parity") if name in table["all"]]
        if size is PHONE:
            counted = [name for name in counted if name != "parity" or "quiet p50" not in table["all"]]
            named = "runtime" not in table["all"][1:] or "litert" in table["first"] or "keras" in table["first"]
            assert named, f"the runtime stands below the artifact: {table}"
        else:
            assert not table["wide"] or table["name"].startswith("All measurements"), table
        assert [name for name in counted if name not in table["seen"]] == [], table
    opened.page.close()


def test_printing_opens_everything_and_closes_it_again(browser: Browser, file: Path) -> None:
    opened = Opened(browser, file)
    folded = opened.page.locator(".fold > details:not([open])")
    before = folded.count()
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert before > 5 and folded.count() == 0
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert folded.count() == before
    opened.page.close()


def test_marks_and_texts_of_a_chart_are_there(browser: Browser, file: Path) -> None:
    opened = Opened(browser, file)
    opened.draw()
    bars = opened.page.locator("figure", has_text="mlp-relu-128, batch 1, 1 thread: quiet p50 of one call").first
    text = bars.locator("svg").text_content() or ""
    assert "1 tflite int8 · litert" in text.replace("  ", " ") and "3.30 us" in text and "44.0 ms" in text
    widths = bars.locator("svg .layer_0_marks path").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().width)"
    )
    assert len(widths) == 4 and sorted(widths) == widths and widths[0] > 5, "one bar a row, the slower the longer"
    opened.page.close()


def test_sorting_by_value_with_the_mouse_and_the_keyboard(browser: Browser, file: Path) -> None:
    opened = Opened(browser, file)
    opened.draw()  # a chart that is drawn as it comes into view moves the button away from under the mouse
    times = sorted(row.latency_quiet_s for row in RECORDS.measurements)
    ascending = [repr(one) for one in times]
    button = opened.page.locator("#cells th button", has_text="quiet p50")
    head = opened.page.locator("#cells th", has_text="quiet p50")
    assert opened.column("quiet p50") != ascending
    button.click()
    opened.wait_for_order("quiet p50", ascending)
    assert head.get_attribute("aria-sort") == "ascending"
    button.focus()
    opened.page.keyboard.press("Enter")
    opened.wait_for_order("quiet p50", ascending[::-1])
    assert head.get_attribute("aria-sort") == "descending"
    opened.page.keyboard.press("Space")
    opened.wait_for_order("quiet p50", ascending)
    opened.page.close()


def test_unknown_values_sort_last_either_way(browser: Browser, file: Path) -> None:
    opened = Opened(browser, file)
    opened.draw()
    known = sorted(float(one) for one in opened.column("accuracy") if one)
    unknown = [""] * (len(RECORDS.measurements) - len(known))
    assert known and unknown
    for order in (known, known[::-1]):
        opened.page.locator("#cells th button", has_text="accuracy").click()
        opened.wait_for_order("accuracy", [*map(repr, order), *unknown])
    opened.page.close()


def test_filtering_hides_rows_and_outlives_sorting(browser: Browser, file: Path) -> None:
    opened = Opened(browser, file)
    opened.draw()
    box = opened.page.locator("#cells").get_by_label("Filter")
    box.fill("TFLITE litert 256")
    assert opened.column("batch") == ["256.0"] and opened.column("artifact") == ["tflite int8"]
    assert opened.page.locator("#cells [role=status]").text_content() == f"1 of {len(RECORDS.measurements)} rows"
    box.fill("litert")
    shown = opened.column("quiet p50")
    assert 1 < len(shown) < len(RECORDS.measurements)
    opened.page.locator("#cells th button", has_text="quiet p50").click()
    opened.wait_for_order("quiet p50", sorted(shown, key=float))
    box.fill("no such artifact")
    assert opened.column("quiet p50") == []
    box.fill("")
    assert len(opened.column("quiet p50")) == len(RECORDS.measurements)
    opened.page.close()


def test_tables_can_be_read_where_scripts_are_off(browser: Browser, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(file.as_uri())
    assert opened.locator("#cells tbody tr").count() == len(RECORDS.measurements)
    context.close()


def infected(value: Any, text: str, name: str = "") -> Any:
    """Put a text behind every one that a record may hold freely."""
    if isinstance(value, dict):
        spoilt = {f"{key}{text}" if name in {"libraries", "placement", "reasons", "history"} else key: one
                  for key, one in value.items()}  # fmt: skip
        return {key: infected(one, text, name if name == "libraries" else key) for key, one in spoilt.items()}
    if isinstance(value, list):
        strings = name in {"failures", "warnings", "cpu_features", "accelerators"}
        return [f"{one}{text}" if strings and isinstance(one, str) else infected(one, text, name) for one in value]
    return f"{value}{text}" if isinstance(value, str) and name in FREE | {"libraries"} else value


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("guarded", [True, False], ids=["policy", "no policy"])
def test_what_records_say_is_text_and_never_markup(browser: Browser, tmp_path: Path, text: str, guarded: bool) -> None:
    warned = [row.model_copy(update={"warnings": ["accuracy fell"]}) for row in RECORDS.parity]
    records = RECORDS.model_copy(update={"parity": warned})
    results = Results.model_validate(infected(records.model_dump(mode="json"), text))
    gathered = Gathered(results, [tmp_path / f"{text.replace('/', '')}.json"], None)
    written = page(Report(gathered, recommend(results, Wishes()), None))
    if not guarded:
        written, cut = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", written)
        assert cut == 1
    path = tmp_path / "hostile.html"
    path.write_text(written, encoding="utf-8")
    opened = Opened(browser, path)
    opened.draw()
    opened.page.locator("#cells").get_by_label("Filter").fill("<img")
    opened.page.locator("figure svg .mark-rect path").first.hover(force=True)
    assert opened.page.evaluate("window.pwned") is None
    assert opened.said == [] and len(opened.asked) == 1
    assert opened.page.locator("img").count() == 0
    assert opened.page.locator("script:not([type])").count() == 3
    shown = opened.page.locator("body").inner_text()
    for one in (f"mlp-relu-128{text}", f"A CPU{text}", f"no GPU{text}", f"1.0{text}"):
        assert " ".join(one.split()) in " ".join(shown.split()), "shown to the letter"
    opened.page.close()
