"""Heat map of quality by method and category."""

from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.optional_dependencies import need
from lightrouter_graph.evaluation.records import MethodStats, Summary
from lightrouter_graph.evaluation.report.method_families import kinds
from lightrouter_graph.evaluation.report.plots.style import CELL_INK, FAINT, PAPER, method_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OVERALL = "all"


def categories(summary: Summary) -> list[str]:
    """Return the categories of a run in alphabetical order."""
    return sorted({name for row in summary["methods"] for name in row["by_category"]})


def _quality_in(row: MethodStats, category: str) -> float | None:
    """Return the mean quality of a method in a category, or in all of them; None if there is none."""
    interval = row["quality"] if category == OVERALL else row["by_category"].get(category)
    return None if interval is None else interval["value"]


def best_in(summary: Summary, category: str) -> float | None:
    """Return the best quality in a category without upper bounds; None if there is none."""
    by_name = kinds(summary)
    rows = [row for row in summary["methods"] if by_name[row["method"]] != "bound"]
    return max((value for row in rows if (value := _quality_in(row, category)) is not None), default=None)


def draw_categories(summary: Summary) -> "Figure | None":
    """Return the heat map, with the best method of each category framed; None with less than two categories."""
    if len(categories(summary)) < 2:
        return None
    names, rows = [OVERALL, *categories(summary)], summary["methods"]
    figure = new_figure(3.6 + 0.62 * len(names), 1.7 + 0.27 * len(rows))
    axes = figure.add_subplot()
    axes.set(xlim=(0, len(names) + 0.25), ylim=(len(rows), 0))
    _draw_cells(axes, summary, names)
    method_axis(axes, rows, summary, offset=0.5)
    positions = [index + (0.75 if index else 0.5) for index in range(len(names))]
    axes.set_xticks(positions, [shorten(name, 24, placeholder="...") for name in names], size=9)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, top=False, bottom=False)
    for tick in axes.get_xticklabels():
        tick.set(rotation=35, ha="left", rotation_mode="anchor")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title("Quality by category, in percent (framed: best method)", pad=12, loc="left")
    return figure


def _draw_cells(axes: "Axes", summary: Summary, names: Sequence[str]) -> None:
    rectangle = need("matplotlib.patches", extra="eval", what="a plot").Rectangle
    colours = need("matplotlib.colors", extra="eval", what="a plot").LinearSegmentedColormap.from_list(
        "paper to blue", ["#f6f8fb", "#b9d5e9", "#6aaed6"]
    )
    rows, by_name = summary["methods"], kinds(summary)
    known = [value for row in rows for name in names if (value := _quality_in(row, name)) is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    for column, name in enumerate(names):
        left, best = column + (0.25 if column else 0.0), best_in(summary, name)
        for line, row in enumerate(rows):
            value = _quality_in(row, name)
            if value is None:
                axes.text(left + 0.5, line + 0.5, "-", ha="center", va="center", size=8, color=FAINT)
                continue
            share = (value - low) / (high - low) if high > low else 0.5
            axes.add_patch(rectangle((left, line), 1, 1, facecolor=colours(share), edgecolor=PAPER, linewidth=0.8))
            leads = value == best and by_name[row["method"]] != "bound"
            text = axes.text(left + 0.5, line + 0.52, f"{100 * value:.0f}", ha="center", va="center", size=8)
            text.set(weight="bold" if leads else "normal", color=CELL_INK)
            if leads:
                axes.add_patch(rectangle((left + 0.05, line + 0.07), 0.9, 0.86, fill=False, ec=CELL_INK, linewidth=1.3))
