"""Which call of which model meets which fault."""

import pytest

from lightrouter_graph.testing import Fail, RecordedModelServer


@pytest.fixture
def statuses(played, post):
    def statuses(count, plan=None):
        if plan is not None:
            played.failures["m"] = plan
        return [post(f"question {n}").status_code for n in range(1, count + 1)]

    return statuses


def test_a_lone_fault_holds_for_every_call_or_so_many(statuses):
    assert statuses(3, Fail(503)) == [503] * 3
    assert statuses(3, Fail(503, times=2)) == [503, 503, 200]


def test_a_list_has_an_entry_per_call(statuses):
    assert statuses(5, [Fail(429), None, Fail(500)]) == [429, 200, 500, 200, 200]
    assert statuses(5, [None, Fail(429, times=2), Fail(500)]) == [200, 429, 429, 500, 200]
    assert statuses(3, [Fail(429, times=2) & Fail(500), Fail(501)]) == [429, 429, 501]
    assert statuses(2, []) == [200, 200]


def test_a_function_is_asked_with_the_number_and_the_body(statuses):
    def plan(number, body):
        asked = body["messages"][0]["content"]
        return Fail(400, asked) if asked == "question 2" else Fail(429) if number == 3 else None

    assert statuses(4, plan) == [200, 400, 429, 200]


def test_a_plan_counts_from_when_it_is_set_and_anew_after_a_reset(played, statuses):
    assert statuses(1, [Fail(429)]) == [429]
    assert statuses(2, [Fail(500)]) == [500, 200]
    played.reset()
    assert statuses(2) == [500, 200]


def test_each_model_has_a_plan_of_its_own(played, post):
    played.responders["other"] = lambda body: "yes"
    try:
        played.failures.update({"m": [Fail(429)], "other": [None, Fail(500)]})
        answers = [post(model=model).status_code for model in ("m", "other", "m", "other")]
    finally:
        del played.responders["other"]
    assert answers == [429, 200, 200, 500]


@pytest.mark.parametrize("plan", [[ValueError], lambda number, body: "oops", lambda number, body: 1 / 0, 3])
def test_a_plan_at_fault_is_named(played, post, plan):
    played.failures["m"] = plan
    response = post()
    assert response.status_code == 500
    assert "the plan of 'm'" in response.json()["error"]["message"]


def test_plans_and_habits_are_given_when_the_server_is_made():
    with RecordedModelServer(failures={"m": [Fail(429)]}) as server:
        assert list(server.failures) == ["m"]
        assert server.habits == {}
