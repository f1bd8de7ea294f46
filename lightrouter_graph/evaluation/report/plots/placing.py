"""Where the names of points go: beside them, never over another name or another point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
_MARK = 6.0
_CROSSING = 45.0
_STRANGE = 14.0
_STEM, _STAIRS = 5.0, 14.0
_SIDE = 2.0
"""What it counts, in pixels, that a name stands above or below its point instead of right of it; twice that at left."""
_LEADER = 10.0
"""A name further than so many pixels from its point gets a line to it."""


Spot = tuple[float, float]
"""A place in the plane."""


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

    def nearest(self, x: float, y: float) -> Spot:
        """Return the point of the rectangle nearest to another point."""
        return min(max(x, self.left), self.right), min(max(y, self.bottom), self.top)

    def holds(self, point: Spot) -> bool:
        """Whether a point lies in it."""
        return self.nearest(*point) == point

    def gap(self, other: "Box") -> float:
        """Return how far two rectangles are apart; 0 where they touch."""
        across = max(0.0, self.left - other.right, other.left - self.right)
        return hypot(across, max(0.0, self.bottom - other.top, other.bottom - self.top))

    def crossed_by(self, start: Spot, end: Spot) -> bool:
        """Whether a straight line runs through it, touching not counted (clipped as Liang and Barsky do, 1984)."""
        first, last = 0.0, 1.0
        for at, to, low, high in ((start[0], end[0], self.left, self.right), (start[1], end[1], self.bottom, self.top)):
            if at == to:
                if not low < at < high:
                    return False
                continue
            near, far = sorted(((low - at) / (to - at), (high - at) / (to - at)))
            first, last = max(first, near), min(last, far)
        return first < last


def place(
    points: Sequence[Spot],
    sizes: Sequence[Spot],
    room: Box,
    avoided: Sequence[tuple[Box, float]] = (),
) -> list[Box]:
    """Find a place for the name of each point, the first come first.

    Places are tried around the point, ever further away. A name never covers another name or a point and stays in the
    room, as long as there is such a place at all; among the near ones the place is taken that lies nearest to its own
    point, whose line to it crosses nothing, and that covers the least of what is to be avoided.

    Args:
        points: Pixels.
        sizes: Width and height of each name, in pixels.
        room: What the names must stay in.
        avoided: What names should rather not cover, with how many pixels further away a name goes to spare it.

    Returns:
        One rectangle per point, in the order of the points.
    """
    plane = _Plane([Box(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in points], avoided)
    for point, size in zip(points, sizes, strict=True):
        box = _best(point, size, room, plane)
        plane.lines.append((point, box.nearest(*point)))
        plane.placed.append(box)
    return plane.placed


@dataclass(slots=True)
class _Plane:
    """What stands where while names are placed."""

    marks: list[Box]
    avoided: Sequence[tuple[Box, float]]
    placed: list[Box] = field(default_factory=list)
    lines: list[tuple[Spot, Spot]] = field(default_factory=list)

    def is_free(self, box: Box) -> bool:
        return not any(box.overlaps(other) for other in (*self.marks, *self.placed))

    def trouble(self, box: Box, point: Spot) -> float:
        """Say how many pixels further away a name had better go than to stand here."""
        end = box.nearest(*point)
        others = [mark for mark in self.marks if not mark.holds(point)]
        through = sum(other.crossed_by(point, end) for other in (*others, *self.placed))
        through += sum(box.crossed_by(*line) for line in self.lines)
        strange = sum(box.gap(other) < box.gap(Box(*point, *point)) - _MARK for other in others)
        covered = sum(weight for other, weight in self.avoided if box.overlaps(other))
        return _CROSSING * through + _STRANGE * strange + covered


def _best(point: Spot, size: Spot, room: Box, plane: _Plane) -> Box:
    best, least = Box(*point, point[0] + size[0], point[1] + size[1]), float("inf")
    for cost, box in _places(*point, *size):
        if cost >= least + 2 * _SIDE:
            break
        if box.within(room) and plane.is_free(box):
            whole = cost + plane.trouble(box, point)
            least, best = (whole, box) if whole < least else (least, best)
    return best


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


@dataclass(frozen=True, slots=True)
class Name:
    """What is to be written beside a point.

    Attributes:
        text: The words.
        point: Where the point is, in the plot's own units.
        bar: Low and high end of its error bar, rather not to be covered.
        colour: Of the words.
        weight: Of the words, "bold" or "normal".
    """

    text: str
    point: Spot
    bar: Spot
    colour: str
    weight: str


def write_names(axes: "Axes", names: Sequence[Name], steps: Sequence[Spot] = ()) -> list["Annotation"]:
    """Write a name beside each point of a finished plot.

    Args:
        axes: The plot; its limits must be final and its figure laid out.
        names: What to write; the first gets the best place.
        steps: Corners of a stepped line, in the plot's own units, rather not to be covered.
    """
    texts = [_write(axes, name) for name in names]
    places = axes.transData.transform([name.point for name in names])
    pixels = [(float(x), float(y)) for x, y in places]
    extents = [text.get_window_extent() for text in texts]
    sizes = [(extent.width + 2 * _GAP, extent.height + _GAP) for extent in extents]
    frame = axes.get_window_extent()
    room = Box(frame.x0 + _GAP, frame.y0 + _GAP, frame.x1 - _GAP, frame.y1 - _GAP)
    stems = [(_thin(axes, (n.point[0], n.bar[0]), (n.point[0], n.bar[1])), _STEM) for n in names]
    stairs = [(_thin(axes, start, end), _STAIRS) for start, end in pairwise(steps)]
    boxes = place(pixels, sizes, room, stems + stairs)
    scale = 72 / axes.figure.dpi  # in points a picture stays the same, however finely it is printed
    for text, (x, y), box, extent in zip(texts, pixels, boxes, extents, strict=True):
        down = y - extent.y0  # of the words below their own base line
        text.set_position(((box.left + _GAP - x) * scale, (box.bottom + _GAP / 2 - y + down) * scale))
        _lead(axes, (x, y), box)
    return texts


def _write(axes: "Axes", name: Name) -> "Annotation":
    from matplotlib.patheffects import withStroke  # noqa: PLC0415

    text = axes.annotate(name.text, name.point, xytext=(0, 0), textcoords="offset points", fontsize=8.5, zorder=5)
    text.set(color=name.colour, weight=name.weight, path_effects=[withStroke(linewidth=2.5, foreground=PAPER)])
    return text


def _thin(axes: "Axes", start: Spot, end: Spot) -> Box:
    (x, y), (other_x, other_y) = axes.transData.transform([start, end])
    return Box(min(x, other_x) - 2, min(y, other_y) - 2, max(x, other_x) + 2, max(y, other_y) + 2)


def _lead(axes: "Axes", point: Spot, box: Box) -> None:
    end = box.nearest(*point)
    if hypot(end[0] - point[0], end[1] - point[1]) > _LEADER:
        back = axes.transData.inverted()
        xs, ys = zip(*(back.transform(p) for p in (point, end)), strict=True)
        axes.plot(xs, ys, color=FAINT, linewidth=0.5, zorder=1.5)
