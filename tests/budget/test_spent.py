from builders import call_cost

from lightrouter_graph.budget.amounts import Amount
from lightrouter_graph.budget.spent import add_spent, amount_of, total_spent
from lightrouter_graph.records import NOTHING_SPENT


def test_a_completed_call_costs_its_reported_usage():
    call = call_cost(usd=0.5, input_tokens=100, output_tokens=20)
    assert amount_of(call) == Amount(0.5, 120, 1)


def test_a_call_not_sent_or_cached_costs_nothing():
    for outcome in ("not_sent", "cached"):
        assert amount_of({**call_cost(usd=0.5), "outcome": outcome}) == Amount()


def test_a_truncated_call_counts_at_least_its_received_tokens():
    cut = {**call_cost(usd=0.5, input_tokens=100, output_tokens=150), "outcome": "truncated"}
    assert amount_of({**cut, "max_tokens_used": 120, "max_usd": 0.1}) == Amount(0.5, 250, 1)
    assert amount_of({**cut, "max_tokens_used": 300, "max_usd": None}) == Amount(0.5, 300, 1)


def test_a_call_without_reported_usage_counts_with_its_worst_case():
    worst = {"max_tokens_used": 900, "max_usd": 0.9}
    lost = {**call_cost(usd=0.5, input_tokens=100, output_tokens=0), "outcome": "lost", "cap": 200, **worst}
    guessed = {**call_cost(usd=0.5, input_tokens=100, output_tokens=20, estimated=True), **worst}
    assert amount_of(lost) == amount_of(guessed) == Amount(0.9, 900, 1)


def test_call_costs_are_added():
    calls = [
        {**call_cost(usd=0.5, input_tokens=10, output_tokens=5), "seconds": 2.0},
        {**call_cost(usd=None, input_tokens=10, output_tokens=5), "seconds": 3.0},
        {**call_cost(usd=None), "outcome": "cached"},
    ]
    assert total_spent(calls) == {"usd": 0.5, "tokens": 30, "calls": 2, "seconds": 5.0}
    assert total_spent(calls, seconds=3.5)["seconds"] == 3.5
    assert total_spent([]) == NOTHING_SPENT
    assert add_spent(total_spent(calls), total_spent(calls)) == {
        "usd": 1.0,
        "tokens": 60,
        "calls": 4,
        "seconds": 10.0,
    }
