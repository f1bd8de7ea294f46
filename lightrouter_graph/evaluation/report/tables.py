"""Main table of a run, for a terminal and for Markdown, and several runs in one Markdown table."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightrouter_graph.errors import EvaluationError, did_you_mean
from lightrouter_graph.evaluation.records import MethodStats, Summary
from lightrouter_graph.evaluation.report.formatting import (
    DAGGER,
    NOTHING,
    label,
    number,
    percent,
    points,
    two_percentiles,
)
from lightrouter_graph.evaluation.report.method_families import Kind, against_best_single, is_best_single, kinds

if TYPE_CHECKING:
    from rich.table import Table

MAIN_COLUMNS = ("method", "quality", "against_best", "output_tokens", "usd", "calls", "seconds")
"""Default columns of the main table."""

OVERVIEW = (
    *("best-single", "top-3", "majority", "weighted-vote", "moa-1", "moa-2", "cascade", "router-50"),
    *("lightrouter", "lightrouter-sequential", "lightrouter-cold", "lightrouter-by-consistency"),
    *("lightrouter-by-random", "lightrouter-paper-consistency", "lightrouter-paper", "oracle-3"),
)
"""Default rows of a table of several runs."""

PAGE_WIDTH = 132
"""Width of a table in characters if the output is not a terminal."""

MIN_METHOD_WIDTH = 22
"""Minimum width of the column of methods; longer labels are folded."""

_ALWAYS = ("method", "quality", "against_best")
_AND = "; "  # separates the descriptions in `stand_in`
_GAP = 2  # one character of padding and one of the box

_STYLES: dict[Kind, str] = {"lightrouter": "bold", "rival": "", "single": "dim", "bound": "italic dim"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table.

    Attributes:
        header: Title with the unit.
        write: Returns the text of a method.
        order: Returns the number that the column is sorted by; None for text and unknown values.
    """

    header: str
    write: Callable[[MethodStats], str]
    order: Callable[[MethodStats], float | None] = lambda _: None


def _by(field: str) -> Callable[[MethodStats], float | None]:
    def order(row: MethodStats) -> float | None:
        interval = row.get(field)
        return interval["value"] if isinstance(interval, dict) else None

    return order


def _difference(row: MethodStats) -> float | None:
    interval = against_best_single(row)
    return interval["value"] if interval else None


def _times(name: str) -> Callable[[MethodStats], str]:
    return lambda row: two_percentiles(row[f"{name}_p50"], row[f"{name}_p95"])  # type: ignore[literal-required]


COLUMNS = MappingProxyType(
    {
        "method": Column("method", label),
        "quality": Column("quality %", lambda row: percent(row["quality"]), _by("quality")),
        "against_best": Column("to best single", lambda row: points(against_best_single(row)), _difference),
        "output_tokens": Column("out tokens", lambda row: number(row["output_tokens"]), _by("output_tokens")),
        "total_tokens": Column("all tokens", lambda row: number(row["total_tokens"]), _by("total_tokens")),
        "usd": Column("USD/1,000", lambda row: number(row["usd"]), _by("usd")),
        "calls": Column("calls", lambda row: number(row["calls"]), _by("calls")),
        "seconds": Column("s p50 / p95", _times("seconds"), _by("seconds_p50")),
        "first_token": Column("first token s p50 / p95", _times("first_token"), _by("first_token_p50")),
        "count": Column("questions", lambda row: f"{row['count']:,}", lambda row: row["count"]),
        "failed": Column("failed", lambda row: f"{row['failed']:,}", lambda row: row["failed"]),
    }
)
"""Every column by name."""


