"""`lightrouter eval methods` and `lightrouter eval overview`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lightrouter_graph.evaluation.methods.catalogue import BASELINES
from lightrouter_graph.evaluation.methods.corrupted import FORM
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS
from lightrouter_graph.evaluation.report.overview import OVERVIEW, markdown_overview
from lightrouter_graph.evaluation.studies.folder import summary_of


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
    """Print the names of all methods, and how settings are changed."""
    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is")
    for form, make in BASELINES.items():
        number = "2" if form.startswith("moa") else "3"
        sample = make("NAME" if form.endswith("NAME") else number)
        table.add_row(form, sample.label.replace(number, "N") if form.endswith("-N") else sample.label)
    for method in LIGHTROUTERS.values():
        table.add_row(method.name, method.label)
    table.add_row(FORM, "boots with injected errors")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "\nA LightRouter method takes settings: lightrouter:boot_tokens=64,top_k=3 (all or none: no limit).",
        markup=False,
    )
