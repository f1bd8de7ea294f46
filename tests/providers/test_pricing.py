import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightrouter_graph.errors import PoolError
from lightrouter_graph.providers.pricing import Price, find_price, usd_of
from lightrouter_graph.providers.table import PROVIDERS
from lightrouter_graph.records import NO_USAGE, Usage, add_usage


def usage(input_tokens: int = 0, output_tokens: int = 0, cached_tokens: int = 0) -> Usage:
    return {
        **NO_USAGE,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "cached_tokens": cached_tokens,
    }


def test_a_call_costs_its_tokens_at_their_prices():
    assert usd_of(usage(1_000_000, 500_000), Price(0.4, 1.6)) == pytest.approx(1.2)


def test_cached_tokens_cost_the_cached_price_when_it_is_known():
    call = usage(1_000_000, cached_tokens=750_000)
    assert usd_of(call, Price(0.4, 1.6, cached_input=0.1)) == pytest.approx(0.175)
    assert usd_of(call, Price(0.4, 1.6)) == pytest.approx(0.4)


def test_free_cached_tokens_are_free():
    assert usd_of(usage(100, cached_tokens=100), Price(1.0, 1.0, cached_input=0.0)) == 0.0


tokens = st.integers(0, 10**7)
usages = st.builds(usage, tokens, tokens, tokens)
dollars = st.floats(0, 1000)
prices = st.builds(Price, dollars, dollars, st.none() | dollars)


@given(usages, prices)
def test_no_cost_is_negative(call: Usage, price: Price):
    assert usd_of(call, price) >= 0


@given(usages, usages, prices)
def test_the_price_of_a_sum_is_the_sum_of_the_prices(one: Usage, two: Usage, price: Price):
    for call in (one, two):
        call["cached_tokens"] = min(call["cached_tokens"], call["input_tokens"])
    assert usd_of(add_usage(one, two), price) == pytest.approx(usd_of(one, price) + usd_of(two, price))


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.4", True, None])
def test_a_price_is_a_finite_number_of_dollars(value):
    with pytest.raises(PoolError, match="'output' must be a number"):
        Price(1.0, value)
    with pytest.raises(PoolError, match="'input' must be a number"):
        Price(value, 1.0)


def test_a_negative_cached_price_is_an_error():
    with pytest.raises(PoolError, match="cached_input"):
        Price(1.0, 1.0, cached_input=-1.0)


def test_a_listed_model_has_its_price():
    price = find_price("openai", "gpt-4o-mini")
    assert price == Price(0.15, 0.6, 0.075)
    assert find_price("openai", "gpt-4o-mini-2024-07-18") == price


def test_a_tiered_price_is_its_base_tier():
    price = find_price("openai", "gpt-5.4")
    assert price is not None
    assert price.input == 2.5


def test_the_highest_of_hourly_prices_is_used():
    # Off-peak the list has half of this.
    assert find_price("deepseek", "deepseek-chat") == Price(0.27, 1.1, 0.07)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (None, "gpt-4o-mini"),
        ("openai", "Qwen/Qwen3-8B"),
        ("unknown", "gpt-4o-mini"),
        ("openai", "whisper-1"),
        ("openai", "text-embedding-3-small"),
    ],
)
def test_an_unknown_price_is_none_and_never_zero(provider, model):
    assert find_price(provider, model) is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [(row.price_id, model) for row in PROVIDERS.values() for model in row.default_models],
)
def test_every_default_model_has_a_price(provider, model):
    assert find_price(provider, model) is not None
