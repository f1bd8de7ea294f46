from copy import deepcopy
from itertools import combinations
from pathlib import Path

import pytest
from evaluation.report.example import Example, interval

pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
pytestmark = pytest.mark.xdist_group("report")

from lightrouter_graph.evaluation.report.plots import pictures  # noqa: E402
from lightrouter_graph.evaluation.report.plots.categories import best_in, draw_categories  # noqa: E402
from lightrouter_graph.evaluation.report.plots.curves import draw_curves, groups  # noqa: E402
from lightrouter_graph.evaluation.report.plots.frontier import draw_frontier, pareto, spots  # noqa: E402
from lightrouter_graph.evaluation.report.plots.latency import draw_latency  # noqa: E402
from lightrouter_graph.evaluation.report.plots.reliability import MAX_PANELS, draw_reliability  # noqa: E402
from lightrouter_graph.evaluation.report.plots.style import report_style, wants_log  # noqa: E402

_PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("cost", ["usd", "output_tokens"])
def test_the_frontier_names_every_method_and_no_name_covers_another_or_a_point(run: Example, cost: str) -> None:
    with report_style():
        figure = draw_frontier(run.summary, cost)
        assert figure is not None
        names = figure.axes[0].texts
        boxes = [name.get_window_extent() for name in names]
    said = sorted(name.get_text().removesuffix(" †") for name in names)
    assert said == sorted(row["label"] for row in run.summary["methods"])
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    points = figure.axes[0].transData.transform([spot.point for spot in spots(run.summary, cost)])
    assert not [1 for box in boxes for point in points if box.contains(*point)]
    room = figure.axes[0].get_window_extent()
    assert all(room.containsx(x) for box in boxes for x in (box.x0, box.x1))


def test_the_frontier_is_of_what_no_other_beats_at_its_cost(run: Example) -> None:
    found = spots(run.summary, "usd")
    frontier = pareto(found)
    runnable = [spot for spot in found if spot.kind != "bound"]
    places = [(spot.cost["value"], -spot.quality["value"]) for spot in runnable]
    best = {p for p in places if not any(o != p and o[0] <= p[0] and o[1] <= p[1] for o in places)}
    assert {(spot.cost["value"], -spot.quality["value"]) for spot in frontier} == best
    assert "bound" in {spot.kind for spot in found}


def test_methods_without_a_price_are_left_out_of_usd_only(run: Example) -> None:
    summary = deepcopy(run.summary)
    for row in summary["methods"]:
        row["usd"] = None
    with report_style():
        assert draw_frontier(summary, "usd") is None
        assert draw_frontier(summary, "output_tokens") is not None


def test_a_method_without_a_marker_is_listed_below(run: Example) -> None:
    summary = deepcopy(run.summary)
    summary["methods"][1]["usd"] = None
    with report_style():
        figure = draw_frontier(summary, "usd")
    assert figure is not None
    assert figure.axes[0].get_xlabel().endswith("not shown: brook-4-mini")


def test_a_frontier_of_one_point_is_no_line_and_has_no_place_in_the_legend(run: Example) -> None:
    summary = deepcopy(run.summary)
    bounds = [row for row in summary["methods"] if "oracle" in row["method"]]
    runnable = [row for row in summary["methods"] if "oracle" not in row["method"]]
    best = max(runnable, key=lambda row: row["quality"]["value"])
    for row in runnable:
        row["usd"] = {**row["usd"], "value": row["usd"]["value"] + (row is not best) * best["usd"]["value"]}
    for shown in (bounds, [*bounds, best], runnable):
        with report_style():
            figure = draw_frontier({**summary, "methods": shown}, "usd")
        assert figure is not None
        said = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        assert ("frontier" in said) == (len(pareto(spots({**summary, "methods": shown}, "usd"))) > 1)


