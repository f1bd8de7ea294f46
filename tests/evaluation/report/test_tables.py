from copy import deepcopy

import pytest
from evaluation.report.example import Example
from rich.console import Console

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.report import markdown_table, table
from lightrouter_graph.evaluation.report.tables import cell, stand_ins


@pytest.mark.parametrize("width", [100, 120])
def test_the_table_fits_a_terminal_without_losing_a_figure(run: Example, width: int) -> None:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(table(run.summary))
    shown = console.export_text()
    assert max(map(len, shown.splitlines())) <= width
    row = run.summary["methods"][-1]
    for part in markdown_table(run.summary, methods=[row["method"]]).splitlines()[2].split("|")[2:-1]:
        assert part.strip() in shown


def test_markup_in_a_label_is_shown_not_obeyed(run: Example) -> None:
    summary = deepcopy(run.summary)
    summary["methods"][0]["label"] = "[red]x[/red] [/]"
    console = Console(width=120)
    with console.capture() as captured:
        console.print(table(summary))
    assert "[red]x[/red]" in captured.get()


def test_a_readme_picks_its_columns_and_methods(run: Example) -> None:
    lines = markdown_table(run.summary, ["method", "usd"], ["lightrouter", "majority"]).splitlines()
    assert lines[:2] == ["| method | USD/1,000 |", "| --- | ---: |"]
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| LightRouter", "| Majority over all"]


def test_the_difference_to_the_best_single_is_paired(run: Example) -> None:
    row = next(row for row in run.summary["methods"] if row["method"] == "lightrouter")
    difference = row["against"]["best-single"]
    shown = markdown_table(run.summary, ["method", "against_best"], ["lightrouter"])
    assert f"{100 * difference['value']:+.1f} [{100 * difference['low']:+.1f}, " in shown


def test_an_unknown_column_or_method_is_named(run: Example) -> None:
    with pytest.raises(EvaluationError, match="no column 'cost'; it has method, quality"):
        markdown_table(run.summary, ["method", "cost"])
    with pytest.raises(EvaluationError, match="no method 'nobody'; it has single:atlas"):
        markdown_table(run.summary, methods=["nobody"])


def test_no_label_can_leave_its_cell() -> None:
    assert cell("a | b\n<b>[x](y)") == r"a \| b \<b\>\[x\](y)"


def test_each_stand_in_is_explained_beside_its_methods(run: Example) -> None:
    assert stand_ins(run.summary) == "† the best-ranked answer stands in for the merged one."
    summary = deepcopy(run.summary)
    next(row for row in summary["methods"] if row["method"] == "moa-1")["stand_in"] = "another way"
    said = stand_ins(summary)
    assert "† another way (Mixture-of-Agents, 1 layer)." in said
    assert "merged one (Mixture-of-Agents, 2 layers; Self-MoA" in said
