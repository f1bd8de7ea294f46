from copy import deepcopy

import pytest
from evaluation.report.example import Example
from rich.console import Console

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import Summary
from lightrouter_graph.evaluation.report import markdown_table, table
from lightrouter_graph.evaluation.report.tables import COLUMNS, MIN_METHOD_WIDTH, approximations, cell

FIT = {  # what is shown beside the method, its quality and the difference to the best single
    40: [],
    60: ["usd"],
    80: ["usd", "output_tokens"],
    100: ["usd", "output_tokens", "calls", "seconds"],
    132: ["usd", "output_tokens", "calls", "seconds"],
}


def printed(summary: Summary, width: int) -> list[str]:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table(summary, width), crop=False)
    return captured.get().splitlines()


@pytest.mark.parametrize("width", FIT)
def test_the_table_shows_what_fits_and_cuts_no_number(run: Example, width: int) -> None:
    lines = printed(run.summary, width)
    assert max(map(len, lines)) <= max(width, 56)
    shown = " ".join(lines)
    for name in ("quality", "against_best", *FIT[width]):
        for row in run.summary["methods"]:
            assert all(figure in shown for figure in COLUMNS[name].write(row).split(" [", 1)), (name, row["label"])
    headings = {"calls": "calls", "seconds": "s p50 / p95", "output_tokens": "tokens", "usd": "USD/"}
    head = " ".join(lines[: next(i for i, line in enumerate(lines) if "──" in line)])
    assert {name for name, heading in headings.items() if heading in head} == set(FIT[width])


@pytest.mark.parametrize("width", FIT)
def test_a_long_label_is_folded_not_cut_and_methods_keep_their_room(run: Example, width: int) -> None:
    summary = deepcopy(run.summary)
    summary["methods"] = summary["methods"][:1]
    summary["methods"][0]["label"] = "Mm" * 35
    lines = printed(summary, width)
    begin = next(place for place, line in enumerate(lines) if "──" in line) + 1
    firsts = [line.split()[0] for line in lines[begin:] if line.startswith(("M", "m"))]
    assert "".join(firsts) == summary["methods"][0]["label"]
    assert len(firsts[0]) >= MIN_METHOD_WIDTH


def test_without_prices_output_tokens_come_first(run: Example) -> None:
    summary = deepcopy(run.summary)
    for row in summary["methods"]:
        row["usd"] = None
    head = " ".join(printed(summary, 72)[:4])
    assert "tokens" in head
    assert "USD" not in " ".join(printed(summary, 132)[:4])


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
    with pytest.raises(EvaluationError, match=r"no column 'cost' .*; it has method, quality"):
        markdown_table(run.summary, ["method", "cost"])
    with pytest.raises(EvaluationError, match="no method 'nobody'; it has single:atlas"):
        markdown_table(run.summary, methods=["nobody"])


def test_no_label_can_leave_its_cell() -> None:
    assert cell("a | b\n<b>[x](y)") == r"a \| b \<b\>\[x\](y)"


def test_each_approximation_is_explained_once(run: Example) -> None:
    assert approximations(run.summary) == "† the best-ranked answer stands in for the merged one."
    summary = deepcopy(run.summary)
    row = next(row for row in summary["methods"] if row["method"] == "moa-2")
    row["stand_in"] += "; layers repeat"
    one = "† the best-ranked answer stands in for the merged one; layers repeat (Mixture-of-Agents, 2 layers)."
    assert approximations(summary) == one
    next(row for row in summary["methods"] if row["method"] == "moa-1")["stand_in"] = "layers repeat"
    marked = sum(bool(row["stand_in"]) for row in summary["methods"])
    assert approximations(summary) == (
        f"† layers repeat (2 methods); the best-ranked answer stands in for the merged one ({marked - 1} methods)."
    )
    assert approximations({**summary, "methods": []}) == ""
