"""`lightrouter eval methods` and `lightrouter eval overview`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lightrouter_graph.evaluation.experiments.main_table import EVERYTHING, everything
from lightrouter_graph.evaluation.methods.error_injection import FORM
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS
from lightrouter_graph.evaluation.methods.registry import BASELINES
from lightrouter_graph.evaluation.report.overview import OVERVIEW, markdown_overview
from lightrouter_graph.evaluation.runs.run_directory import summary_of

_MARK = "*"
_LARGE = 9  # candidates of a pool in which no method is idle


def print_overview(folders: Sequence[Path], methods: Sequence[str]) -> None:
    """Print a Markdown table of several runs.

    Args:
        folders: Of the runs.
        methods: Rows; empty for the usual ones.

    Raises:
        EvaluationError: If a folder holds no report.
    """
    print(markdown_overview([summary_of(folder) for folder in folders], methods or OVERVIEW))


def print_methods() -> None:
    """Print the names of all methods, which of them are run by default, and how settings are changed."""
    usual = _usual()
    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("run", no_wrap=True)
    table.add_column("what it is")
    for form, make in BASELINES.items():
        number = "2" if form.startswith("moa") else "3"  # what has layers has several
        sample = make("NAME" if form.endswith("NAME") else number)
        what = sample.label.replace(number, "N") if form.endswith("-N") else sample.label
        table.add_row(form, usual.get(form, ""), what)
    for method in LIGHTROUTERS.values():
        table.add_row(method.name, usual.get(method.name, ""), method.label)
    table.add_row(FORM, usual.get(FORM, ""), "boots with injected errors")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "\nMarked under run: what `eval run` runs unless methods are named, as far as the data and models allow.\n"
        "A LightRouter method takes settings: lightrouter:boot_tokens=64,top_k=3 (all or none: no limit).",
        markup=False,
    )


def _usual() -> dict[str, str]:
    """Return the mark of each form that is run by default: `*`, or the numbers it is run with."""
    pool = [f"NAME{place}" for place in range(_LARGE)]
    marks: dict[str, str] = {}
    for name in everything(pool, EVERYTHING).methods:
        stem, dash, number = name.rpartition("-")
        if name.removeprefix("single:") in pool:
            marks["single:NAME"] = _MARK
        elif name in LIGHTROUTERS or not (dash and number.isdecimal()):
            marks[name] = _MARK
        else:
            form = f"{stem}-N"
            marks[form] = f"{marks[form]}, {number}" if form in marks else f"N = {number}"
    return marks
