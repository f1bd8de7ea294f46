"""Curves of an experiment, each with its interval: as a band, or as bars where bands would hide one another."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.records import Point, Summary
from lightrouter_graph.evaluation.report.plots.style import (
    MARKERS,
    SERIES,
    new_figure,
    number_axis,
    percent_axis,
    wants_log,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS = "LightRouter"
"""A series of that name is drawn in the accent colour."""

_MOST_BANDS = 3

SEPARATOR = " / "
"""Curves named `title / series` with the same title share one picture, any other has one of its own; those of
quality are in percent."""


def groups(summary: Summary) -> dict[str, dict[str, list[Point]]]:
    """Gather the curves by title: for each title the points of each series, "" for a curve without one."""
    found: dict[str, dict[str, list[Point]]] = {}
    for name, points in summary.get("curves", {}).items():
        title, _, series = name.partition(SEPARATOR)
        if points:
            found.setdefault(title, {})[series] = points
    return found


def draw_curves(title: str, curves: Mapping[str, Sequence[Point]]) -> "Figure":
    """Draw the curves of one title.

    Args:
        title: The picture's.
        curves: Points in order, by series.
    """
    figure = new_figure(8.2, 5.0)
    axes = figure.add_subplot()
    _draw_axis(axes, [point for points in curves.values() for point in points])
    ours_first = sorted(curves.items(), key=lambda curve: not curve[0].startswith(OURS))
    for number, (series, points) in enumerate(ours_first):
        _draw_one(axes, series, points, number, banded=len(curves) <= _MOST_BANDS)
    axes.set_title(title, pad=10)
    if "quality" in title.lower():
        percent_axis(axes)
    if any(curves):
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _draw_one(axes: "Axes", series: str, points: Sequence[Point], number: int, *, banded: bool) -> None:
    colour, marker = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
    x = [point["x"] for point in points]
    low, high = [point["y"]["low"] for point in points], [point["y"]["high"] for point in points]
    if banded:
        axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    else:
        axes.vlines(x, low, high, color=colour, alpha=0.35, linewidth=1.2)
    middle = [point["y"]["value"] for point in points]
    axes.plot(x, middle, color=colour, marker=marker, markersize=5, linewidth=1.6, label=series or None)


def _draw_axis(axes: "Axes", points: Sequence[Point]) -> None:
    """Mark the x axis where points lie, with their own labels where they are few."""
    values = sorted({point["x"] for point in points})
    number_axis(axes, log=wants_log(values))
    labels, unit = _labels(points)
    axes.set_xlabel(unit)
    if len(values) <= 9:
        axes.minorticks_off()
        axes.set_xticks(values, [labels[value] for value in values])
        if sum(len(label) for label in labels.values()) > 40:
            axes.tick_params(axis="x", labelrotation=25)


def _labels(points: Sequence[Point]) -> tuple[dict[float, str], str]:
    """Return what to write at each x, and under the axis the unit, where every label is its x and the same unit."""
    numbers = {point["x"]: f"{point['x']:,.10g}" for point in points}
    units = {point["label"].removeprefix(numbers[point["x"]]).strip() for point in points}
    same = len(units) == 1 and all(point["label"].startswith(numbers[point["x"]]) for point in points)
    if same:
        return numbers, units.pop()
    return {point["x"]: point["label"] or numbers[point["x"]] for point in points}, ""
