"""The table of docs/evidence.md has the cells that `lightrouter eval overview` prints for the recorded outputs."""

from pathlib import Path

import pytest

from lightrouter_graph.cli.evaluate.progress import NoBar
from lightrouter_graph.evaluation.experiments.main_table import everything
from lightrouter_graph.evaluation.report import markdown_overview
from lightrouter_graph.evaluation.runs import RunSettings, execute_run
from lightrouter_graph.evaluation.runs.replay import prepare_replay

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "replay" / "crux.jsonl.gz"
BEGIN, END = "<!-- made by lightrouter eval overview, row names shortened -->\n", "<!-- end of the overview -->"
ROWS = {
    "best-single": "best single model (chosen on other data)",
    "majority": "all models, majority",
    "lightrouter": "**LightRouter**, default, majority vote",
    "lightrouter-sequential": "**LightRouter**, `width=1`: one by one, no boots",
}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.replay
@pytest.mark.skipif(not DATA.exists(), reason="the recorded model outputs in ../shared/replay are missing")
def test_the_table_of_the_page_is_that_of_the_command(tmp_path):
    settings = RunSettings(str(DATA), tmp_path, questions=400, max_price=1.3, max_models=8)
    done = execute_run(
        settings,
        prepare_replay(settings),
        lambda names, offered: everything(names, offered, tuple(ROWS)),
        NoBar(),
    )
    _, _, *printed = map(cells, markdown_overview([done.summary], tuple(ROWS)).splitlines())
    page = (ROOT / "docs" / "evidence.md").read_text()
    head, _, *rows = map(cells, page.split(BEGIN)[1].split(END)[0].splitlines())
    column = head.index("crux, 400")
    on_page = {row[0]: row[column] for row in rows}
    assert [row[1] for row in printed] == [on_page[name] for name in ROWS.values()]
