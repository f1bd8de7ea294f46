"""The purse of a live evaluation: the worst case fits, or the call is not made."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from lightrouter_graph.errors import BudgetError, EvaluationError
from lightrouter_graph.evaluation.models.cassette import Prompt
from lightrouter_graph.evaluation.models.spend_limit import SpendLimit, raise_refusals
from lightrouter_graph.providers.pricing import Price

PRICE = Price(2.0, 10.0)


def asked(text: str = "How many?", cap: int | None = 100) -> Prompt:
    return Prompt("a", (HumanMessage(text),), cap, (), 0)


def worst(text: str, cap: int) -> float:
    return ((len(text.encode()) + 64) * 2 + cap * 10) / 1e6


def test_the_worst_case_is_reserved_until_the_call_is_settled() -> None:
    purse = SpendLimit(1.0)
    with purse.reserved(asked("äöü", 50), PRICE) as payment:
        assert purse.usd == pytest.approx(worst("äöü", 50))
        payment.settle(0.0001)
    assert (purse.usd, purse.calls) == (0.0001, 1)


def test_an_unsettled_call_counts_with_its_worst_case() -> None:
    purse = SpendLimit(1.0)
    with pytest.raises(OSError, match="gone"), purse.reserved(asked(), PRICE):
        raise OSError("gone")
    with purse.reserved(asked(), PRICE) as payment:
        payment.settle(None)
    assert purse.usd == pytest.approx(2 * worst("How many?", 100))


def test_a_call_that_just_fits_is_made_and_one_more_is_not() -> None:
    purse = SpendLimit(2 * worst("How many?", 100) + 1e-12)
    for _ in range(2):
        with purse.reserved(asked(), PRICE):
            pass
    refusal = pytest.raises(BudgetError, match=r"budget of 0\.0\d+ USD has 0\.0000 left")
    with refusal as caught, purse.reserved(asked(), PRICE):
        pytest.fail("it was made")
    assert caught.value.needed["usd"] == pytest.approx(worst("How many?", 100))
    assert purse.calls == 2


@pytest.mark.parametrize(
    ("price", "cap", "lacking"), [(None, 100, "price"), (PRICE, None, r"cap on the output \(--max-tokens\)")]
)
def test_a_limit_needs_a_price_and_a_cap(price: Price | None, cap: int | None, lacking: str) -> None:
    refusal = pytest.raises(EvaluationError, match=f"^a has no known {lacking}, and a budget in USD needs one$")
    with refusal, SpendLimit(1.0).reserved(asked(cap=cap), price):
        pytest.fail("it was made")


def test_without_a_limit_nothing_is_refused_and_what_is_known_is_added_up() -> None:
    purse = SpendLimit()
    for usd in (0.5, None):
        with purse.reserved(asked(cap=None), None) as payment:
            payment.settle(usd)
    assert (purse.usd, purse.calls) == (0.5, 2)


@given(
    limit=st.floats(0, 0.01),
    calls=st.lists(st.tuples(st.text(max_size=20), st.integers(1, 500), st.floats(0, 1), st.booleans())),
)
def test_no_order_of_calls_takes_more_than_the_limit(limit: float, calls: list[tuple[str, int, float, bool]]) -> None:
    purse, open_payments = SpendLimit(limit), []
    for text, cap, share, waits in calls:
        reserved = purse.reserved(asked(text, cap), PRICE)
        try:
            payment = reserved.__enter__()
        except BudgetError:
            continue
        open_payments.append((payment, share * payment.usd))
        if not waits:
            for one, usd in open_payments:
                one.settle(usd)
        assert purse.usd <= limit
    for one, usd in open_payments:
        one.settle(usd)
    assert purse.usd <= limit


def test_what_a_purse_refused_is_raised_in_the_end_even_where_it_was_taken_for_a_failure() -> None:
    purse, made = SpendLimit(0.0), []

    def answer_of_the_others() -> None:
        with contextlib.suppress(BudgetError), purse.reserved(asked(), PRICE):
            pytest.fail("it was made")
        made.append("an answer")

    with pytest.raises(BudgetError), raise_refusals():
        answer_of_the_others()
    assert made
    with raise_refusals():
        pass
