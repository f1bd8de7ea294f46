import pickle

import pytest

from lightrouter_graph import Context, ContextError
from lightrouter_graph.budget.amounts import Amount
from lightrouter_graph.budget.remaining import RemainingBudget, remaining_budget, run_deadline
from lightrouter_graph.context import Budget
from lightrouter_graph.errors import BudgetError
from lightrouter_graph.records import NOTHING_SPENT, UNLIMITED

SPENT = {**NOTHING_SPENT, "usd": 0.25, "tokens": 100, "calls": 3, "seconds": 10.0}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"usd": 0}, "Budget usd = 0: input should be greater than 0, or None"),
        ({"usd": float("inf")}, "Budget usd = inf"),
        ({"tokens": -5}, "Budget tokens = -5"),
        ({"calls": 1.5}, "Budget calls = 1.5"),
        ({"seconds": "soon"}, "Budget seconds = 'soon'"),
        ({"dollars": 1}, "unknown limit 'dollars' of Budget; known are usd, tokens, calls, seconds"),
    ],
)
def test_a_limit_that_is_none_is_refused_in_one_line(limits, said):
    with pytest.raises(ContextError) as caught:
        Budget(**limits)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_is_recorded_in_the_settings_as_a_dict_and_read_back():
    recorded = Context(budget=Budget(usd=0.5, calls=7)).record()
    assert recorded["budget"] == {"usd": 0.5, "tokens": None, "calls": 7, "seconds": None}
    assert Context.restore(recorded).budget == Budget(usd=0.5, calls=7)
    assert Context.restore(recorded).thread_budget is None
    assert Context(budget={"usd": 1}).budget == Budget(usd=1)
    assert Context.model_json_schema()["$defs"]["Budget"]["properties"]["usd"]["description"]


def test_without_a_budget_nothing_is_limited():
    left = remaining_budget(None, None, SPENT, SPENT)
    assert left == RemainingBudget()
    assert left.allowance == UNLIMITED
    assert left.unlimited
    assert remaining_budget(Budget(seconds=5), None, SPENT, SPENT).unlimited  # that is a deadline


def test_the_tighter_of_two_budgets_holds_in_each_limit():
    run, thread = Budget(usd=1.0, tokens=1000, calls=10), Budget(usd=1.0, tokens=5000)
    left = remaining_budget(run, thread, SPENT, SPENT)
    assert left.allowance == {"usd": 0.5, "tokens": 900, "calls": 7}
    assert left.scopes == {"usd": "thread", "tokens": "run", "calls": "run"}
    assert left.describe(Amount(usd=2.0)) == "needs up to 2 USD, 0.5 USD left of the thread's budget"
    assert left.describe(Amount(calls=8, tokens=901)) == (
        "needs up to 901 tokens, 900 tokens left of the run's budget; 8 calls, 7 calls left of the run's budget"
    )


def test_what_is_left_is_never_less_than_nothing():
    left = remaining_budget(Budget(tokens=50, calls=3), None, SPENT, NOTHING_SPENT)
    assert left.allowance == {
        "usd": None,
        "tokens": 0,
        "calls": 0,
    }
    assert not remaining_budget(Budget(calls=1), None, NOTHING_SPENT, NOTHING_SPENT).limits_length
    assert remaining_budget(Budget(tokens=1), None, NOTHING_SPENT, NOTHING_SPENT).limits_length


@pytest.mark.parametrize(
    ("deadline", "run", "thread", "expected"),
    [
        (None, None, None, None),
        (30.0, None, None, 30.0),
        (30.0, 20.0, None, 20.0),
        (30.0, 20.0, 25.0, 15.0),
        (None, None, 100.0, 90.0),
    ],
)
def test_seconds_are_the_least_of_all_deadlines(deadline, run, thread, expected):
    budget = None if run is None else Budget(seconds=run)
    thread_budget = None if thread is None else Budget(seconds=thread)
    assert run_deadline(deadline, budget, thread_budget, SPENT) == expected


def test_a_thread_without_a_second_left_is_refused():
    with pytest.raises(BudgetError, match="no time is left of the thread's budget of 10 seconds") as caught:
        run_deadline(None, None, Budget(seconds=10), SPENT)
    assert caught.value.scope == "thread"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.needed, again.left, again.scope) == (
        str(caught.value),
        {"seconds": 0},
        {"seconds": 0},
        "thread",
    )
