"""The fault of each call of each model."""

import pytest

from lightrouter_graph.testing import Fail, RecordedModelServer


@pytest.fixture
def statuses(played, post):
    def statuses(count, plan=None):
        if plan is not None:
            played.failures["m"] = plan
        return [post(f"question {n}").status_code for n in range(1, count + 1)]

    return statuses


def test_a_single_fault_applies_to_every_call_or_a_number_of_calls(statuses):
    assert statuses(3, Fail(503)) == [503] * 3
    assert statuses(3, Fail(503, times=2)) == [503, 503, 200]


def test_a_list_has_an_entry_per_call(statuses):
    assert statuses(5, [Fail(429), None, Fail(500)]) == [429, 200, 500, 200, 200]
    assert statuses(5, [None, Fail(429, times=2), Fail(500)]) == [200, 429, 429, 500, 200]
    assert statuses(3, [Fail(429, times=2) & Fail(500), Fail(501)]) == [429, 429, 501]
    assert statuses(2, []) == [200, 200]


def test_a_function_gets_the_call_number_and_the_body(statuses):
    def plan(number, body):
        asked = body["messages"][0]["content"]
        return Fail(400, asked) if asked == "question 2" else Fail(429) if number == 3 else None

    assert statuses(4, plan) == [200, 400, 429, 200]


def test_call_numbers_start_when_a_plan_is_set_and_after_a_reset(played, statuses):
    assert statuses(1, [Fail(429)]) == [429]
    assert statuses(2, [Fail(500)]) == [500, 200]
    played.reset()
    assert statuses(2) == [500, 200]


def test_each_model_has_its_own_plan(played, post):
    played.responders["other"] = lambda body: "yes"
    try:
        played.failures.update({"m": [Fail(429)], "other": [None, Fail(500)]})
        answers = [post(model=model).status_code for model in ("m", "other", "m", "other")]
    finally:
        del played.responders["other"]
    assert answers == [429, 200, 200, 500]


@pytest.mark.parametrize("plan", [[ValueError], lambda number, body: "oops", lambda number, body: 1 / 0, 3])
def test_an_invalid_plan_is_reported_to_the_client(played, post, plan):
    played.failures["m"] = plan
    response = post()
    assert response.status_code == 500
    assert "the plan of 'm'" in response.json()["error"]["message"]


def test_plans_are_arguments_of_the_server():
    with RecordedModelServer(failures={"m": [Fail(429)]}) as server:
        assert list(server.failures) == ["m"]
        assert server.behaviours == {}
