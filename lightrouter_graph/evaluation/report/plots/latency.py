"""Latency plot: median and 95th percentile of the seconds to the end of an answer."""

from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import Interval, Summary
from lightrouter_graph.evaluation.report.formatting import seconds
from lightrouter_graph.evaluation.report.method_families import kinds
from lightrouter_graph.evaluation.report.plots import style
from lightrouter_graph.evaluation.report.plots.style import COLOURS, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_latency(summary: Summary) -> "Figure | None":
    """Return the latency of each method, fastest first; None without times."""
    rows = summary["methods"]
    timed = [(p50, p95, row) for row in rows if (p50 := row["seconds_p50"]) and (p95 := row["seconds_p95"])]
    if not timed:
        return None
    timed.sort(key=lambda one: one[0]["value"])
    figure = style.new_figure(9.5, 1.6 + 0.27 * len(timed))
    axes, by_name = figure.add_subplot(), kinds(summary)
    for line, (p50, p95, row) in enumerate(timed):
        kind = by_name[row["method"]]
        _draw_bar(axes, line, p50, p95, COLOURS[kind], PAPER if kind == "bound" else COLOURS[kind])
    ends = [one["value"] for p50, p95, _ in timed for one in (p50, p95)]
    log = style.wants_log(ends)
    style.number_axis(axes, log=log)
    axes.set_xlim(min(ends) / 1.3 if log else 0, max(ends) * (1.6 if log else 1.18) or 1.0)
    axes.set_ylim(len(timed) - 0.3, -0.7)
    style.method_axis(axes, [row for _, _, row in timed], summary)
    axes.set_xlabel("seconds" + (" (logarithmic)" if log else ""))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    how = "simulated" if summary["facts"]["mode"] == "replay" else "measured"
    axes.set_title(f"Seconds to the end of the answer ({how})", pad=26)
    axes.plot([], [], marker="o", linestyle="", color=INK, markersize=7, label="median")
    axes.plot([], [], marker="|", linestyle="", color=INK, markersize=9, markeredgewidth=2, label="95th percentile")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2, borderaxespad=0.2, handletextpad=0.3)
    return figure


def _draw_bar(axes: "Axes", line: int, p50: Interval, p95: Interval, colour: str, fill: str) -> None:  # noqa: PLR0917
    axes.plot([p50["value"], p95["value"]], [line, line], color=(colour, 0.35), linewidth=5, solid_capstyle="butt")
    axes.plot(p50["value"], line, marker="o", markersize=7, color=colour, markerfacecolor=fill, zorder=3)
    axes.plot(p95["value"], line, marker="|", markersize=9, color=colour, markeredgewidth=2, zorder=3)
    text, at = f"{seconds(p50)} / {seconds(p95)}", (p95["value"], line)
    axes.annotate(text, at, xytext=(7, 0), textcoords="offset points", va="center", size=8, color=INK)
