import pytest
from builders import call_cost
from helpers import scripted
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from lightrouter_graph.budget.amounts import USD_TOLERANCE, Amount, cost_of, fits, greatest, minus, share
from lightrouter_graph.budget.reservations import BudgetReservations
from lightrouter_graph.budget.token_bounds import PromptTokenBound
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.records import UNLIMITED

ASKED = [HumanMessage("x" * 128)]  # at most 400 tokens
CHEAP = scripted(price=(1.0, 10.0), a="4")["a"]
FREE = scripted(price=(0.0, 0.0), a="4")["a"]
UNPRICED = scripted(a="4")["a"]


def allowed(**limits):
    return {**UNLIMITED, **limits}


def test_without_limits_every_cap_is_kept():
    budget = BudgetReservations()
    assert budget.reserve(UNPRICED, ASKED, None).cap is None
    assert budget.reserve(CHEAP, ASKED, 123).cap == 123
    assert budget.remaining == UNLIMITED


@pytest.mark.parametrize(
    ("limits", "wanted", "cap"),
    [
        ({"tokens": 700}, 200, 200),
        ({"tokens": 600}, 200, 200),
        ({"tokens": 599}, 200, 199),
        ({"tokens": 464}, 200, 64),
        ({"tokens": 463}, 200, None),
        ({"tokens": 405}, 5, 5),
        ({"tokens": 404}, 5, None),
        ({"tokens": 9000}, None, 4096),
        ({"tokens": 1400}, None, 1000),
        ({"usd": 0.0024}, 200, 200),  # 400 at 1 and 200 at 10 USD per million
        ({"usd": 0.0014}, 200, 100),
        ({"usd": 0.0010}, 200, None),
        ({"usd": 0.0001}, 200, None),
        ({"usd": 0.0024, "tokens": 500}, 200, 100),
        ({"calls": 1}, 200, 200),
        ({"calls": 1}, None, None),
    ],
)
def test_a_call_gets_the_highest_cap_that_the_budget_pays_for(limits, wanted, cap):
    reservation = BudgetReservations(allowed(**limits)).reserve(CHEAP, ASKED, wanted)
    if cap is None and "calls" not in limits:
        assert reservation is None
    else:
        assert reservation.cap == cap


def test_a_free_model_keeps_its_cap():
    assert BudgetReservations(allowed(usd=0.0)).reserve(FREE, ASKED, 9000).cap == 9000
    assert BudgetReservations(allowed(usd=5.0)).reserve(UNPRICED, ASKED, 10) is None
    assert BudgetReservations(allowed(tokens=500)).reserve(UNPRICED, ASKED, 100).cap == 100


def test_parallel_calls_cannot_spend_the_same_money():
    budget = BudgetReservations(allowed(tokens=1100, calls=5))
    first, second = budget.reserve(CHEAP, ASKED, 200), budget.reserve(CHEAP, ASKED, 200)
    assert (first.cap, second.cap) == (200, 100)
    assert budget.remaining == allowed(tokens=0, calls=3)
    assert budget.reserve(CHEAP, ASKED, 200) is None
    budget.settle(first, call_cost(usd=0.0, input_tokens=50, output_tokens=10))
    assert budget.remaining == allowed(tokens=540, calls=3)
    budget.settle(first, call_cost(usd=0.0, input_tokens=50, output_tokens=10))  # once is enough
    assert budget.remaining == allowed(tokens=540, calls=3)


def test_a_lost_call_stays_reserved_and_one_not_sent_is_released():
    budget = BudgetReservations(allowed(tokens=1000, calls=5))
    lost, unsent = budget.reserve(CHEAP, ASKED, 100), budget.reserve(CHEAP, ASKED, 100)
    worst = budget.worst_case(CHEAP, ASKED, 100)
    budget.settle(lost, {**call_cost(usd=0.0, input_tokens=30, output_tokens=0), "outcome": "lost", **worst})
    budget.settle(unsent, {**call_cost(usd=0.0, input_tokens=0, output_tokens=0), "outcome": "not_sent"})
    assert budget.remaining == allowed(tokens=500, calls=4)


def test_estimated_tokens_count_with_the_worst_case():
    budget = BudgetReservations(allowed(tokens=1000))
    guessed = {**call_cost(input_tokens=30, output_tokens=5, estimated=True), **budget.worst_case(CHEAP, ASKED, 100)}
    budget.settle(budget.reserve(CHEAP, ASKED, 100), guessed)
    assert budget.remaining == allowed(tokens=500)


def test_a_reply_above_its_cap_uses_up_the_budget():
    budget = BudgetReservations(allowed(tokens=1000))
    budget.settle(budget.reserve(CHEAP, ASKED, 100), call_cost(input_tokens=400, output_tokens=7000))
    assert budget.remaining == allowed(tokens=0)
    assert budget.reserve(CHEAP, ASKED, 100) is None


