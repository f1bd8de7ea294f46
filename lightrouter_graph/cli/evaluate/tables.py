"""Tables of `lightrouter eval` on stdout: results of a run, methods, overview of several runs."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lightrouter_graph.cli.formatting import one_line, safe, safe_values
from lightrouter_graph.evaluation.experiments.main_table import EVERYTHING, everything
from lightrouter_graph.evaluation.methods.error_injection import FORM
from lightrouter_graph.evaluation.methods.lightrouter import LIGHTROUTERS
from lightrouter_graph.evaluation.methods.registry import BASELINES
from lightrouter_graph.evaluation.report import table
from lightrouter_graph.evaluation.report.tables import OVERVIEW, PAGE_WIDTH, markdown_overview
from lightrouter_graph.evaluation.runs.run import RunReport
from lightrouter_graph.evaluation.runs.run_directory import summary_of

_MARK = "*"
_LARGE = 9  # candidates of a pool in which no method is idle


def stdout_console() -> Console:
    """Return a Rich console on stdout: as wide as the terminal, or as a page if stdout is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PAGE_WIDTH)


def print_results(reported: RunReport, *, quiet: bool) -> None:
    """Print the results table and the findings to stdout, and the paths of the report to stderr.

    Args:
        reported: A finished run.
        quiet: Print no paths.
    """
    console = stdout_console()
    summary = safe_values(reported.summary)
    console.print(table(summary, console.width), crop=False)
    for finding in summary.get("findings", []):
        console.print(f"- {finding}", markup=False)
    if not quiet:
        print(one_line(f"report: {reported.folder / 'report.md'}"), file=sys.stderr)
        print(f"page:   {one_line(str(reported.folder / 'index.html'))}", file=sys.stderr)


def print_overview(folders: Sequence[Path], methods: Sequence[str]) -> None:
    """Print a Markdown table of several runs.

    Args:
        folders: Run directories, one column each.
        methods: Method names, one row each; empty = a default selection.

    Raises:
        EvaluationError: If a folder holds no report.
    """
    print(safe(markdown_overview([summary_of(folder) for folder in folders], methods or OVERVIEW)))


def print_methods() -> None:
    """Print the names of all methods, which of them run by default, and how their settings are changed."""
    marks = _default_marks()
    listed = Table(box=None, pad_edge=False)
    listed.add_column("name", no_wrap=True)
    listed.add_column("default", no_wrap=True)
    listed.add_column("description")
    for form, make in BASELINES.items():
        number = "2" if form.startswith("moa") else "3"  # what has layers has several
        sample = make("NAME" if form.endswith("NAME") else number)
        what = sample.label.replace(number, "N") if form.endswith("-N") else sample.label
        listed.add_row(form, marks.get(form, ""), what)
    for method in LIGHTROUTERS.values():
        listed.add_row(method.name, marks.get(method.name, ""), method.label)
    listed.add_row(FORM, marks.get(FORM, ""), "boots with injected errors")
    console = Console(highlight=False)
    console.print(listed)
    console.print(
        "\ndefault: run by `eval run` without --method, if the data and models allow it.\n"
        "LightRouter methods take settings: lightrouter:boot_tokens=64,top_k=3 (all or none = no limit).",
        markup=False,
    )


def _default_marks() -> dict[str, str]:
    """Return by method form how it runs by default: `*`, or the values of N."""
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
