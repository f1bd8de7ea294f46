"""The page in a real browser, from a file, with texts that try to break out of it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evaluation.report.example import HOSTILE, Example

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
if not (CHROMIUM and DRIVER):
    pytest.skip("no chromium with chromedriver on this machine", allow_module_level=True)
pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.select import Select  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("report")]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()
    driver.service.stop()


@pytest.fixture
def page(chromium: webdriver.Chrome, folder: Path) -> webdriver.Chrome:
    _narrow(chromium, 1280)
    chromium.get("about:blank")
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    chromium.get((folder / "index.html").as_uri())
    return chromium


def _narrow(driver: webdriver.Chrome, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def _all(page: webdriver.Chrome, selector: str) -> list[WebElement]:
    return page.find_elements(By.CSS_SELECTOR, selector)


def _one(page: webdriver.Chrome, selector: str) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, selector)


def _texts(page: webdriver.Chrome, selector: str) -> list[str]:
    """Read the texts of elements in one go."""
    found = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
    texts: list[str] = page.execute_script(found, selector)
    return texts


def _pick(page: webdriver.Chrome, name: str, label: str) -> None:
    Select(_one(page, f"#{name}")).select_by_visible_text(label)


def _right(run: Example, method: str) -> dict[str, bool]:
    return {r["question"]: r["score"] == 1 for r in run.results if r["method"] == method}


def test_it_opens_from_a_file_without_a_request_or_a_complaint(page: webdriver.Chrome) -> None:
    page.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [url.rpartition("/")[2] for url in asked] == ["index.html"]


def test_its_policy_stops_a_script_that_came_in_all_the_same(page: webdriver.Chrome) -> None:
    page.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.pwned = 2';"
        "document.body.append(script); const image = new Image(); image.src = 'http://example.invalid/';"
    )
    assert page.execute_script("return window.pwned") is None
    assert len([entry for entry in page.get_log("browser") if "Content Security Policy" in entry["message"]]) == 2


def test_hostile_texts_stay_texts(page: webdriver.Chrome, hostile: Example) -> None:
    assert _one(page, "h1").text == HOSTILE[0]
    assert _texts(page, "#methods tbody th")[:2] == [HOSTILE[0], HOSTILE[2]]
    for question in hostile.questions[: len(HOSTILE)]:
        page.execute_script(
            "[...document.querySelectorAll('#list button')].find((b) => b.title.startsWith(arguments[0])).click()",
            question.id,
        )
        said = _texts(page, "#case .text")
        assert said[0] == question.text
        recorded = [f"In view of the draft: {HOSTILE[0]}", *(output.text for output in question.outputs.values())]
        assert all(
            any(text.startswith(shown[:200]) for text in recorded) for shown in said[2:] if "stand-in" not in shown
        )
    assert page.execute_script("return window.pwned") is None
    assert _all(page, "#case img, #case script, h1 *, #methods th script") == []
    assert page.get_log("browser") == []


def test_the_table_sorts_by_any_column_and_marks_it(page: webdriver.Chrome, hostile: Example) -> None:
    heads = _all(page, "#methods thead th")
    before = _texts(page, "#methods tbody th")
    heads[1].find_element(By.TAG_NAME, "button").click()
    assert heads[1].get_attribute("aria-sort") == "descending"
    by_quality = sorted(hostile.summary["methods"], key=lambda row: -row["quality"]["value"])
    shown = [text.removesuffix(" †") for text in _texts(page, "#methods tbody th")]
    assert shown == [row["label"] for row in by_quality]
    heads[2].find_element(By.TAG_NAME, "button").click()
    heads[2].find_element(By.TAG_NAME, "button").click()
    assert (heads[1].get_attribute("aria-sort"), heads[2].get_attribute("aria-sort")) == (None, "ascending")
    assert _texts(page, "#methods tbody th")[-1].startswith("Best single")  # it has no difference to itself
    assert sorted(_texts(page, "#methods tbody th")) == sorted(before)


def test_questions_are_filtered_by_category_verdict_and_words(page: webdriver.Chrome, hostile: Example) -> None:
    right = _right(hostile, "lightrouter")
    assert len(_all(page, "#list li")) == len(hostile.questions)
    _pick(page, "category", "math")
    assert all("math" in text for text in _texts(page, "#list li"))
    assert len(_all(page, "#list li")) == sum(q.category == "math" for q in hostile.questions)
    _pick(page, "category", "all")
    _pick(page, "verdict", "wrong")
    assert len(_all(page, "#list li")) == list(right.values()).count(False) > 0
    _pick(page, "verdict", "wrong, but a candidate was right")
    missed = [q.id for q in hostile.questions if not right[q.id] and any(o.score == 1 for o in q.outputs.values())]
    assert [text.split(" ·")[0].lstrip("✓✗") for text in _texts(page, "#list li")] == missed
    _one(page, "button[type=reset]").click()
    _one(page, "#search").send_keys("Q/0007")
    assert _texts(page, "#count") == [f"1 of {len(hostile.questions)} questions"]
    _one(page, "#search").send_keys("no such words")
    assert "No question matches" in _one(page, "#case").text


def test_verdicts_are_those_of_the_method_picked(page: webdriver.Chrome, hostile: Example) -> None:
    _pick(page, "method", "Majority over all")
    _pick(page, "verdict", "right")
    assert len(_all(page, "#list li")) == list(_right(hostile, "majority").values()).count(True)


def test_a_question_shows_boots_scores_dropped_candidates_and_every_verdict(
    page: webdriver.Chrome, hostile: Example
) -> None:
    _one(page, "#search").send_keys("q/0003")  # whose texts begin with characters that JavaScript counts as two
    question = hostile.questions[3]
    results = {r["method"]: r for r in hostile.results if r["question"] == question.id}
    route = results["lightrouter"]["route"]
    assert route is not None
    marks = _texts(page, "#case mark")
    assert marks == [
        boot["text"] or question.outputs[boot["candidate"]].text[: boot["characters"]] for boot in route["boots"]
    ]
    assert _texts(page, ".tag") == ["kept"] * 3 + ["dropped"] * 3 + ["no boot"] * 2
    assert "ranked below the first 3: dropped" in _all(page, ".candidate")[3].text
    assert f"selector's score {route['boots'][0]['score']:.2f}" in _all(page, ".candidate")[0].text
    assert "agreed 2 of 3 answers" in _one(page, "#case").text
    verdicts = [text.split()[1] for text in _texts(page, "#answers td:nth-child(2)")]
    assert verdicts == ["right" if result["score"] else "wrong" for result in results.values()]
    Select(_one(page, "#route")).select_by_visible_text("LightRouter, learned selector")
    other = results["lightrouter-learned"]["route"]
    assert other is not None
    assert f"selector's score {other['boots'][0]['score']:.2f}" in _all(page, ".candidate")[0].text
    assert page.switch_to.active_element.get_attribute("id") == "route"


def test_the_keyboard_alone_is_enough(page: webdriver.Chrome) -> None:
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the questions"
    page.execute_script("document.querySelector('#methods .sort').focus()")
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert _one(page, "#methods th").get_attribute("aria-sort") == "ascending"
    page.execute_script("document.querySelector('#list [aria-current]').focus()")
    titles = [button.get_attribute("title") for button in _all(page, "#list button")[:3]]
    for key, place in ((Keys.ARROW_DOWN, 1), (Keys.ARROW_DOWN, 2), (Keys.ARROW_UP, 1), (Keys.HOME, 0)):
        page.switch_to.active_element.send_keys(key)
        assert page.switch_to.active_element.get_attribute("title") == titles[place]
        assert _one(page, "#title").text == titles[place]
    assert len(_all(page, "#list button[tabindex='0']")) == 1
    _one(page, "#next").send_keys(Keys.ENTER)
    assert page.switch_to.active_element.get_attribute("id") == "next"
    assert _one(page, "#title").text == titles[1]


def test_a_question_has_an_address(page: webdriver.Chrome) -> None:
    _one(page, "#search").send_keys("q/0005")
    address = page.current_url
    page.get("about:blank")
    page.get(address)
    assert _one(page, "#title").text.startswith("q/0005 ")


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_page_never_scrolls_sideways(page: webdriver.Chrome, width: int) -> None:
    _narrow(page, width)
    page.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    wide: Any = page.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1] == width


_CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const light = (colour) => {
  canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const ground = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)') return colour;
  }
};
return [...document.querySelectorAll(arguments[0])].map((element) => {
  const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
  return [element.className || element.tagName, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
});
"""
"""Contrast as WCAG 2.2 defines it, of each element against what it stands on."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_enough_contrast_in_light_and_dark(page: webdriver.Chrome, theme: str) -> None:
    if _one(page, "#theme").text.lower() == theme:
        _one(page, "#theme").click()
    scheme = page.execute_script("return getComputedStyle(document.documentElement).colorScheme")
    assert theme in scheme
    words = "p, h1, h2, th, td, a, mark, .right, .wrong, .tag, .notRequested, select, .sort, dt, dd, li, caption, .text"
    found = page.execute_script(_CONTRAST, words)
    assert len(found) > 250
    assert [(name, ratio) for name, ratio in found if ratio < 4.5] == []


def test_everything_that_can_be_used_has_a_name(page: webdriver.Chrome) -> None:
    nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    used = {"button", "link", "combobox", "searchbox", "table", "region", "image"}
    roles = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")]
    assert used <= {role for role, _ in roles}
    assert [role for role, name in roles if role in used - {"table"} and not name.strip()] == []