def test_no_call_is_reserved_above_the_limit_of_calls():
    budget = BudgetReservations(allowed(calls=1))
    assert budget.reserve(CHEAP, ASKED, None).cap is None
    assert budget.reserve(CHEAP, ASKED, None) is None
    assert budget.refusal(CHEAP, ASKED) == (
        "the remaining budget is too small for this call: it needs up to 1 call, 0 calls left"
    )


def test_a_refusal_names_the_amounts():
    budget = BudgetReservations(allowed(tokens=400, usd=0.001))
    short = "0.00104 USD, 0.001 USD left; 464 tokens, 400 tokens left"
    assert budget.refusal(CHEAP, ASKED) == f"the remaining budget is too small for this call: it needs up to {short}"
    assert budget.refusal(UNPRICED, ASKED) == "its price is unknown, and the budget is in USD"


def test_observed_prompt_tokens_leave_more_for_the_reply():
    budget = BudgetReservations(allowed(tokens=300), PromptTokenBound(ASKED, (), {CHEAP: 50}))
    assert budget.reserve(CHEAP, ASKED, 200).cap == 200


def test_the_worst_case_of_a_lost_call_is_recorded():
    assert BudgetReservations().worst_case(CHEAP, ASKED, 100) == {
        "max_tokens_used": 500,
        "max_usd": pytest.approx(0.0014),
    }
    assert BudgetReservations().worst_case(UNPRICED, ASKED, None) == {"max_tokens_used": 400, "max_usd": None}


def test_the_higher_of_plain_and_cached_input_price_counts():
    assert cost_of(Price(1.0, 2.0, cached_input=3.0), 1_000_000, 0).usd == 3.0
    assert cost_of(None, 10, 5) == Amount(float("inf"), 15, 1)


def test_the_largest_values_of_each_limit_are_added():
    assert greatest([Amount(3.0, 1, 1), Amount(1.0, 5, 1), Amount(2.0, 2, 1)], 2) == Amount(5.0, 7, 2)


AMOUNTS = st.builds(Amount, st.floats(0, 10), st.integers(0, 10_000), st.integers(0, 9))
LIMITS = st.fixed_dictionaries(
    {
        "usd": st.none() | st.floats(0, 50),
        "tokens": st.none() | st.integers(0, 50_000),
        "calls": st.none() | st.integers(0, 50),
    }
)


@given(LIMITS, st.dictionaries(st.sampled_from("abcd"), AMOUNTS, min_size=1), AMOUNTS)
def test_shares_and_the_rest_never_exceed_the_allowance(left, needs, rest):
    if not fits(sum(needs.values(), Amount()) + rest, left):
        return
    parts = share(left, needs, rest)
    for name, need in needs.items():
        assert fits(need, parts[name])
    for limit in ("usd", "tokens", "calls"):
        if left[limit] is not None:
            taken = sum(part[limit] for part in parts.values()) + getattr(rest, limit)
            assert taken <= left[limit] + 2 * USD_TOLERANCE
        else:
            assert all(part[limit] is None for part in parts.values())


@given(LIMITS, AMOUNTS)
def test_an_allowance_is_never_negative(left, amount):
    assert all(rest is None or rest >= 0 for rest in minus(left, amount).values())


CALLS = st.lists(st.tuples(st.integers(1, 500), st.none() | st.integers(1, 600), st.floats(0, 1), st.booleans()))


@given(LIMITS, CALLS, st.floats(0, 50), st.floats(0, 50))
def test_reserved_calls_never_exceed_the_allowance(limits, calls, read, written):
    model = scripted(price=(read, written), a="4")["a"]
    budget, taken = BudgetReservations(limits), Amount()
    for length, wanted, part, is_lost in calls:
        reservation = budget.reserve(model, [HumanMessage("x" * length)], wanted)
        if reservation is None:
            continue
        prompt = reservation.worst_case.tokens - (reservation.cap or 0)
        usage = {"input_tokens": max(0, prompt), "output_tokens": int((reservation.cap or 0) * part)}
        took = cost_of(model.price, usage["input_tokens"], usage["output_tokens"])
        call = call_cost(usd=took.usd, **usage)
        worst = budget.worst_case(model, [HumanMessage("x" * length)], reservation.cap)
        budget.settle(reservation, {**call, "outcome": "lost", **worst} if is_lost else call)
        taken += took
    for limit in ("usd", "tokens", "calls"):
        assert limits[limit] is None or getattr(taken, limit) <= limits[limit] + USD_TOLERANCE * (len(calls) + 1)
