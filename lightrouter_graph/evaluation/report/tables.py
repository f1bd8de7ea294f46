"""The main table of a run: for the terminal, for Markdown, and the columns of either."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import MethodFigures, Summary
from lightrouter_graph.evaluation.report.formats import (
    DAGGER,
    label,
    number,
    percent,
    points,
    two_percentiles,
)
from lightrouter_graph.evaluation.report.kinds import Kind, against_best_single, kinds

if TYPE_CHECKING:
    from rich.table import Table

MAIN_COLUMNS = ("method", "quality", "against_best", "output_tokens", "usd", "calls", "seconds")
"""What the main table shows unless one asks for other columns."""

_STYLES: dict[Kind, str] = {"lightrouter": "bold", "rival": "", "single": "dim", "bound": "italic dim"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table.

    Attributes:
        header: Its heading, with the unit.
        write: What stands in it for a method.
        order: The number it is sorted by; None for no number, and for a column of text.
    """

    header: str
    write: Callable[[MethodFigures], str]
    order: Callable[[MethodFigures], float | None] = lambda row: None  # noqa: ARG005


def _value(row: MethodFigures, field: str) -> float | None:
    interval = row.get(field)
    return interval["value"] if isinstance(interval, dict) else None


def _difference(row: MethodFigures) -> float | None:
    interval = against_best_single(row)
    return interval["value"] if interval else None


COLUMNS = MappingProxyType(
    {
        "method": Column("method", label),
        "quality": Column("quality %", lambda row: percent(row["quality"]), lambda row: _value(row, "quality")),
        "against_best": Column("to best single", lambda row: points(against_best_single(row)), _difference),
        "output_tokens": Column(
            "out tokens", lambda row: number(row["output_tokens"]), lambda row: _value(row, "output_tokens")
        ),
        "total_tokens": Column(
            "all tokens", lambda row: number(row["total_tokens"]), lambda row: _value(row, "total_tokens")
        ),
        "usd": Column("USD/1,000", lambda row: number(row["usd"]), lambda row: _value(row, "usd")),
        "calls": Column("calls", lambda row: number(row["calls"]), lambda row: _value(row, "calls")),
        "seconds": Column(
            "s p50 / p95",
            lambda row: two_percentiles(row["seconds_p50"], row["seconds_p95"]),
            lambda row: _value(row, "seconds_p50"),
        ),
        "first_token": Column(
            "first token s p50 / p95",
            lambda row: two_percentiles(row["first_token_p50"], row["first_token_p95"]),
            lambda row: _value(row, "first_token_p50"),
        ),
        "count": Column("questions", lambda row: f"{row['count']:,}", lambda row: row["count"]),
        "failed": Column("failed", lambda row: f"{row['failed']:,}", lambda row: row["failed"]),
    }
)
"""Every column there is, by the name it is asked for."""


def columns_named(names: Sequence[str]) -> list[Column]:
    """Return the columns of those names.

    Raises:
        EvaluationError: If there is no such column.
    """
    for name in names:
        if name not in COLUMNS:
            msg = f"the table has no column {name!r}; it has {', '.join(COLUMNS)}"
            raise EvaluationError(msg)
    return [COLUMNS[name] for name in names]


def table(summary: Summary) -> "Table":
    """Return the main table for a terminal of 100 columns or more, best LightRouter lines in bold, bounds in italics.

    Args:
        summary: The figures, in the order in which they are to be shown.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415 - the report of a run that prints nothing does without
    from rich.text import Text  # noqa: PLC0415

    facts = summary["facts"]
    shown = Table(
        title=Text(facts["title"]),
        caption=Text(caption(summary)),
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in columns_named(MAIN_COLUMNS):
        first = column is COLUMNS["method"]
        header = column.header.replace("/1", "/\n1").replace("out ", "out\n")
        shown.add_column(header, justify="left" if first else "right", no_wrap=not first, overflow="fold")
    sorts = kinds(summary)
    for row in summary["methods"]:
        cells = (Text(COLUMNS[name].write(row)) for name in MAIN_COLUMNS)
        shown.add_row(*cells, style=_STYLES[sorts[row["method"]]])
    return shown


def caption(summary: Summary) -> str:
    """Say what the table's figures are: how many questions, which intervals, whose latency, what the dagger means."""
    facts = summary["facts"]
    latency = "simulated" if facts["mode"] == "replay" else "measured"
    said = (
        f"{facts['questions']:,} questions; in brackets bootstrap 95 % intervals over questions; differences are "
        f"paired, in points; tokens and calls are means per question, USD per 1,000 questions; latency is {latency}."
    )
    return f"{said} {stand_ins(summary)}".strip()


def stand_ins(summary: Summary) -> str:
    """Say what the dagger means, once per kind of stand-in; "" where nothing stands in."""
    marked = sorted((row for row in summary["methods"] if row["stand_in"]), key=lambda row: row["stand_in"])
    groups = {what: [row["label"] for row in rows] for what, rows in groupby(marked, key=lambda row: row["stand_in"])}
    if len(groups) == 1:
        return f"{DAGGER} {next(iter(groups))}."
    return " ".join(f"{DAGGER} {what} ({'; '.join(labels)})." for what, labels in groups.items())


def markdown_table(
    summary: Summary, columns: Sequence[str] = MAIN_COLUMNS, methods: Sequence[str] | None = None
) -> str:
    """Return the table as Markdown; a README and `report.md` show the same.

    Args:
        summary: The figures.
        columns: Names out of `COLUMNS`, in the order wanted.
        methods: Names of the methods to show, in the order wanted; None for all, in the order of the summary.

    Raises:
        EvaluationError: If there is no such column or method.
    """
    shown = columns_named(columns)
    written = ([column.write(row) for column in shown] for row in _rows(summary, methods))
    rows = [
        [cell(text) if name == "method" else text for name, text in zip(columns, row, strict=True)] for row in written
    ]
    aligned = ["---" if name == "method" else "---:" for name in columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in ([c.header for c in shown], aligned, *rows))


def cell(text: str) -> str:
    """Keep a text from ending a Markdown cell, or from being read as marks or as HTML."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]|<>&])", r"\\\1", flat)


def _rows(summary: Summary, methods: Sequence[str] | None) -> list[MethodFigures]:
    known = {row["method"]: row for row in summary["methods"]}
    for name in methods or ():
        if name not in known:
            msg = f"the summary has no method {name!r}; it has {', '.join(known)}"
            raise EvaluationError(msg)
    return list(known.values()) if methods is None else [known[name] for name in methods]
