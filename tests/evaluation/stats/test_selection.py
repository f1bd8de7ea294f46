import pytest
from evaluation.stats.made import made_question, made_result, made_route
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.evaluation.stats.selection import measure_selection

QUESTIONS = [
    made_question("right kept", a=1.0, b=0.0, c=0.0),
    made_question("right dropped", a=0.0, b=1.0, c=1.0),
    made_question("none right", a=0.0, b=0.0, c=0.4),
    made_question("half dropped", a=0.6, b=0.9, c=0.0),
]


def values(selection):
    return {name: figure and figure["value"] for name, figure in selection.items()}


def test_figures_of_a_hand_made_case():
    results = [
        made_result("right kept", 1.0, route=made_route(["a"], ["b", "c"], agreed=2)),
        made_result("right dropped", 0.0, route=made_route(["a"], ["b", "c"], agreed=2)),
        made_result("none right", 0.0, route=made_route(["a", "b"], ["c"], agreed=1)),
        made_result("half dropped", 0.6, route=made_route(["a"], ["b", "c"], agreed=3)),
    ]
    assert values(measure_selection(results, QUESTIONS)) == pytest.approx(
        {
            "wrong_drop": 1 / 3,  # of the three questions somebody had right, one
            "regret": (0.0 + 1.0 + 0.4 + 0.3) / 4,
            "wrong_drop_pool": 1 / 3,
            "regret_pool": (0.0 + 1.0 + 0.4 + 0.3) / 4,
            "agreed_wrong": 1 / 4,
            "wrong_when_agreed": 1 / 3,
        }
    )


def test_only_candidates_that_booted_can_be_dropped():
    found = measure_selection([made_result("right dropped", 0.0, route=made_route(["a"], []))], QUESTIONS)
    assert found["wrong_drop"] is None
    assert found["regret"]["value"] == 0.0


def test_a_right_candidate_that_was_never_asked_is_lost_to_the_pool():
    found = values(measure_selection([made_result("right dropped", 0.0, route=made_route(["a"], []))], QUESTIONS))
    assert (found["wrong_drop_pool"], found["regret_pool"]) == (1.0, 1.0)
    only = values(
        measure_selection([made_result("right dropped", 0.0, route=made_route(["a"], []))], QUESTIONS, pool=["a"])
    )
    assert (only["wrong_drop_pool"], only["regret_pool"]) == (None, 0.0)


def test_a_candidate_that_answered_without_a_boot_is_no_loss_to_the_pool():
    route = {**made_route(["a"], []), "kept": ["a", "b"]}
    found = values(measure_selection([made_result("right dropped", 1.0, route=route)], QUESTIONS))
    assert (found["wrong_drop_pool"], found["regret_pool"]) == (0.0, 0.0)


def test_a_run_without_kept_candidates_dropped_all():
    results = [made_result("half dropped", None, route=made_route([], ["a", "b"]), error="lost")]
    found = values(measure_selection(results, QUESTIONS))
    assert (found["wrong_drop"], found["regret"]) == (1.0, 0.9)
    assert found["agreed_wrong"] == 0.0


def test_questions_with_an_unscored_candidate_are_left_out():
    results = [made_result("partly", 1.0, route=made_route(["a"], ["b"]))]
    found = measure_selection(results, [made_question("partly", a=1.0, b=None)])
    assert (found["wrong_drop"], found["regret"]) == (None, None)


def test_live_answers_without_recorded_outputs_still_show_wrong_agreement():
    found = measure_selection([made_result("live", 0.0, route=made_route(["a", "b"], [], agreed=2))], [])
    none = dict.fromkeys(["wrong_drop", "regret", "wrong_drop_pool", "regret_pool"])
    assert values(found) == none | {"agreed_wrong": 1.0, "wrong_when_agreed": 1.0}


def test_answers_without_a_score_are_left_out_of_agreement():
    found = measure_selection([made_result("right kept", None, route=made_route(["a"], ["b"], agreed=2))], QUESTIONS)
    assert (found["agreed_wrong"], found["wrong_when_agreed"]) == (None, None)
    assert found["wrong_drop"]["value"] == 0.0


def test_a_method_without_routes_has_no_selection():
    assert measure_selection([made_result("right kept", 1.0)], QUESTIONS) is None


score = st.sampled_from([0.0, 0.3, 0.5, 1.0])
case = st.lists(st.tuples(score, st.booleans()), min_size=1, max_size=4)


@given(st.lists(st.tuples(case, st.integers(0, 3), score), min_size=1, max_size=6))
def test_figures_match_a_count_by_hand(cases):
    questions, results, drops, regrets, agreements = [], [], [], [], []
    for number, (boots, agreed, final) in enumerate(cases):
        names = [f"m{at}" for at in range(len(boots))]
        kept = [name for name, (_, keep) in zip(names, boots, strict=True) if keep]
        route = made_route(kept, [name for name in names if name not in kept], agreed=agreed)
        questions.append(made_question(f"q{number}", **{n: s for n, (s, _) in zip(names, boots, strict=True)}))
        results.append(made_result(f"q{number}", final, route=route))
        scores_kept = [s for s, keep in boots if keep]
        if any(s >= 0.5 for s, _ in boots):
            drops.append(all(s < 0.5 for s in scores_kept))
        regrets.append(max(s for s, _ in boots) - max([0.0, *scores_kept]))
        agreements.append((agreed >= 2, final < 0.5))
    found = values(measure_selection(results, questions))
    given_agreement = [wrong for agreed, wrong in agreements if agreed]
    assert found["wrong_drop"] == (pytest.approx(sum(drops) / len(drops)) if drops else None)
    assert found["regret"] == pytest.approx(sum(regrets) / len(regrets))
    assert found["agreed_wrong"] == pytest.approx(sum(a and w for a, w in agreements) / len(agreements))
    assert found["wrong_when_agreed"] == (
        pytest.approx(sum(given_agreement) / len(given_agreement)) if given_agreement else None
    )
