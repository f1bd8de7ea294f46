"""Where the names of points go: beside them, never over another name or another point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, pi, sin
from typing import TYPE_CHECKING

from lightrouter_graph.evaluation.report.plots.style import FAINT, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

_TURNS = 24
_RINGS = 60
_STEP = 5.0
_GAP = 2.0
_SIDE = 2.0
"""What it counts, in pixels, that a name stands above or below its point instead of right of it; twice that at left."""
_LEADER = 10.0
"""A name further than so many pixels from its point gets a line to it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box") -> bool:
        """Whether two rectangles share more than an edge."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.top <= other.bottom or other.top <= self.bottom)

    def within(self, other: "Box") -> bool:
        """Whether it lies inside the other."""
        sides = self.left >= other.left and self.right <= other.right
        return sides and self.bottom >= other.bottom and self.top <= other.top

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Return the point of the rectangle nearest to another point."""
        return min(max(x, self.left), self.right), min(max(y, self.bottom), self.top)

    def crossed_by(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        """Whether a straight line runs through it; told by samples of the line two pixels apart."""
        steps = max(1, int(hypot(end[0] - start[0], end[1] - start[1]) / 2))
        shares = (i / steps for i in range(steps + 1))
        along = ((start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t) for t in shares)
        return any(self.left < x < self.right and self.bottom < y < self.top for x, y in along)


def place(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    room: Box,
    taken: Sequence[Box] = (),
    avoided: Sequence[Box] = (),
) -> list[Box]:
    """Find a place for the name of each point, the first come first.

    Places are tried around the point, ever further away. A name never covers another name, a point or what is taken,
    and stays in the room, as long as there is such a place at all; among the near ones the place is taken whose line
    to its point crosses nothing and which covers the least of what is to be avoided.

    Args:
        points: Pixels.
        sizes: Width and height of each name, in pixels.
        room: What the names must stay in.
        taken: What no name may cover.
        avoided: What names should rather not cover.

    Returns:
        One rectangle per point, in the order of the points.
    """
    placed: list[Box] = []
    lines: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        box = Box(x, y, x + width, y + height)
        least = float("inf")
        for cost, near in _places(x, y, width, height):
            if cost >= least + 2 * _SIDE:
                break
            if near.within(room) and not any(near.overlaps(other) for other in (*taken, *placed)):
                cost += _trouble(near, (x, y), placed, lines, avoided)  # noqa: PLW2901
                least, box = (cost, near) if cost < least else (least, box)
        placed.append(box)
        lines.append(((x, y), box.nearest(x, y)))
    return placed


def _places(x: float, y: float, width: float, height: float) -> Iterator[tuple[float, Box]]:
    """Yield places around a point with how bad they are by themselves: far, and not at the right side."""
    for ring in range(_RINGS):
        away = 7 + ring * _STEP
        for turn in range(_TURNS):
            angle = 2 * pi * turn / _TURNS
            left = x + away * cos(angle) - (width / 2) * (1 - _pull(cos(angle)))
            bottom = y + away * sin(angle) - height / 2
            yield away + _SIDE * (1 - cos(angle)), Box(left, bottom, left + width, bottom + height)


def _pull(side: float) -> float:
    """Say how far a name stands out from its point sideways: 1 right of it, -1 left of it, between above and below."""
    return max(-1.0, min(1.0, 1.6 * side))


def _trouble(
    box: Box,
    point: tuple[float, float],
    placed: Sequence[Box],
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]],
    avoided: Sequence[Box],
) -> float:
    end = box.nearest(*point)
    through = sum(other.crossed_by(point, end) for other in placed) + sum(box.crossed_by(*line) for line in lines)
    return 60.0 * through + 12.0 * sum(box.overlaps(other) for other in avoided)


def write_names(
    axes: "Axes",
    names: Sequence[str],
    points: Sequence[tuple[float, float]],
    colours: Sequence[str],
    weights: Sequence[str],
    bars: Sequence[tuple[float, float]],
    steps: Sequence[tuple[float, float]] = (),
) -> list["Annotation"]:
    """Write a name beside each point of a finished plot.

    Args:
        axes: The plot; its limits must be final and its figure laid out.
        names: What to write.
        points: Where the points are, in the plot's own units.
        colours: Of the words.
        weights: Of the words, "bold" or "normal".
        bars: Low and high end of each point's error bar, in the plot's own units, rather not to be covered.
        steps: Corners of a stepped line, in the plot's own units, rather not to be covered either.
    """
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    halo = [withStroke(linewidth=2.5, foreground=PAPER)]
    texts = [
        axes.annotate(name, point, xytext=(0, 0), textcoords="offset points", color=colour, weight=weight, fontsize=8.5, path_effects=halo, zorder=5)
        for name, point, colour, weight in zip(names, points, colours, weights, strict=True)
    ]
    pixels = [tuple(float(c) for c in axes.transData.transform(point)) for point in points]
    extents = [text.get_window_extent() for text in texts]
    sizes = [(extent.width + 2 * _GAP, extent.height + _GAP) for extent in extents]
    frame = axes.get_window_extent()
    room = Box(frame.x0 + _GAP, frame.y0 + _GAP, frame.x1 - _GAP, frame.y1 - _GAP)
    marks = [Box(x - 6, y - 6, x + 6, y + 6) for x, y in pixels]
    stems = [_thin(axes, (x, low), (x, high)) for (x, _), (low, high) in zip(points, bars, strict=True)]
    stairs = [_thin(axes, start, end) for start, end in pairwise(steps)]
    scale = 72 / axes.figure.dpi  # points stay what they are when a picture is printed finer than it was laid out
    boxes = place([(x, y) for x, y in pixels], sizes, room, marks, stems + stairs)
    for text, (x, y), box, extent in zip(texts, pixels, boxes, extents, strict=True):
        down = y - extent.y0  # of the words below their own base line
        text.set_position(((box.left + _GAP - x) * scale, (box.bottom + _GAP / 2 - y + down) * scale))
        _lead(axes, (x, y), box)
    return texts


def _thin(axes: "Axes", start: tuple[float, float], end: tuple[float, float]) -> Box:
    (x, y), (other_x, other_y) = axes.transData.transform([start, end])
    return Box(min(x, other_x) - 2, min(y, other_y) - 2, max(x, other_x) + 2, max(y, other_y) + 2)


def _lead(axes: "Axes", point: tuple[float, float], box: Box) -> None:
    end = box.nearest(*point)
    if hypot(end[0] - point[0], end[1] - point[1]) > _LEADER:
        back = axes.transData.inverted()
        xs, ys = zip(*(back.transform(p) for p in (point, end)), strict=True)
        axes.plot(xs, ys, color=FAINT, linewidth=0.5, zorder=1.5)
