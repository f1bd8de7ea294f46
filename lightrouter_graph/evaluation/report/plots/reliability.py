"""Reliability diagrams: how often a method is right when it says how sure it is."""

from math import ceil
from textwrap import fill
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import Calibration, MethodFigures, Summary
from lightrouter_graph.evaluation.report.formatting import label
from lightrouter_graph.evaluation.report.method_families import Kind, kinds, of_kind
from lightrouter_graph.evaluation.report.plots.style import COLOURS, FAINT, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 12
"""Panels in a picture at most; the table of calibration has them all."""
_ACROSS = 4


def calibrated(summary: Summary) -> list[MethodFigures]:
    """Return the methods that say how sure they are, LightRouter's first."""
    return [row for row in of_kind(summary, "lightrouter") + of_kind(summary, "rival", "single") if row["calibration"]]


def draw_reliability(summary: Summary) -> "Figure | None":
    """Draw one small panel per method, the first dozen of them; None where no method says how sure it is."""
    shown = calibrated(summary)[:MOST]
    if not shown:
        return None
    across = min(_ACROSS, len(shown))
    down = ceil(len(shown) / across)
    figure = new_figure(max(5.0, 2.9 * across), 3.05 * down + 0.6)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    sorts = kinds(summary)
    for axes, row in zip(grid.flat, shown, strict=False):
        _draw_panel(axes, row, sorts[row["method"]])
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_visible(False)
    figure.suptitle("How far confidence can be believed", x=0.01, ha="left", weight="bold", size=12)
    figure.supxlabel("confidence of the method, %", size=10)
    figure.supylabel("share right, %", size=10)
    return figure


def _draw_panel(axes: "Axes", row: MethodFigures, kind: Kind) -> None:
    calibration = row["calibration"]
    assert calibration is not None
    bins = [one for one in calibration["bins"] if one["count"]]
    x, y = [one["confidence"] for one in bins], [one["right"] for one in bins]
    most = max((one["count"] for one in bins), default=1)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.vlines(x, x, y, color=(COLOURS[kind], 0.4), linewidth=1.2)
    axes.plot(x, y, color=COLOURS[kind], linewidth=1.2)
    axes.scatter(x, y, s=[14 + 110 * one["count"] / most for one in bins], color=COLOURS[kind], zorder=3, clip_on=False)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.set_xticklabels(("0", "50", "100"))
    axes.set_yticklabels(("0", "50", "100"))
    axes.set_title(fill(label(row), 30), size=9, color=COLOURS[kind] if kind == "lightrouter" else INK, pad=6)
    axes.text(0.97, 0.05, _fine_print(calibration), ha="right", va="bottom", size=8, transform=axes.transAxes)


def _fine_print(calibration: Calibration) -> str:
    return f"ECE {calibration['ece']['value']:.3f}\nn = {calibration['count']:,}"
