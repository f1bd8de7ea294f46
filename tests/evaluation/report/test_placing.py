from itertools import combinations

import numpy as np
import pytest

from lightrouter_graph.evaluation.report.plots.placing import Box, place

ROOM = Box(0, 0, 1100, 700)


@pytest.mark.parametrize("seed", range(3))
def test_names_of_a_crowd_cover_neither_each_other_nor_any_point(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = [(float(x), float(y)) for x, y in rng.normal((550, 350), (120, 60), size=(35, 2))]
    names = place(points, [(float(width), 14.0) for width in rng.integers(40, 210, size=35)], ROOM)
    assert not [pair for pair in combinations(names, 2) if pair[0].overlaps(pair[1])]
    assert all(name.within(ROOM) for name in names)
    assert not [1 for name in names for x, y in points if name.overlaps(Box(x - 5, y - 5, x + 5, y + 5))]


def test_a_lonely_name_stands_right_of_its_point() -> None:
    (name,) = place([(100, 100)], [(80, 14)], ROOM)
    assert 100 < name.left < 115
    assert name.bottom < 100 < name.top


def test_a_name_at_the_edge_stays_inside() -> None:
    (name,) = place([(1095, 350)], [(200, 14)], ROOM)
    assert name.within(ROOM)


def test_what_is_to_be_avoided_is_spared_where_there_is_room_close_by() -> None:
    wall = Box(105, 90, 400, 110)
    (name,) = place([(100, 100)], [(80, 14)], ROOM, [(wall, 30.0)])
    assert not name.overlaps(wall)


@pytest.mark.parametrize(
    ("start", "end", "crossed"),
    [((0, 5), (20, 5), True), ((0, 0), (20, 20), True), ((0, 11), (20, 11), False), ((0, 0), (3, 3), False)],
)
def test_a_line_runs_through_a_rectangle_or_past_it(start: tuple, end: tuple, crossed: bool) -> None:
    assert Box(4, 0, 10, 10).crossed_by(start, end) is crossed
