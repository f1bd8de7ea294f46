"""Latency bars: the median and the 95th percentile of the time to the end of an answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import MethodFigures, Summary
from lightrouter_graph.evaluation.report.formatting import label, seconds
from lightrouter_graph.evaluation.report.method_families import Kind, kinds
from lightrouter_graph.evaluation.report.plots.style import COLOURS, INK, PAPER, new_figure, number_axis, wants_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_latency(summary: Summary) -> "Figure | None":
    """Draw the seconds of each method, quickest first; None where none was timed."""
    rows = [row for row in summary["methods"] if row["seconds_p50"] is not None and row["seconds_p95"] is not None]
    if not rows:
        return None
    rows.sort(key=lambda row: _at(row, "seconds_p50"))
    figure = new_figure(9.5, 1.6 + 0.27 * len(rows))
    axes = figure.add_subplot()
    sorts = kinds(summary)
    for place, row in enumerate(rows):
        _draw_bar(axes, place, row, sorts[row["method"]])
    _draw_axes(axes, rows, sorts)
    how = "simulated" if summary["facts"]["mode"] == "replay" else "measured"
    axes.set_title(f"Seconds to the end of the answer ({how})", pad=26)
    _draw_key(axes)
    return figure


def _at(row: MethodFigures, which: str) -> float:
    interval = row[which]  # type: ignore[literal-required]
    return 0.0 if interval is None else float(interval["value"])


def _draw_bar(axes: "Axes", place: int, row: MethodFigures, kind: Kind) -> None:
    p50, p95, colour = _at(row, "seconds_p50"), _at(row, "seconds_p95"), COLOURS[kind]
    axes.plot([p50, p95], [place, place], color=(colour, 0.35), linewidth=5, solid_capstyle="butt", zorder=2)
    axes.plot(p50, place, marker="o", markersize=7, color=colour, markerfacecolor=_fill(kind), zorder=3)
    axes.plot(p95, place, marker="|", markersize=9, color=colour, markeredgewidth=2, zorder=3)
    words = f"{seconds(row['seconds_p50'])} / {seconds(row['seconds_p95'])}"
    axes.annotate(words, (p95, place), xytext=(7, 0), textcoords="offset points", va="center", size=8, color=INK)


def _fill(kind: Kind) -> str:
    return PAPER if kind == "bound" else COLOURS[kind]


def _draw_axes(axes: "Axes", rows: Sequence[MethodFigures], sorts: dict[str, Kind]) -> None:
    ends = [_at(row, which) for row in rows for which in ("seconds_p50", "seconds_p95")]
    log = wants_log(ends)
    number_axis(axes, log=log)
    axes.set_xlim(min(ends) / 1.3 if log else 0, max(ends) * (1.6 if log else 1.18) or 1.0)
    axes.set_ylim(len(rows) - 0.3, -0.7)
    axes.set_yticks(range(len(rows)), [label(row) for row in rows], size=9)
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        ours = sorts[row["method"]] == "lightrouter"
        tick.set(color=COLOURS["lightrouter"] if ours else INK, weight="bold" if ours else "normal")
    axes.set_xlabel("seconds" + (" (logarithmic)" if log else ""))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _draw_key(axes: "Axes") -> None:
    axes.plot([], [], marker="o", linestyle="", color=INK, markersize=7, label="median")
    axes.plot([], [], marker="|", linestyle="", color=INK, markersize=9, markeredgewidth=2, label="95th percentile")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2, handletextpad=0.3)
