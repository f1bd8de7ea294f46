import random

import pytest
from evaluation.stats.made import FACTS, made_question, made_result, made_route

from lightrouter_graph.errors import EvaluationError
from lightrouter_graph.evaluation.stats.summary import summarise


def run(size=60):
    """Two methods over the same questions: `ours` is right wherever `best` is, and on each seventh question more."""
    results = []
    for at in range(size):
        common = {"category": "algebra" if at % 2 else "geometry", "fold": at % 5}
        right = at % 3 == 0
        route = made_route(["a"], ["b"], agreed=2)
        results.append(made_result(f"q{at:02d}", float(right), "best", **common, output_tokens=20 + at))
        ours = float(right or at % 7 == 0)
        results.append(made_result(f"q{at:02d}", ours, "ours", **common, route=route, confidence=0.5, seconds=at / 10))
    return results


QUESTIONS = [made_question(f"q{at:02d}", a=float(at % 3 == 0), b=1.0) for at in range(60)]


def figures(results, **rest):
    found = summarise(results, QUESTIONS, FACTS, {"ours": "LightRouter"}, **rest)
    return {method["method"]: method for method in found["methods"]}


def test_each_method_has_all_its_figures():
    found = figures(run(), against=["best"])
    assert list(found) == ["best", "ours"]
    best, ours = found["best"], found["ours"]
    assert (ours["label"], best["label"]) == ("LightRouter", "best")
    assert (ours["count"], ours["failed"]) == (60, 0)
    assert best["quality"]["value"] == pytest.approx(20 / 60)
    assert ours["quality"]["value"] == pytest.approx(26 / 60)
    assert best["output_tokens"]["value"] == pytest.approx(49.5)
    assert best["total_tokens"]["value"] == pytest.approx(149.5)
    assert best["calls"] == {"value": 1.0, "low": pytest.approx(1), "high": pytest.approx(1)}
    assert best["usd"]["value"] == pytest.approx(1.0)
    assert ours["seconds_p50"]["value"] == pytest.approx(2.95)
    assert ours["seconds_p95"]["value"] == pytest.approx(5.605)
    assert ours["first_token_p95"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert ours["calibration"]["ece"]["value"] == pytest.approx(0.5 - 26 / 60)
    assert ours["selection"]["wrong_drop"]["value"] == pytest.approx(40 / 60)
    assert (best["calibration"], best["selection"]) == (None, None)


def test_a_method_that_is_never_worse_gains_what_it_gains_and_is_not_compared_with_itself():
    found = figures(run(), against=["best"])
    gain = found["ours"]["against"]["best"]
    assert gain["value"] == pytest.approx(6 / 60)
    assert 0 < gain["low"] < 6 / 60 < gain["high"] < 0.25
    assert found["best"]["against"] == {}


def test_quality_by_category_is_over_its_questions():
    by_category = figures(run())["best"]["by_category"]
    assert list(by_category) == ["algebra", "geometry"]
    assert by_category["algebra"]["value"] == pytest.approx(10 / 30)
    whole = figures(run())["best"]["quality"]
    assert by_category["algebra"]["high"] - by_category["algebra"]["low"] > whole["high"] - whole["low"]


def test_all_right_in_a_category_is_no_proof_of_perfection():
    results = [made_result(f"q{at}", 1.0, category="easy") for at in range(20)]
    for figure in (figures(results)["ours"]["quality"], figures(results)["ours"]["by_category"]["easy"]):
        assert figure["low"] < 0.92
        assert figure["high"] == 1.0


def test_failures_count_as_wrong():
    results = [made_result("q1", None, error="lost"), made_result("q2", 1.0)]
    found = figures(results)["ours"]
    assert (found["failed"], found["quality"]["value"]) == (1, 0.5)


def test_a_method_without_scores_stays_with_its_costs():
    results = [*run(), *(made_result(f"q{at:02d}", None, "merged", output_tokens=50) for at in range(60))]
    found = figures(results, against=["best"])["merged"]
    assert (found["quality"], found["against"], found["by_category"]) == (None, {}, {})
    assert found["output_tokens"]["value"] == 50.0


def test_what_was_not_measured_is_none():
    found = figures([made_result("q1", 1.0, usd=None, seconds=None, first_token_s=None)])["ours"]
    names = ("usd", "first_token_p50", "first_token_p95", "seconds_p50", "seconds_p95", "calibration", "selection")
    assert [found[name] for name in names] == [None] * len(names)


def test_notes_describe_what_a_statistic_leaves_out():
    results = [made_result("q1", None), made_result("q2", 1.0), made_result("q1", 1.0, "half")]
    notes = summarise(results, [], FACTS, {})["facts"]["notes"]
    assert notes == [
        "from the caller",
        "ours: 1 of 2 answers have no score and are left out of its quality",
        "half: has results for 1 of 2 questions",
    ]


def test_pairs_are_the_questions_that_both_answered():
    results = [made_result("q1", 1.0, "a"), made_result("q2", 0.0, "a"), made_result("q2", 1.0, "b")]
    assert figures(results, against=["b"])["a"]["against"]["b"]["value"] == -1.0


def test_stand_ins_are_named_once_each():
    results = [made_result(f"q{at}", 1.0, stand_in=name) for at, name in enumerate(["", "best writes", "best writes"])]
    assert figures(results)["ours"]["stand_in"] == "best writes"


def test_the_order_of_answering_changes_nothing():
    results, shuffled = run(), run()
    random.Random(1).shuffle(shuffled)
    assert figures(results, against=["best"]) == figures(shuffled, against=["best"])


def test_the_seed_decides_the_draws():
    one, other = (summarise(run(), QUESTIONS, {**FACTS, "seed": seed}, {})["methods"][0]["quality"] for seed in (0, 1))
    assert one["value"] == other["value"]
    assert one["low"] != other["low"]


def test_comparing_with_a_method_that_was_not_run_is_an_error():
    with pytest.raises(EvaluationError, match="against='oracle' has no results; known methods: best, ours"):
        figures(run(), against=["oracle"])
