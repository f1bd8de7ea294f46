import pytest
from evaluation.toys import output, question, toy

from lightrouter_graph.evaluation.methods.history import by_history, mean_costs, scored_outputs

HISTORY = [
    question(100, {"a": output(1, 0.0, tokens=10, input_tokens=1000), "b": output(2, 1.0, tokens=30)}),
    question(101, {"a": output(1, None, tokens=30, input_tokens=3000), "b": output(2, 1.0, tokens=50)}),
]


def test_what_an_answer_cost_is_in_dollars_with_its_prompt_where_prices_are_known() -> None:
    world = toy(HISTORY, history=HISTORY, prices={"a": (1.0, 100.0), "b": (0.0, 1000.0), "c": (1.0, 1.0)}, names="abc")
    costs = mean_costs(world.setting)
    assert costs["a"] == pytest.approx((2000 * 1 + 20 * 100) / 1e6)
    assert costs["b"] == pytest.approx(40 * 1000 / 1e6)
    assert costs["c"] == costs["b"]  # never seen: as dear as the dearest


def test_without_prices_it_is_in_output_tokens() -> None:
    assert mean_costs(toy(HISTORY, history=HISTORY).setting) == {"a": 20.0, "b": 40.0}


def test_only_scored_outputs_are_learnt_from_and_equals_stay_in_pool_order() -> None:
    world = toy(HISTORY, history=HISTORY, names="cab")
    assert [(past.candidate, past.question.id) for past in scored_outputs(world.setting)] == [
        ("a", "q100"), ("b", "q100"), ("b", "q101"),
    ]  # fmt: skip
    assert [c.name for c in by_history(world.setting)] == ["b", "c", "a"]  # nothing is known of c: 0.5
    assert [c.name for c in by_history(toy(HISTORY, names="cab").setting)] == ["c", "a", "b"]
