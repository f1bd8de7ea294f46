"""`lightrouter eval compare`."""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from rich.table import Table
from rich.text import Text

from lightrouter_graph.cli.evaluate.showing import stdout_console
from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import Interval, Result
from lightrouter_graph.evaluation.report.formatting import points, short
from lightrouter_graph.evaluation.results import ResultsFile
from lightrouter_graph.evaluation.runs.run import Terms
from lightrouter_graph.evaluation.runs.run_directory import terms_of
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
"""What is written for each figure, with its unit."""

_TIMES = frozenset(f"{latency}_{rank}" for latency in LATENCIES for rank in PERCENTILES)

_NO_TIMES = "latencies are left out: those of a replay are simulated, those of a live run measured"

_EQUAL = (
    "Equal scores too have an interval around 0: as many questions without a difference do not prove that there is "
    "none, so every draw counts one question more that may differ."
)


def print_comparison(before: Path, after: Path, *, show_all: bool = False) -> None:
    """Print what changed for sure between two runs, method by method.

    Args:
        before: The folder of a run.
        after: That of another.
        show_all: Whether to print figures too whose difference may be 0.

    Raises:
        EvaluationError: If either is no run, or they share no method.
    """
    found = compare(_results(before), _results(after))
    one, other = terms_of(before), terms_of(after)
    timed = one.get("mode") == other.get("mode")
    methods = found["methods"] if timed else [_without_times(method) for method in found["methods"]]
    shown = [(m["method"], c) for m in methods for c in m["changes"] if show_all or c["excludes_zero"]]
    console = stdout_console()
    for problem in [*_differing(one, other), *([] if timed else [_NO_TIMES])]:
        console.print(Text(problem, style="yellow"))
    if shown:
        console.print(_table(f"{before.name} to {after.name}", shown, starred=show_all))
    for said, names in (("only before", found["only_before"]), ("only after", found["only_after"])):
        if names:
            console.print(Text(f"{said}: {', '.join(names)}", style="dim"))
    console.print(Text(_how_much(methods, show_all=show_all), style="dim"))
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


def _how_much(methods: Sequence[MethodChange], *, show_all: bool) -> str:
    """Say how much was compared, how, and how much of it changed for sure."""
    changes = [change for method in methods for change in method["changes"]]
    sure = sum(change["excludes_zero"] for change in changes)
    unpaired = sum(not method["paired"] for method in methods)
    how = f"as two samples ({unpaired} methods), not of equal questions" if unpaired else "question by question"
    asked = sorted({method["after"] for method in methods})
    over = f"{asked[0]:,}" if len(asked) == 1 else f"{asked[0]:,} to {asked[-1]:,}"
    rest = "these have a *" if show_all else f"the other {len(changes) - sure} did not (all of them: --all)"
    return (
        f"Compared {len(changes)} figures of {len(methods)} methods over {over} questions, {how}: {sure} changed for "
        f"sure, that is the 95 % bootstrap interval of the difference is without 0; {rest}."
    )


def _results(folder: Path) -> list[Result]:
    path = folder / "results.jsonl"
    if not path.is_file():
        msg = f"{folder} holds no run: there is no results.jsonl in it"
        raise EvaluationError(msg)
    return ResultsFile(path).results


def _differing(before: Terms, after: Terms) -> list[str]:
    """Say which terms the two runs do not share; the order of candidates does not count."""
    said = []
    for name in ("data", "mode", "candidates", "scoring", "folds"):
        one, other = before.get(name), after.get(name)
        if name == "candidates":
            one, other = (sorted(terms.get("candidates", [])) for terms in (before, after))
        if one != other:
            said.append(f"the runs differ in {name}: {str(one)[:60]} / {str(other)[:60]}")
    return said


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
