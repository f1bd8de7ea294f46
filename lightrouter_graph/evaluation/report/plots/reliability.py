"""Reliability diagrams: share of right answers by confidence."""

from math import ceil
from textwrap import fill
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import Calibration, MethodStats, Summary
from lightrouter_graph.evaluation.report.formatting import label
from lightrouter_graph.evaluation.report.method_families import Kind, kinds, of_kind
from lightrouter_graph.evaluation.report.plots.style import COLOURS, FAINT, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_PANELS = 12
"""Maximum number of panels; the calibration table has all methods."""
_COLUMNS = 4


def calibrated(summary: Summary) -> list[MethodStats]:
    """Return the methods with a confidence, LightRouter first."""
    return [row for row in of_kind(summary, "lightrouter") + of_kind(summary, "rival", "single") if row["calibration"]]


def draw_reliability(summary: Summary) -> "Figure | None":
    """Return one panel per method with a confidence; None if there is none."""
    shown = [(row, row["calibration"]) for row in calibrated(summary)[:MAX_PANELS]]
    if not shown:
        return None
    columns = min(_COLUMNS, len(shown))
    lines = ceil(len(shown) / columns)
    figure = new_figure(max(5.0, 2.9 * columns), 3.05 * lines + 0.6)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    by_name = kinds(summary)
    for axes, (row, calibration) in zip(grid.flat, shown, strict=False):
        if calibration is not None:
            _draw_panel(axes, label(row), calibration, by_name[row["method"]])
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_visible(False)
    figure.suptitle("Calibration of the confidence", x=0.01, ha="left", weight="bold", size=12)
    figure.supxlabel("confidence of the method, %", size=10)
    figure.supylabel("share right, %", size=10)
    return figure


def _draw_panel(axes: "Axes", title: str, calibration: Calibration, kind: Kind) -> None:
    bins = [one for one in calibration["bins"] if one["count"]]
    x, y = [one["confidence"] for one in bins], [one["right"] for one in bins]
    largest = max((one["count"] for one in bins), default=1)
    sizes = [14 + 110 * one["count"] / largest for one in bins]
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.vlines(x, x, y, color=(COLOURS[kind], 0.4), linewidth=1.2)
    axes.plot(x, y, color=COLOURS[kind], linewidth=1.2)
    axes.scatter(x, y, s=sizes, color=COLOURS[kind], zorder=3, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.set_xticklabels(("0", "50", "100"))
    axes.set_yticklabels(("0", "50", "100"))
    axes.set_title(fill(title, 30), size=9, color=COLOURS[kind] if kind == "lightrouter" else INK, pad=6)
    note = f"ECE {calibration['ece']['value']:.3f}\nn = {calibration['count']:,}"
    axes.text(0.97, 0.05, note, ha="right", va="bottom", size=8, transform=axes.transAxes)
