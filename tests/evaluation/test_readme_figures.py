"""The README's table is what the command prints, on the recordings it was made from."""

from pathlib import Path

import pytest

from lightrouter_graph.evaluation.experiments.main_table import everything
from lightrouter_graph.evaluation.report import markdown_overview
from lightrouter_graph.evaluation.runs import RunSettings, execute_run
from lightrouter_graph.evaluation.runs.replay import prepare_replay
from lightrouter_graph.evaluation.runs.run import NoProgress

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "replay" / "crux.jsonl.gz"
METHODS = ("best-single", "majority", "lightrouter", "lightrouter-sequential")


@pytest.mark.slow
@pytest.mark.replay
@pytest.mark.skipif(not DATA.exists(), reason="the recorded model outputs in ../shared/replay are not there")
def test_the_table_is_that_of_the_command(tmp_path):
    settings = RunSettings(str(DATA), tmp_path, questions=400, max_price=1.3, max_models=8)
    done = execute_run(
        settings,
        prepare_replay(settings),
        lambda names, offered: everything(names, offered, METHODS),
        NoProgress(),
    )
    _, _, *rows = markdown_overview([done.summary], METHODS).splitlines()
    readme = (ROOT / "README.md").read_text()
    begin, end = "<!-- made by lightrouter eval overview -->\n", "<!-- end of the overview -->"
    table = [[cell.strip() for cell in line.split("|")] for line in readme.split(begin)[1].split(end)[0].splitlines()]
    column = table[0].index("crux, 400")
    printed = {line[1]: line[column] for line in table[2:]}
    assert len(rows) == len(METHODS)
    for row in rows:
        _, label, figures, _ = (cell.strip() for cell in row.split("|"))
        assert printed[label] == figures