def test_a_heap_of_settings_has_curves_and_no_frontier(run: Example) -> None:
    summary = deepcopy(run.summary)
    ours = [row for row in summary["methods"] if row["method"].startswith("lightrouter")]
    assert len(ours) == 12
    for row in ours:  # what other pictures are drawn from
        row |= {"by_category": {}, "calibration": None, "seconds_p50": None, "seconds_p95": None, "usd": None}
    few = {**summary, "methods": ours, "curves": {}}
    assert [picture.name for picture in pictures(few)] == ["frontier_tokens"]
    one_more = {**ours[0], "method": "lightrouter:boot_tokens=7"}
    curves = {"quality": [{"x": 1.0, "y": interval(0.5, 0.1), "label": ""}]}
    many = {**few, "methods": [*ours, one_more], "curves": curves}
    assert [picture.name for picture in pictures(many)] == ["curve_1_quality"]


def test_curves_of_one_title_share_a_picture_and_mark_every_x(run: Example) -> None:
    found = groups(run.summary)
    assert list(found) == ["Boot length: quality", "Boot predictiveness (AUC)"]
    with report_style():
        axes = draw_curves("Boot length: quality", found["Boot length: quality"]).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["consistency", "learned", "prior alone"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["16", "32", "64", "100", "200", "400"]
    assert axes.get_xlabel() == "tokens"


def test_points_with_labels_of_their_own_show_them() -> None:
    points = [{"x": x, "y": interval(0.2, 0.1), "label": name} for x, name in enumerate(["none", "half", "all"])]
    with report_style():
        axes = draw_curves("corruption", {"": points}).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["none", "half", "all"]
    assert axes.get_legend() is None


def test_the_heat_map_frames_the_best_that_can_be_run(run: Example) -> None:
    sorts = {row["method"]: row for row in run.summary["methods"]}
    best = best_in(run.summary, "math")
    runnable = [row for name, row in sorts.items() if "oracle" not in name]
    assert best == max(row["by_category"]["math"]["value"] for row in runnable)
    with report_style():
        figure = draw_categories(run.summary)
        assert figure is not None
        written = [text for text in figure.axes[0].texts if text.get_weight() == "bold"]
    assert {f"{100 * best:.0f}"} <= {text.get_text() for text in written}


def test_one_category_needs_no_heat_map_and_no_times_no_bars(run: Example) -> None:
    summary = deepcopy(run.summary)
    for row in summary["methods"]:
        row["by_category"], row["seconds_p50"], row["calibration"] = {}, None, None
    assert draw_categories(summary) is draw_latency(summary) is draw_reliability(summary) is None


def test_latency_is_drawn_quickest_first(run: Example) -> None:
    with report_style():
        figure = draw_latency(run.summary)
        assert figure is not None
        shown = [text.get_text().removesuffix(" †") for text in figure.axes[0].get_yticklabels()]
    by_time = sorted(run.summary["methods"], key=lambda row: row["seconds_p50"]["value"])
    assert shown == [row["label"] for row in by_time]


def test_reliability_shows_lightrouter_first_and_no_more_than_can_be_read(run: Example) -> None:
    with report_style():
        figure = draw_reliability(run.summary)
    assert figure is not None
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert len(titles) == MAX_PANELS
    assert titles[0] == "LightRouter"


def test_an_axis_is_logarithmic_only_where_the_range_asks_for_it() -> None:
    assert wants_log([0.1, 5.0])
    assert not wants_log([1.0, 3.0])
    assert not wants_log([0.0, 100.0])


def test_every_picture_lies_in_the_folder(folder: Path) -> None:
    drawn = sorted(path.name for path in folder.glob("*.png"))
    curves = ["curve_1_boot_length_quality.png", "curve_2_boot_predictiveness_auc.png"]
    assert drawn == [
        "categories.png",
        *curves,
        "frontier_tokens.png",
        "frontier_usd.png",
        "latency.png",
        "reliability.png",
    ]
    assert all((folder / name).read_bytes().startswith(_PNG) for name in drawn)
