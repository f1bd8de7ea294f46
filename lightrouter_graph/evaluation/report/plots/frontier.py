"""Frontier plot: quality and cost of every method, with labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any, Literal

from lightrouter_graph.errors import EvaluationError, checked_choices
from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.records import Interval, Summary
from lightrouter_graph.evaluation.report.formatting import label
from lightrouter_graph.evaluation.report.method_families import Kind, kinds
from lightrouter_graph.evaluation.report.plots import style
from lightrouter_graph.evaluation.report.plots.style import COLOURS, FAINT, INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cost = Literal["usd", "output_tokens"]

_AXES: dict[Cost, str] = {"usd": "USD per 1,000 questions", "output_tokens": "output tokens per question"}
_LEGEND: dict[str, Any] = {
    "loc": "lower left",
    "bbox_to_anchor": (-0.01, 1.0),
    "ncols": 5,
    "borderaxespad": 0.2,
    "handletextpad": 0.4,
}
_FRONTIER = "frontier"
_ORDER: tuple[Kind, ...] = ("lightrouter", "rival", "bound", "single")
"""Order in which the labels are placed."""


@checked_choices(EvaluationError)
@dataclass(frozen=True, slots=True)
class Spot:
    """Cost and quality of one method."""

    name: str
    kind: Kind
    cost: Interval
    quality: Interval

    @property
    def point(self) -> tuple[float, float]:
        """Position of the marker."""
        return self.cost["value"], self.quality["value"]


@checked_choices(EvaluationError)
def spots(summary: Summary, cost: Cost) -> list[Spot]:
    """Return the methods with a known quality and cost."""
    by_name = kinds(summary)
    found = [
        Spot(label(row), by_name[row["method"]], paid, quality)
        for row in summary["methods"]
        if (paid := row[cost]) is not None and (quality := row["quality"]) is not None
    ]
    return sorted(found, key=lambda spot: _ORDER.index(spot.kind))


def pareto(found: Sequence[Spot]) -> list[Spot]:
    """Return the methods without a better one at the same cost or less, lowest cost first; no upper bounds."""
    frontier: list[Spot] = []
    runnable = (spot for spot in found if spot.kind != "bound")
    for spot in sorted(runnable, key=lambda spot: (spot.point[0], -spot.point[1])):
        if not frontier or spot.point[1] > frontier[-1].point[1]:
            frontier.append(spot)
    return frontier


@checked_choices(EvaluationError)
def draw_frontier(summary: Summary, cost: Cost) -> "Figure | None":
    """Return quality against cost with both intervals; None with less than two methods."""
    found = spots(summary, cost)
    if len(found) < 2:
        return None
    figure = style.new_figure(11.5, 7.6 + 0.08 * max(0, len(found) - 25))
    axes = figure.add_subplot()
    _draw_limits(axes, found, cost)
    for kind in _ORDER:
        _draw_kind(axes, [spot for spot in found if spot.kind == kind], kind)
    _draw_pareto(axes, pareto(found))
    axes.set_xlabel("\n".join([axes.get_xlabel(), *_left_out(summary, found)]))
    axes.set_title(shorten(f"Quality and cost: {summary['facts']['title']}", 95), pad=32)
    handles, words = axes.get_legend_handles_labels()
    order = sorted(range(len(words)), key=lambda index: words[index] == _FRONTIER)  # the frontier is last
    axes.legend([handles[i] for i in order], [words[i] for i in order], **_LEGEND)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # labels are placed in pixels: the layout must not change after this
    _write_names(axes, found)
    return figure


def _left_out(summary: Summary, found: Sequence[Spot]) -> list[str]:
    shown = {spot.name for spot in found}
    missing = [label(row) for row in summary["methods"] if label(row) not in shown]
    return wrap(f"without a cost or a quality, so not shown: {'; '.join(missing)}", 110) if missing else []


def _write_names(axes: "Axes", found: Sequence[Spot]) -> None:
    """Label every point; labels cover no point and no other label as long as there is room."""
    effects = need("matplotlib.patheffects", extra="eval", what="a plot")
    x, y = zip(*(spot.point for spot in found), strict=True)
    ours = [spot.kind == "lightrouter" for spot in found]
    need("textalloc", extra="eval", what="a plot").allocate(
        axes,
        x,
        y,
        [spot.name for spot in found],
        x_scatter=x,
        y_scatter=y,
        textsize=8.5,
        margin=0.004,
        min_distance=0.006,
        nbr_candidates=400,
        textcolor=[COLOURS["lightrouter"] if own else INK for own in ours],
        fontweight=["bold" if own else "normal" for own in ours],
        linecolor=FAINT,
        linewidth=0.5,
        avoid_crossing_label_lines=True,
        path_effects=[effects.withStroke(linewidth=2.5, foreground=PAPER)],
        zorder=5,
    )


def _draw_limits(axes: "Axes", found: Sequence[Spot], cost: Cost) -> None:
    costs = [spot.point[0] for spot in found]
    log = style.wants_log(costs)
    style.number_axis(axes, log=log)
    style.percent_axis(axes)
    low, high = min(costs), max(costs)
    axes.set_xlim((low / 1.6, high * 1.9) if log else (low - 0.12 * (high - low), high + 0.2 * (high - low) + 1e-9))
    bottom, top = min(spot.quality["low"] for spot in found), max(spot.quality["high"] for spot in found)
    margin = 0.06 * (top - bottom) + 1e-9
    axes.set_ylim(bottom - margin, top + margin)
    axes.set_xlabel(_AXES[cost] + (" (logarithmic)" if log else ""))
    axes.set_ylabel("quality")


def _draw_kind(axes: "Axes", found: Sequence[Spot], kind: Kind) -> None:
    if not found:
        return
    x, y = [spot.point[0] for spot in found], [spot.point[1] for spot in found]
    axes.errorbar(
        x,
        y,
        xerr=_arms([spot.cost for spot in found]),
        yerr=_arms([spot.quality for spot in found]),
        fmt=style.SHAPES[kind],
        color=COLOURS[kind],
        markersize=8 if kind == "lightrouter" else 6,
        markerfacecolor=PAPER if kind == "bound" else COLOURS[kind],
        markeredgecolor=COLOURS[kind],
        elinewidth=0.9,
        ecolor=(COLOURS[kind], 0.35),
        zorder=4 if kind == "lightrouter" else 3,
        label=style.NAMES[kind],
    )


def _arms(intervals: Sequence[Interval]) -> list[list[float]]:
    low = [max(0.0, i["value"] - i["low"]) for i in intervals]
    return [low, [max(0.0, i["high"] - i["value"]) for i in intervals]]


def _draw_pareto(axes: "Axes", frontier: Sequence[Spot]) -> None:
    if len(frontier) < 2:
        return  # one point has no line
    x, y = zip(*(spot.point for spot in frontier), strict=True)
    axes.step(x, y, where="post", color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=2, label=_FRONTIER)
