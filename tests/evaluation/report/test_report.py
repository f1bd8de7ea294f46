import base64
import hashlib
import json
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluation.report.example import HOSTILE, Example

from lightrouter_graph.evaluation.report import write_report
from lightrouter_graph.evaluation.report.markdown import markdown_report, report_parts
from lightrouter_graph.evaluation.report.page import script_json
from lightrouter_graph.evaluation.report.tables import markdown_table

pytestmark = pytest.mark.xdist_group("report")


class _Elements(HTMLParser):
    """The elements of a page, their attributes, and what the scripts and styles hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in self.raw:
            self.raw[self.cdata_elem][-1] += data


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "index.html").read_text()


def test_the_summary_can_be_read_back_whole(folder: Path, hostile: Example) -> None:
    assert json.loads((folder / "summary.json").read_text()) == json.loads(json.dumps(hostile.summary))


def test_drawing_and_templates_are_loaded_only_to_write_a_report() -> None:
    heavy = "{'matplotlib', 'jinja2', 'rich.table'} & set(sys.modules)"
    code = f"import sys, lightrouter_graph.evaluation.report; print({heavy} or 'none')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"


def test_results_written_while_the_run_went_on_are_left_alone(folder: Path) -> None:
    assert not (folder / "results.jsonl").exists()


def test_the_report_has_setup_results_and_definitions(run: Example) -> None:
    said = markdown_report(run.summary, [])
    assert run.summary["facts"]["command"] in said
    assert "| brook-4-mini | 0.15 | 0.6 |" in said
    assert "| heron-7b | - | - |" in said
    assert markdown_table(run.summary) in said
    assert run.summary["facts"]["notes"][0] in said
    assert all(f"**{name}**" in said for name in report_parts(run.summary)["definitions"])
    for heading in ("Where LightRouter loses", "Selection", "Calibration", "Quality by category"):
        assert f"## {heading}" in said
    assert "## LightRouter against each other method" in said


def test_pictures_are_linked_by_files_that_are_there(folder: Path) -> None:
    linked = re.findall(r"!\[.*\]\(([^)]+)\)", (folder / "report.md").read_text())
    assert linked
    assert all((folder / name).is_file() for name in linked)


def test_parts_without_figures_are_left_out(run: Example) -> None:
    summary = deepcopy(run.summary)
    summary["methods"] = [row for row in summary["methods"] if row["method"] == "majority"]
    summary["methods"][0] |= {"by_category": {}, "calibration": None}
    said = markdown_report(summary, [])
    assert re.findall("^## (.*)", said, re.MULTILINE) == ["Setup", "Results", "Definitions"]


def test_the_page_asks_for_nothing_outside_itself(html: str) -> None:
    page = _Elements(html)
    urls = [
        value for _, attributes in page.found for name, value in attributes.items() if name.endswith(("href", "src"))
    ]
    assert urls
    assert all(url and url.startswith("#") for url in urls)
    assert not {"link", "iframe", "img", "object", "base"} & {tag for tag, _ in page.found}
    assert not re.findall(r"url\((?!#)|@import", page.raw["style"][0])


def test_the_policy_allows_exactly_the_scripts_and_styles_of_the_page(html: str) -> None:
    page = _Elements(html)
    policy = next(a["content"] for tag, a in page.found if tag == "meta" and "http-equiv" in a)
    code = page.raw["script"][1]
    for rule, text in (("script-src", code), ("style-src", page.raw["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in (policy or "")
    assert (policy or "").startswith("default-src 'none'; ")
    assert "unsafe" not in (policy or "")
    assert not [
        1 for _, attributes in page.found if "style" in attributes or any(n.startswith("on") for n in attributes)
    ]


def test_no_text_of_a_model_can_end_the_script_it_lies_in(html: str, hostile: Example) -> None:
    page = _Elements(html)
    assert len(page.raw["script"]) == 2
    assert not set("<>&\u2028\u2029") & set(page.raw["script"][0])
    data = json.loads(page.raw["script"][0])
    assert {q["text"]["shown"] for q in data["questions"]} == {q.text for q in hostile.questions} == set(HOSTILE)


def test_names_of_parts_are_unique_in_the_page(html: str) -> None:
    drawn = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    ids = [name for svg in drawn for name in set(re.findall(r' id="([^"]+)"', svg))]
    assert len(drawn) == 7
    assert len(ids) == len(set(ids))
    for svg in drawn:
        used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
        assert {one or other for one, other in used} <= set(re.findall(r' id="([^"]+)"', svg))


@pytest.mark.parametrize("text", [*HOSTILE, "\ud800 half a pair"])
def test_json_in_a_script_is_equal_without_characters_of_html(text: str) -> None:
    written = script_json({"text": text})
    assert json.loads(written) == {"text": text}
    assert written.isascii()
    assert not set("<>&") & set(written)


def test_a_live_run_without_recordings_prices_or_scores_has_a_report_too(run: Example, tmp_path: Path) -> None:
    summary = deepcopy(run.summary)
    row = next(row for row in summary["methods"] if row["method"] == "lightrouter")
    row |= {"quality": None, "usd": None, "by_category": {}, "calibration": None, "selection": None, "against": {}}
    row |= {"seconds_p50": None, "seconds_p95": None, "first_token_p50": None, "first_token_p95": None}
    summary |= {"methods": [row], "curves": {}}
    summary["facts"] |= {"mode": "live", "folds": 1, "notes": []}
    asked = [replace(question, outputs={}, reference=None, category=None) for question in run.questions[:3]]
    results = [{**r, "score": None, "usd": None, "seconds": None} for r in run.results if r["method"] == "lightrouter"]
    write_report(tmp_path, summary, results, asked)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "report.md", "summary.json"]
    assert "| LightRouter | - | - |" in (tmp_path / "report.md").read_text()
    assert "latency is measured" in (tmp_path / "index.html").read_text()
