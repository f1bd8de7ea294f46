"""What a run ends with in a terminal: the table, what was found, and where the rest is."""

import sys

from rich.console import Console

from lightrouter_graph.evaluation.report import table
from lightrouter_graph.evaluation.report.tables import PAGE_WIDTH
from lightrouter_graph.evaluation.runs.run import Reported


def stdout_console() -> Console:
    """Return stdout, as wide as the terminal; a page wide where it is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PAGE_WIDTH)


def show(reported: Reported, *, quiet: bool) -> None:
    """Print the table on stdout; besides, on stderr, where the report is."""
    console = stdout_console()
    console.print(table(reported.summary, console.width), crop=False)
    for finding in reported.summary.get("findings", []):
        console.print(f"- {finding}", markup=False)
    if not quiet:
        beside = Console(stderr=True, highlight=False)
        beside.print(f"report: {reported.folder / 'report.md'}", markup=False, soft_wrap=True)
        beside.print(f"page:   {reported.folder / 'index.html'}", markup=False, soft_wrap=True)
