"""`lightrouter eval compare`: paired differences between two runs, with bootstrap intervals."""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from rich.table import Table
from rich.text import Text

from lightrouter_graph.cli.evaluate.tables import stdout_console
from lightrouter_graph.cli.formatting import one_line, safe_values
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import Interval, Result
from lightrouter_graph.evaluation.report.formatting import points, short
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import RunSpec
from lightrouter_graph.evaluation.runs.run_directory import spec_of
from lightrouter_graph.evaluation.stats.compare import Change, MethodChange, compare
from lightrouter_graph.evaluation.stats.table import LATENCIES, PERCENTILES

_NAMES = MappingProxyType(
    {
        "quality": "quality, points",
        "output_tokens": "output tokens",
        "total_tokens": "all tokens",
        "calls": "calls",
        "usd": "USD per 1,000 questions",
        "first_token_p50": "s to the first token, median",
        "first_token_p95": "s to the first token, 95th percentile",
        "seconds_p50": "s to the end, median",
        "seconds_p95": "s to the end, 95th percentile",
    }
)
"""Label of each figure, with its unit."""

_TIMES = frozenset(f"{latency}_{rank}" for latency in LATENCIES for rank in PERCENTILES)

_NO_TIMES = "latencies are not compared: a replay simulates them, a live run measures them"

_EQUAL = (
    "Equal scores have an interval around 0 as well: no difference on these questions does not prove that there is "
    "none. Every bootstrap sample therefore counts one more question that may differ."
)


def print_comparison(before: Path, after: Path, *, show_all: bool = False) -> None:
    """Print the significant differences between two runs, method by method.

    Args:
        before: Directory of the first run.
        after: Directory of the second run.
        show_all: Print also the figures without a significant change.

    Raises:
        EvaluationError: If a directory holds no run, or the runs share no method.
    """
    found = safe_values(compare(_results(before), _results(after)))
    one, other = safe_values(spec_of(before)), safe_values(spec_of(after))
    timed = one.get("mode") == other.get("mode")
    methods = found["methods"] if timed else [_without_times(method) for method in found["methods"]]
    shown = [(m["method"], c) for m in methods for c in m["changes"] if show_all or c["excludes_zero"]]
    console = stdout_console()
    for problem in [*_differing(one, other), *([] if timed else [_NO_TIMES])]:
        console.print(Text(problem, style="yellow"))
    if shown:
        console.print(_table(one_line(f"{before.name} to {after.name}"), shown, starred=show_all))
    for label, names in (("only before", found["only_before"]), ("only after", found["only_after"])):
        if names:
            console.print(Text(f"{label}: {', '.join(names)}", style="dim"))
    console.print(Text(_coverage(methods, show_all=show_all), style="dim"))
    if any(change["figure"] == "quality" and not change["difference"]["value"] for _, change in shown):
        console.print(Text(_EQUAL, style="dim"))


def _without_times(method: MethodChange) -> MethodChange:
    return {**method, "changes": [change for change in method["changes"] if change["figure"] not in _TIMES]}


def _table(title: str, shown: Sequence[tuple[str, Change]], *, starred: bool) -> Table:
    table = Table(title=Text(title), box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("method", "figure"):
        table.add_column(column, overflow="fold")
    for column in ("before", "after", "difference", *([""] if starred else [])):
        table.add_column(column, justify="right", no_wrap=True)
    last = ""
    for method, change in shown:
        star = ["*" if change["excludes_zero"] else ""] if starred else []
        table.add_row(Text("" if method == last else method), _NAMES[change["figure"]], *_written(change), *star)
        last = method
    return table


def _coverage(methods: Sequence[MethodChange], *, show_all: bool) -> str:
    """Describe how much was compared, how, and how many figures changed significantly."""
    changes = [change for method in methods for change in method["changes"]]
    significant = sum(change["excludes_zero"] for change in changes)
    unpaired = sum(not method["paired"] for method in methods)
    how = f"unpaired for {unpaired} methods (different questions)" if unpaired else "paired by question"
    counts = sorted({method["after"] for method in methods})
    questions = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    rest = "marked *" if show_all else f"--all shows the other {len(changes) - significant}"
    return (
        f"Compared {len(changes)} figures of {len(methods)} methods on {questions} questions, {how}: {significant} "
        f"significant changes (95 % bootstrap interval of the difference excludes 0); {rest}."
    )


def _results(folder: Path) -> list[Result]:
    path = folder / "results.jsonl"
    if not path.is_file():
        msg = f"{folder} holds no run: it has no results.jsonl"
        raise EvaluationError(msg)
    return ResultsFile(path).results


def _differing(before: RunSpec, after: RunSpec) -> list[str]:
    """Return one line for each term in which the runs differ; the order of candidates does not count."""
    lines = []
    for name in ("data", "mode", "candidates", "scoring", "folds"):
        one, other = before.get(name), after.get(name)
        if name == "candidates":
            one, other = (sorted(terms.get("candidates", [])) for terms in (before, after))
        if one != other:
            lines.append(f"the runs differ in {name}: {str(one)[:60]} / {str(other)[:60]}")
    return lines


def _written(change: Change) -> tuple[str, str, str]:
    gain = change["difference"]
    if change["figure"] == "quality":
        return f"{100 * change['before']:.1f}", f"{100 * change['after']:.1f}", points(gain)
    return short(change["before"]), short(change["after"]), _signed(gain)


def _signed(gain: Interval) -> str:
    value, low, high = (_with_sign(gain[end]) for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _with_sign(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{short(abs(value))}"
