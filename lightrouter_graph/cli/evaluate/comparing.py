"""`lightrouter eval compare`."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.figures.compare import Change, compare
from lightrouter_graph.evaluation.records import Result
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.studies.folder import terms_of


def print_comparison(before: Path, after: Path) -> None:
    """Print what changed between two runs, method by method.

    Raises:
        EvaluationError: If either is no run, or they share no method.
    """
    found = compare(_results(before), _results(after))
    console = Console(highlight=False)
    for problem in _differing(before, after):
        console.print(Text(problem, style="yellow"))
    table = Table(title=f"{before.name} to {after.name}", box=None, pad_edge=False)
    for column in ("method", "figure"):
        table.add_column(column)
    for column in ("before", "after", "difference", ""):
        table.add_column(column, justify="right", no_wrap=True)
    for method in found["methods"]:
        name = method["method"]
        for change in method["changes"]:
            table.add_row(name, change["figure"], *_written(change))
            name = ""
    console.print(table)
    for said, names in (("only before", found["only_before"]), ("only after", found["only_after"])):
        if names:
            console.print(Text(f"{said}: {', '.join(names)}", style="dim"))
    unpaired = [method["method"] for method in found["methods"] if not method["paired"]]
    how = (
        "question by question" if not unpaired else f"as two samples ({len(unpaired)} methods), not of equal questions"
    )
    console.print(Text(f"Compared {how}; 95 % bootstrap intervals; * = the interval excludes 0.", style="dim"))


def _results(folder: Path) -> list[Result]:
    path = folder / "results.jsonl"
    if not path.is_file():
        msg = f"{folder} holds no run: there is no results.jsonl in it"
        raise EvaluationError(msg)
    return ResultsFile(path).results


def _differing(before: Path, after: Path) -> list[str]:
    """Say which terms the two runs do not share."""
    one, other = terms_of(before), terms_of(after)
    pairs = {name: (one.get(name), other.get(name)) for name in ("data", "mode", "candidates", "scoring", "folds")}
    return [f"the runs differ in {name}: {str(a)[:60]} / {str(b)[:60]}" for name, (a, b) in pairs.items() if a != b]


def _written(change: Change) -> tuple[str, str, str, str]:
    gain = change["difference"]
    sure = "*" if change["excludes_zero"] else ""
    return (
        f"{change['before']:,.4g}",
        f"{change['after']:,.4g}",
        f"{gain['value']:+,.3g} [{gain['low']:+,.3g}, {gain['high']:+,.3g}]",
        sure,
    )
