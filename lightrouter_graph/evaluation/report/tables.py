"""The main table of a run: for the terminal, for Markdown, and the columns of either."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.records import MethodFigures, Summary
from lightrouter_graph.evaluation.report.formatting import (
    DAGGER,
    label,
    number,
    percent,
    points,
    two_percentiles,
)
from lightrouter_graph.evaluation.report.method_families import Kind, against_best_single, kinds

if TYPE_CHECKING:
    from rich.table import Table

MAIN_COLUMNS = ("method", "quality", "against_best", "output_tokens", "usd", "calls", "seconds")
"""What the main table shows unless one asks for other columns."""

PAGE_WIDTH = 132
"""Characters of a line where no terminal says how many there are."""

LEAST_METHOD = 22
"""The column of methods is never narrower; longer labels are folded."""

_ALWAYS = ("method", "quality", "against_best")
_AND = "; "  # between the things that stand in within one method
_GAP = 2  # one character of padding, and one of the box

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


def table(summary: Summary, width: int | None = None) -> "Table":
    """Return the main table for a terminal, LightRouter's lines in bold, bounds in italics; no number is ever cut.

    The method, its quality and the difference to the best single candidate are always there. Then come USD (output
    tokens where no price is known), output tokens, calls and seconds, as far as they fit beside a method of 22
    characters. Where not even the first three fit, intervals stand below their figures; a terminal narrower than that
    breaks the lines itself (print with `crop=False`).

    Args:
        summary: The figures, in the order in which they are to be shown.
        width: Characters of a line; None for the 132 of a page.
    """
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - the report of a run that prints nothing does without
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    written, first = _fitted(summary, width or PAGE_WIDTH)
    shown = Table(
        title=Text(summary["facts"]["title"]),
        caption=Text(f"\n{caption(summary)}"),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        width=_total(written, first),
    )
    for name, texts in written.items():
        is_method = name == "method"
        wide = first if is_method else _wide(texts)
        shown.add_column(texts[0], justify="left" if is_method else "right", width=wide, overflow="fold")
    sorts = kinds(summary)
    for place, row in enumerate(summary["methods"], 1):
        shown.add_row(*(Text(texts[place]) for texts in written.values()), style=_STYLES[sorts[row["method"]]])
    return shown


def _fitted(summary: Summary, width: int) -> tuple[dict[str, list[str]], int]:
    """Return what stands in each column that fits, heading first, and how wide the column of methods is."""
    priced = any(row["usd"] is not None for row in summary["methods"])
    further = ["usd", "output_tokens", "calls", "seconds"] if priced else ["output_tokens", "calls", "seconds"]
    everything = {name: _written(summary, name) for name in (*_ALWAYS, *further)}
    if _total({name: everything[name] for name in _ALWAYS}, LEAST_METHOD) > width:
        everything |= {name: _stacked(everything[name]) for name in ("quality", "against_best")}
    shown = list(_ALWAYS)
    for name in further:
        if _total({n: everything[n] for n in (*shown, name)}, LEAST_METHOD) > width:
            break
        shown.append(name)
    written = {name: everything[name] for name in MAIN_COLUMNS if name in shown}
    room = width - _total(written, 0)
    return written, max(LEAST_METHOD, min(room, _wide(written["method"])))


def _written(summary: Summary, name: str) -> list[str]:
    header = COLUMNS[name].header.replace("/1", "/\n1").replace("out ", "out\n")
    return [header, *(COLUMNS[name].write(row) for row in summary["methods"])]


def _stacked(texts: Sequence[str]) -> list[str]:
    return [text.replace(" [", "\n[").replace("best single", "best\nsingle") for text in texts]


def _wide(texts: Sequence[str]) -> int:
    from rich.cells import cell_len  # noqa: PLC0415 - as above

    return max(cell_len(line) for text in texts for line in text.split("\n"))


def _total(written: Mapping[str, Sequence[str]], first: int) -> int:
    """Return how many characters wide a table of those columns is, with so many for the methods."""
    gaps = _GAP * (len(written) - 1)
    return gaps + sum(first if name == "method" else _wide(texts) for name, texts in written.items())


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
    """Say once what each thing that the dagger stands for is, and of whom it holds; "" where nothing stands in."""
    marked = [row for row in summary["methods"] if row["stand_in"]]
    meanings = dict.fromkeys(what for row in marked for what in row["stand_in"].split(_AND))
    said = [f"{what}{_holds_of(what, marked)}" for what in meanings]
    return f"{DAGGER} {'; '.join(said)}." if said else ""


def _holds_of(what: str, marked: Sequence[MethodFigures]) -> str:
    """Name the method where it is only one, count them where they are not all."""
    labels = [row["label"] for row in marked if what in row["stand_in"].split(_AND)]
    if len(labels) == len(marked):
        return ""
    return f" ({labels[0]})" if len(labels) == 1 else f" ({len(labels)} methods)"


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
