"""Several runs in one table: what each method bought and cost on each data set."""

from collections.abc import Sequence
from pathlib import Path

from lightrouter_graph.evaluation.records import MethodFigures, Summary
from lightrouter_graph.evaluation.report.formatting import NOTHING, label, number, points
from lightrouter_graph.evaluation.report.method_families import against_best_single, is_best_single
from lightrouter_graph.evaluation.report.tables import cell

OVERVIEW = (
    "best-single",
    "top-3",
    "majority",
    "weighted-vote",
    "moa-1",
    "moa-2",
    "cascade",
    "router-50",
    "lightrouter",
    "lightrouter-sequential",
    "lightrouter-cold",
    "lightrouter-by-consistency",
    "lightrouter-by-random",
    "lightrouter-paper-consistency",
    "lightrouter-paper",
    "oracle-3",
)
"""The methods of the usual overview; those that a run did not have stay empty."""


def markdown_overview(summaries: Sequence[Summary], methods: Sequence[str] = OVERVIEW) -> str:
    """Write a Markdown table with a row per method and a column per run.

    Each cell has the quality in percent, the cost (USD per 1,000 questions, or output tokens per question where a price
    is not known), and below the paired difference to the best single candidate in points with its 95 % interval.

    Args:
        summaries: One per run.
        methods: Rows, by name; a method that no run has is left out.
    """
    known = [{row["method"]: row for row in summary["methods"]} for summary in summaries]
    heads = ["", *(f"{cell(_name(summary))}, {summary['facts']['questions']:,}" for summary in summaries)]
    rows = [
        [_label([run[name] for run in known if name in run]), *(_cell(run.get(name)) for run in known)]
        for name in methods
        if any(name in run for run in known)
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(summary: Summary) -> str:
    return Path(summary["facts"]["data"]).name.removesuffix(".gz").removesuffix(".jsonl")


def _label(rows: Sequence[MethodFigures]) -> str:
    return cell(label(rows[0]))


def _cell(row: MethodFigures | None) -> str:
    if row is None or row["quality"] is None:
        return NOTHING
    cost = f"{number(row['output_tokens'])} tokens" if row["usd"] is None else f"${row['usd']['value']:.2f}"
    quality = f"{100 * row['quality']['value']:.1f}"
    gain = against_best_single(row)
    told = f"<br>{points(gain)}" if gain is not None and not is_best_single(row["method"]) else ""
    return f"{quality}, {cost}{told}"
