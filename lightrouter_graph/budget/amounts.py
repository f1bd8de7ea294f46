"""Amounts of money, tokens and calls, what may be taken of them, and how it is shared out."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from typing_extensions import TypedDict

from lightrouter_graph.providers.pricing import Price

DUST = 1e-9
"""USD by which sums may be off: far below the price of a token, far above what floats lose when they are added."""

_MILLION = 1_000_000


class Allowance(TypedDict):
    """What may be taken; None for no limit. It travels in the state and in the payload of a `Send`."""

    usd: float | None
    tokens: int | None
    calls: int | None


UNLIMITED: Allowance = {"usd": None, "tokens": None, "calls": None}
"""Whoever has it pays nothing for being counted."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What calls take: USD (infinite where a price is unknown), tokens read and written, and how many they are."""

    usd: float = 0.0
    tokens: int = 0
    calls: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.usd + other.usd, self.tokens + other.tokens, self.calls + other.calls)

    def at_least(self, other: "Amount") -> "Amount":
        """Return the larger of the two in each of the three."""
        return Amount(max(self.usd, other.usd), max(self.tokens, other.tokens), max(self.calls, other.calls))


def total(amounts: Iterable[Amount]) -> Amount:
    """Add up."""
    return sum(amounts, Amount())


def greatest(amounts: Iterable[Amount], number: int) -> Amount:
    """Return what so many of the amounts take at most, whichever they turn out to be."""
    amounts = list(amounts)
    return Amount(
        usd=sum(sorted((amount.usd for amount in amounts), reverse=True)[:number]),
        tokens=sum(sorted((amount.tokens for amount in amounts), reverse=True)[:number]),
        calls=sum(sorted((amount.calls for amount in amounts), reverse=True)[:number]),
    )


def cost_of(price: Price | None, prompt: int, output: int) -> Amount:
    """Return what one call takes at most.

    Args:
        price: Of its model; None makes it infinitely dear.
        prompt: Most tokens it reads.
        output: Most tokens it writes.
    """
    if price is None:
        return Amount(math.inf, prompt + output, 1)
    return Amount((prompt * dearest_input(price) + output * price.output) / _MILLION, prompt + output, 1)


def dearest_input(price: Price) -> float:
    """Return the most a token of a prompt can cost, in USD per 1M: some caches are dearer than the plain price."""
    return max(price.input, price.cached_input or 0.0)


def fits(amount: Amount, allowance: Allowance) -> bool:
    """Whether an amount may be taken."""
    return not short_of(amount, allowance)


def short_of(amount: Amount, allowance: Allowance) -> tuple[str, ...]:
    """Return which of usd, tokens and calls do not suffice."""
    usd, tokens, calls = allowance["usd"], allowance["tokens"], allowance["calls"]
    short = {
        "usd": usd is not None and amount.usd > usd + DUST,
        "tokens": tokens is not None and amount.tokens > tokens,
        "calls": calls is not None and amount.calls > calls,
    }
    return tuple(name for name, is_short in short.items() if is_short)


def minus(allowance: Allowance, amount: Amount) -> Allowance:
    """Return what is left after an amount is taken; never less than nothing."""
    usd, tokens, calls = allowance["usd"], allowance["tokens"], allowance["calls"]
    return {
        "usd": None if usd is None else max(0.0, usd - amount.usd),
        "tokens": None if tokens is None else max(0, tokens - amount.tokens),
        "calls": None if calls is None else max(0, calls - amount.calls),
    }


def share(left: Allowance, needs: Mapping[str, Amount], rest: Amount) -> dict[str, Allowance]:
    """Share out what is left: to each its need, and an equal part of what neither they nor the rest need.

    The parts are fixed before anybody spends, so that tasks that run at the same time need no common counter, and
    together with the rest they are never more than what is left.

    Args:
        left: What is left; everybody's need and the rest must fit.
        needs: What each task takes at most.
        rest: What is set aside for what comes after them.
    """
    over = minus(left, total(needs.values()) + rest)
    return {name: _with_part(need, over, len(needs)) for name, need in needs.items()}


def _with_part(need: Amount, over: Allowance, parts: int) -> Allowance:
    usd, tokens, calls = over["usd"], over["tokens"], over["calls"]
    return {
        "usd": None if usd is None else need.usd + usd / parts,
        "tokens": None if tokens is None else need.tokens + tokens // parts,
        "calls": None if calls is None else need.calls + calls // parts,
    }
