"""Several runs in one Markdown table: quality and cost of each method on each data set."""

from collections.abc import Sequence
from pathlib import Path

from lightrouter_graph.evaluation.records import MethodStats, Summary
from lightrouter_graph.evaluation.report.formatting import NOTHING, label, number, points
from lightrouter_graph.evaluation.report.method_families import against_best_single, is_best_single
from lightrouter_graph.evaluation.report.tables import cell, grid

OVERVIEW = (
    *("best-single", "top-3", "majority", "weighted-vote", "moa-1", "moa-2", "cascade", "router-50"),
    *("lightrouter", "lightrouter-sequential", "lightrouter-cold", "lightrouter-by-consistency"),
    *("lightrouter-by-random", "lightrouter-paper-consistency", "lightrouter-paper", "oracle-3"),
)
"""The default rows."""


def markdown_overview(summaries: Sequence[Summary], methods: Sequence[str] = OVERVIEW) -> str:
    """Return a Markdown table with a row per method and a column per run.

    Each cell has the quality in percent, the cost (USD per 1,000 questions, or output tokens per question if a price is
    unknown), and the paired difference to the best single candidate in points with its 95 % interval.

    Args:
        summaries: One summary per run.
        methods: Names of the rows; a method without results in every run is left out.
    """
    runs = [{row["method"]: row for row in summary["methods"]} for summary in summaries]
    header = ["", *(f"{cell(_name(summary))}, {summary['facts']['questions']:,}" for summary in summaries)]
    rows = [
        [label(next(run[name] for run in runs if name in run)), *(_cell(run.get(name)) for run in runs)]
        for name in methods
        if any(name in run for run in runs)
    ]
    return grid(header, rows, align="---")


def _name(summary: Summary) -> str:
    return Path(summary["facts"]["data"]).name.removesuffix(".gz").removesuffix(".jsonl")


def _cell(row: MethodStats | None) -> str:
    if row is None or row["quality"] is None:
        return NOTHING
    cost = f"{number(row['output_tokens'])} tokens" if row["usd"] is None else f"${row['usd']['value']:.2f}"
    gain = None if is_best_single(row["method"]) else against_best_single(row)
    return f"{100 * row['quality']['value']:.1f}, {cost}{f'<br>{points(gain)}' if gain is not None else ''}"
