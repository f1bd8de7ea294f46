"""Worst-case amounts of USD, tokens and calls: adding them, comparing them with an allowance, dividing an allowance."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.records import UNLIMITED, Allowance

USD_TOLERANCE = 1e-9
"""USD by which a sum may exceed a limit: below the price of a token, above the rounding error of added floats."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Amount:
    """Cost of some calls: USD (infinite if a price is unknown), input plus output tokens, number of calls."""

    usd: float = 0.0
    tokens: int = 0
    calls: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.usd + other.usd, self.tokens + other.tokens, self.calls + other.calls)

    def above(self, other: "Amount") -> "Amount":
        """Return by how much each field is above that of another amount, >= 0.

        Args:
            other: The amount to subtract.
        """
        usd = max(0.0, self.usd - other.usd) if self.usd != other.usd else 0.0  # both may be infinite
        return Amount(usd, max(0, self.tokens - other.tokens), max(0, self.calls - other.calls))

    def at_least(self, other: "Amount") -> "Amount":
        """Return the field-by-field maximum of both amounts.

        Args:
            other: Lower bound of each field.
        """
        return Amount(max(self.usd, other.usd), max(self.tokens, other.tokens), max(self.calls, other.calls))


NOTHING = Amount()
"""The cost of no calls; amounts add up with `sum(amounts, NOTHING)`."""


def greatest(amounts: Iterable[Amount], number: int) -> Amount:
    """Return an upper bound on the sum of some of the amounts: the largest values of each field, added.

    Args:
        amounts: Worst-case costs, e.g. of the answers of all candidates.
        number: How many of them will be spent, >= 0.
    """
    amounts = list(amounts)
    return Amount(
        usd=sum(sorted((amount.usd for amount in amounts), reverse=True)[:number]),
        tokens=sum(sorted((amount.tokens for amount in amounts), reverse=True)[:number]),
        calls=sum(sorted((amount.calls for amount in amounts), reverse=True)[:number]),
    )


def cost_of(price: Price | None, prompt: int, output: int) -> Amount:
    """Return the worst-case cost of one call.

    Args:
        price: Price of its model in USD per 1M tokens; None (unknown) costs infinitely many USD.
        prompt: Most input tokens, >= 0.
        output: Most output tokens, >= 0.
    """
    if price is None:
        return Amount(math.inf, prompt + output, 1)
    return Amount((prompt * max_input_price(price) + output * price.output) / _MILLION, prompt + output, 1)


def max_input_price(price: Price) -> float:
    """Return the highest price of an input token, in USD per 1M: writing to some caches costs more than the prompt.

    Args:
        price: Prices in USD per 1M tokens.
    """
    return max(price.input, price.cached_input or 0.0, price.cache_write or 0.0)


def least(one: Allowance, other: Allowance) -> Allowance:
    """Return the smaller limit of two allowances, for each limit.

    Args:
        one: Limits on USD, tokens and calls; None is unlimited.
        other: Limits of another budget on the same calls.
    """
    limits, others = limits_of(one), limits_of(other)
    return cast(
        "Allowance",
        {
            name: min(limits.get(name, math.inf), others.get(name, math.inf)) if name in {*limits, *others} else None
            for name in UNLIMITED
        },
    )


def limits_of(allowance: Allowance) -> dict[str, float]:
    """Return the limits of the allowance that are not None, by name.

    Args:
        allowance: Limits on USD, tokens and calls; None is unlimited.
    """
    limits = cast("Mapping[str, float | None]", allowance)
    return {name: limit for name, limit in limits.items() if limit is not None}


def short_of(amount: Amount, allowance: Allowance) -> tuple[str, ...]:
    """Return the names of the limits ("usd", "tokens", "calls") that the amount exceeds.

    Args:
        amount: Worst-case cost of some calls.
        allowance: What is left of each limit; None is unlimited.
    """
    limits = limits_of(allowance)
    return tuple(name for name, limit in limits.items() if getattr(amount, name) > limit + USD_TOLERANCE)


def fits(amount: Amount, allowance: Allowance) -> bool:
    """Return True if the amount exceeds no limit of the allowance.

    Args:
        amount: Worst-case cost of some calls.
        allowance: What is left of each limit; None is unlimited.
    """
    return not short_of(amount, allowance)


def minus(allowance: Allowance, amount: Amount) -> Allowance:
    """Return the allowance without the amount; each limit is >= 0, and None stays None.

    Args:
        allowance: What is left of each limit; None is unlimited.
        amount: Cost to subtract.
    """
    rest = {name: max(0, limit - getattr(amount, name)) for name, limit in limits_of(allowance).items()}
    return cast("Allowance", {**allowance, **rest})


def share(allowance: Allowance, needs: Mapping[str, Amount], rest: Amount) -> dict[str, Allowance]:
    """Divide an allowance among parallel tasks: each gets its need and an equal part of the surplus.

    The parts are fixed before the tasks start, so parallel tasks need no shared counter. All parts and `rest` together
    never exceed the allowance.

    Args:
        allowance: The remaining budget; all needs and `rest` must fit into it.
        needs: Worst-case cost of each task, by name.
        rest: Amount set aside for the calls after these tasks.
    """
    over, parts = limits_of(minus(allowance, sum(needs.values(), NOTHING) + rest)), len(needs)
    surplus = {limit: value / parts if limit == "usd" else value // parts for limit, value in over.items()}
    return {
        name: cast("Allowance", {**allowance, **{limit: getattr(need, limit) + surplus[limit] for limit in surplus}})
        for name, need in needs.items()
    }
