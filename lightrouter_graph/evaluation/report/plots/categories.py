"""A heat map of quality: methods down, categories across."""

from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import MethodFigures, Summary
from lightrouter_graph.evaluation.report.formatting import label
from lightrouter_graph.evaluation.report.method_families import Kind, kinds
from lightrouter_graph.evaluation.report.plots.style import CELL_INK, COLOURS, FAINT, INK, PAPER, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

OVERALL = "all"


def categories(summary: Summary) -> list[str]:
    """Return the categories of a run in order of the alphabet."""
    return sorted({name for row in summary["methods"] for name in row["by_category"]})


def quality_in(row: MethodFigures, category: str) -> float | None:
    """Return a method's mean quality in a category, or in all; None where it has none."""
    interval = row["quality"] if category == OVERALL else row["by_category"].get(category)
    return None if interval is None else interval["value"]


def best_in(summary: Summary, category: str) -> float | None:
    """Return the best quality in a category of those that can be run; None where there is none."""
    sorts = kinds(summary)
    rows = [row for row in summary["methods"] if sorts[row["method"]] != "bound"]
    return max((value for row in rows if (value := quality_in(row, category)) is not None), default=None)


def draw_categories(summary: Summary) -> "Figure | None":
    """Draw quality by category, the best of those that can be run framed; None with fewer than two categories."""
    names = categories(summary)
    if len(names) < 2:
        return None
    rows = summary["methods"]
    figure = new_figure(3.6 + 0.62 * (len(names) + 1), 1.7 + 0.27 * len(rows))
    axes = figure.add_subplot()
    _draw_cells(axes, summary, [OVERALL, *names])
    _draw_names(axes, rows, kinds(summary), [OVERALL, *names])
    axes.set_title("Quality by category, in percent (framed: the best that can be run)", pad=12, loc="left")
    return figure


def _draw_cells(axes: "Axes", summary: Summary, names: Sequence[str]) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    rows = summary["methods"]
    known = [value for row in rows for name in names if (value := quality_in(row, name)) is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    colours, sorts = _colours(), kinds(summary)
    for across, name in enumerate(names):
        left, best = across + (0.25 if across else 0.0), best_in(summary, name)
        for down, row in enumerate(rows):
            value = quality_in(row, name)
            if value is None:
                axes.text(left + 0.5, down + 0.5, "-", ha="center", va="center", size=8, color=FAINT)
                continue
            share = (value - low) / (high - low) if high > low else 0.5
            axes.add_patch(Rectangle((left, down), 1, 1, facecolor=colours(share), edgecolor=PAPER, linewidth=0.8))
            leads = value == best and sorts[row["method"]] != "bound"
            weight = "bold" if leads else "normal"
            written = axes.text(left + 0.5, down + 0.52, f"{100 * value:.0f}", ha="center", va="center", size=8)
            written.set(weight=weight, color=CELL_INK)
            if leads:
                axes.add_patch(Rectangle((left + 0.05, down + 0.07), 0.9, 0.86, fill=False, ec=CELL_INK, linewidth=1.3))


def _colours() -> "Colormap":
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    return LinearSegmentedColormap.from_list("paper to blue", ["#f6f8fb", "#b9d5e9", "#6aaed6"])


def _draw_names(axes: "Axes", rows: Sequence[MethodFigures], sorts: dict[str, Kind], names: Sequence[str]) -> None:
    axes.set(xlim=(0, len(names) + 0.25), ylim=(len(rows), 0))
    axes.set_yticks([place + 0.5 for place in range(len(rows))], [label(row) for row in rows], size=9)
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        kind = sorts[row["method"]]
        tick.set(
            color=COLOURS[kind] if kind == "lightrouter" else INK,
            weight="bold" if kind == "lightrouter" else "normal",
            style="italic" if kind == "bound" else "normal",
        )
    places = [place + (0.75 if place else 0.5) for place in range(len(names))]
    axes.set_xticks(places, [shorten(name, 24, placeholder="...") for name in names], size=9)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, top=False, bottom=False)
    for tick in axes.get_xticklabels():
        tick.set(rotation=35, ha="left", rotation_mode="anchor")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