def table(summary: Summary, width: int | None = None) -> "Table":
    """Return the main table for a terminal. Numbers are never cut.

    Method, quality and the difference to the best single candidate are always shown; then USD (if prices are known),
    output tokens, calls and seconds, as far as they fit. If not even the first three fit, intervals are written below
    their values; print with `crop=False`.

    Args:
        summary: Statistics of the run, in the order of the rows.
        width: Width in characters; None for 132.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - not needed to write a report
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    texts_of, method_width = _fitted(summary, width or PAGE_WIDTH)
    shown = Table(
        title=Text(summary["facts"]["title"]),
        caption=Text(f"\n{caption(summary)}"),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        width=_total_width(texts_of, method_width),
    )
    for name, texts in texts_of.items():
        is_method = name == "method"
        justify, wide = ("left", method_width) if is_method else ("right", _width(texts))
        shown.add_column(texts[0], justify=justify, width=wide, overflow="fold")  # type: ignore[arg-type]
    by_name = kinds(summary)
    for index, row in enumerate(summary["methods"], 1):
        shown.add_row(*(Text(texts[index]) for texts in texts_of.values()), style=_STYLES[by_name[row["method"]]])
    return shown


def _fitted(summary: Summary, width: int) -> tuple[dict[str, list[str]], int]:
    """Return the texts of each column that fits, header first, and the width of the column of methods."""
    priced = any(row["usd"] is not None for row in summary["methods"])
    optional = [*(["usd"] if priced else []), "output_tokens", "calls", "seconds"]
    texts_of = {name: _texts(summary, name) for name in (*_ALWAYS, *optional)}
    if _total_width({name: texts_of[name] for name in _ALWAYS}, MIN_METHOD_WIDTH) > width:
        for name in ("quality", "against_best"):
            texts_of[name] = [t.replace(" [", "\n[").replace("best single", "best\nsingle") for t in texts_of[name]]
    shown = [*_ALWAYS]
    for name in optional:
        if _total_width({n: texts_of[n] for n in (*shown, name)}, MIN_METHOD_WIDTH) > width:
            break
        shown.append(name)
    fitting = {name: texts_of[name] for name in MAIN_COLUMNS if name in shown}
    room = width - _total_width(fitting, 0)
    return fitting, max(MIN_METHOD_WIDTH, min(room, _width(fitting["method"])))


def _texts(summary: Summary, name: str) -> list[str]:
    header = COLUMNS[name].header.replace("/1", "/\n1").replace("out ", "out\n")
    return [header, *(COLUMNS[name].write(row) for row in summary["methods"])]


def _width(texts: Sequence[str]) -> int:
    from rich.cells import cell_len  # noqa: PLC0415

    return max(cell_len(line) for text in texts for line in text.split("\n"))


def _total_width(texts_of: Mapping[str, Sequence[str]], method_width: int) -> int:
    widths = (method_width if name == "method" else _width(texts) for name, texts in texts_of.items())
    return _GAP * (len(texts_of) - 1) + sum(widths)


def caption(summary: Summary) -> str:
    """Return the caption of the table: number of questions, intervals, units, and the meaning of the dagger."""
    facts = summary["facts"]
    latency = "simulated" if facts["mode"] == "replay" else "measured"
    text = (
        f"{facts['questions']:,} questions; in brackets bootstrap 95 % intervals over questions; differences are "
        f"paired, in points; tokens and calls are means per question, USD per 1,000 questions; latency is {latency}."
    )
    return f"{text} {approximations(summary)}".strip()


def approximations(summary: Summary) -> str:
    """Return the meaning of the dagger: each approximation once, with its methods if not all have it; "" for none."""
    marked = [row for row in summary["methods"] if row["stand_in"]]
    labels: dict[str, list[str]] = {}
    for row in marked:
        for what in row["stand_in"].split(_AND):
            labels.setdefault(what, []).append(row["label"])
    texts = [
        f"{what}{'' if len(of) == len(marked) else f' ({of[0]})' if len(of) == 1 else f' ({len(of)} methods)'}"
        for what, of in labels.items()
    ]
    return f"{DAGGER} {'; '.join(texts)}." if texts else ""


def markdown_table(
    summary: Summary, columns: Sequence[str] = MAIN_COLUMNS, methods: Sequence[str] | None = None
) -> str:
    """Return the table as Markdown; an unknown column or method is an `EvaluationError`.

    Args:
        summary: Statistics of the run.
        columns: Names from `COLUMNS`, in order.
        methods: Names of the methods, in order; None for all, in the order of the summary.
    """
    rows = {row["method"]: row for row in summary["methods"]}
    wanted = list(rows) if methods is None else methods
    _check_names("the table has no column", columns, COLUMNS)
    _check_names("the summary has no method", wanted, rows)
    written = [[COLUMNS[name].write(rows[method]) for name in columns] for method in wanted]
    return grid([COLUMNS[name].header for name in columns], written)


def markdown_overview(summaries: Sequence[Summary], methods: Sequence[str] = OVERVIEW) -> str:
    """Return a Markdown table with a row per method and a column per run.

    Each cell has the quality in percent, the cost (USD per 1,000 questions, or output tokens per question if a price is
    unknown), and the paired difference to the best single candidate in points with its 95 % interval.

    Args:
        summaries: One summary per run.
        methods: Names of the rows; a method without results in every run is left out.
    """
    runs = [{row["method"]: row for row in summary["methods"]} for summary in summaries]
    header = ["", *(f"{cell(_data_name(summary))}, {summary['facts']['questions']:,}" for summary in summaries)]
    rows = [
        [label(next(run[name] for run in runs if name in run)), *(_overview_cell(run.get(name)) for run in runs)]
        for name in methods
        if any(name in run for run in runs)
    ]
    return grid(header, rows, align="---")


def _data_name(summary: Summary) -> str:
    return Path(summary["facts"]["data"]).name.removesuffix(".gz").removesuffix(".jsonl")


def _overview_cell(row: MethodStats | None) -> str:
    if row is None or row["quality"] is None:
        return NOTHING
    cost = f"{number(row['output_tokens'])} tokens" if row["usd"] is None else f"${row['usd']['value']:.2f}"
    gain = None if is_best_single(row["method"]) else against_best_single(row)
    return f"{100 * row['quality']['value']:.1f}, {cost}{f'<br>{points(gain)}' if gain is not None else ''}"


def grid(header: Sequence[str], rows: Iterable[Sequence[str]], align: str = "---:") -> str:
    """Return a Markdown table; the cells of the first column are text and escaped, `align` is that of the others."""
    lines = [header, ["---", *([align] * (len(header) - 1))], *([cell(first), *others] for first, *others in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Return a text on one line with the special characters of Markdown and HTML escaped."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]|<>&])", r"\\\1", flat)


def _check_names(problem: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            msg = f"{problem} {name!r}{did_you_mean(name, known)}; it has {', '.join(known)}"
            raise EvaluationError(msg)
