"""Curves of an experiment with their intervals: as bands, or as bars if there are many curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import Point, Summary
from lightrouter_graph.evaluation.report.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS = "LightRouter"
"""Series with this prefix have the accent colour."""

_MAX_BANDS = 3

SEPARATOR = " / "
"""Curves named `title / series` with the same title share a plot. A title with "quality" is in percent."""


def groups(summary: Summary) -> dict[str, dict[str, list[Point]]]:
    """Return the curves by title and series; "" is the series of a curve without one."""
    found: dict[str, dict[str, list[Point]]] = {}
    for name, points in summary.get("curves", {}).items():
        title, _, series = name.partition(SEPARATOR)
        if points:
            found.setdefault(title, {})[series] = points
    return found


def draw_curves(title: str, curves: Mapping[str, Sequence[Point]]) -> "Figure":
    """Return the plot of the curves with one title, by series."""
    figure = style.new_figure(8.2, 5.0)
    axes = figure.add_subplot()
    _draw_axis(axes, [point for points in curves.values() for point in points])
    ours_first = sorted(curves.items(), key=lambda curve: not curve[0].startswith(OURS))
    for number, (series, points) in enumerate(ours_first):
        colour, marker = style.SERIES[number % len(style.SERIES)], style.MARKERS[number % len(style.MARKERS)]
        x = [point["x"] for point in points]
        value, low, high = ([point["y"][end] for point in points] for end in ("value", "low", "high"))
        if len(curves) <= _MAX_BANDS:
            axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
        else:
            axes.vlines(x, low, high, color=colour, alpha=0.35, linewidth=1.2)
        axes.plot(x, value, color=colour, marker=marker, markersize=5, linewidth=1.6, label=series or None)
    axes.set_title(title, pad=10)
    if "quality" in title.lower():
        style.percent_axis(axes)
    if any(curves):
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _draw_axis(axes: "Axes", points: Sequence[Point]) -> None:
    """Place the ticks of the x axis at the points, with their own labels if they are few."""
    values = sorted({point["x"] for point in points})
    style.number_axis(axes, log=style.wants_log(values))
    labels, unit = _labels(points)
    axes.set_xlabel(unit)
    if len(values) <= 9:
        axes.minorticks_off()
        axes.set_xticks(values, [labels[value] for value in values])
        if sum(len(label) for label in labels.values()) > 40:
            axes.tick_params(axis="x", labelrotation=25)


def _labels(points: Sequence[Point]) -> tuple[dict[float, str], str]:
    """Return the tick label of each x, and the unit if every label is its x and the same unit."""
    numbers = {point["x"]: f"{point['x']:,.10g}" for point in points}
    units = {point["label"].removeprefix(numbers[point["x"]]).strip() for point in points}
    if len(units) == 1 and all(point["label"].startswith(numbers[point["x"]]) for point in points):
        return numbers, units.pop()
    return {point["x"]: point["label"] or numbers[point["x"]] for point in points}, ""
