"""`Purse`: what one task may spend, held back before each call and settled after it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from langchain_core.messages import BaseMessage

from lightrouter_graph.budget.amounts import (
    DUST,
    UNLIMITED,
    Allowance,
    Amount,
    cost_of,
    dearest_input,
    minus,
    short_of,
    total,
)
from lightrouter_graph.budget.left import in_words, weighs
from lightrouter_graph.budget.lengths import Ruler
from lightrouter_graph.budget.spent import AtMost, amount_of
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.records import CallCost

LEAST_TOKENS = 64
"""A call that can be paid for fewer tokens of reply than this is not worth making."""

OPEN_TOKENS = 4096
"""The longest cap on a reply that has none of its own: more than that, some models refuse to be asked for."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """Leave to make one call.

    Attributes:
        cap: Most tokens it may write; None where nothing limits them.
        worst: What it takes at most; nothing but the call where nothing is limited.
    """

    cap: int | None
    worst: Amount


class Purse:
    """What one task may spend on all its calls, repeated ones included.

    What a call may take at most is held back before it is made, so that calls made at the same time cannot spend the
    same money. A reservation that is never settled stays held back.

    Args:
        allowance: What may be taken.
        ruler: Measures the prompts.
    """

    def __init__(self, allowance: Allowance = UNLIMITED, ruler: Ruler | None = None) -> None:
        self._allowance = allowance
        self._ruler = ruler or Ruler()
        self._settled = Amount()
        self._held: dict[Reservation, Amount] = {}

    @property
    def left(self) -> Allowance:
        """What is neither spent nor held back."""
        return minus(self._allowance, self._settled + total(self._held.values()))

    @property
    def unlimited(self) -> bool:
        """Whether it pays for everything."""
        return all(limit is None for limit in self._allowance.values())

    @property
    def weighs(self) -> bool:
        """Whether the length of a call matters."""
        return weighs(self._allowance)

    def reserve(
        self,
        candidate: Candidate,
        messages: Sequence[BaseMessage],
        wanted: int | None,
        *,
        extras: Sequence[Mapping[str, Any]] = (),
        least: int = LEAST_TOKENS,
    ) -> Reservation | None:
        """Hold back what a call may take, with a shorter reply where there is not enough for the whole.

        Args:
            candidate: Whom to ask.
            messages: All that is sent.
            wanted: Most tokens it is to write; None for no cap of its own.
            extras: Tools and schemas sent beside.
            least: With fewer tokens than this (or than wanted) the call is not made.

        Returns:
            The reservation, or None where there is not enough.
        """
        if self.unlimited:
            return Reservation(wanted, Amount(calls=1))
        if self.left["calls"] == 0:
            return None
        if not weighs(self._allowance):
            return self._hold(Reservation(wanted, Amount(calls=1)))
        prompt = self._ruler.bound(candidate, messages, extras)
        most = OPEN_TOKENS if wanted is None else wanted
        cap = math.floor(min(most, _affordable(self.left, candidate.price, prompt)))
        if cap < min(least, most):
            return None
        return self._hold(Reservation(cap, cost_of(candidate.price, prompt, cap)))

    def settle(self, reservation: Reservation, call_cost: CallCost) -> None:
        """Replace what was held back by what the call took at most, which is all of it where nobody knows."""
        if self._held.pop(reservation, None) is None:
            return
        took = amount_of(call_cost)
        unknown = call_cost["outcome"] not in {"completed", "not_sent", "cached"} or call_cost["usage"]["estimated"]
        self._settled += took.at_least(reservation.worst) if took.calls and unknown else took

    def at_most(
        self,
        candidate: Candidate,
        messages: Sequence[BaseMessage],
        cap: int | None,
        extras: Sequence[Mapping[str, Any]] = (),
    ) -> AtMost:
        """Return what a call takes at most, for the record of one of which nobody said it."""
        worst = cost_of(candidate.price, self._ruler.bound(candidate, messages, extras), cap or 0)
        return {"max_tokens_used": worst.tokens, "max_usd": None if candidate.price is None else worst.usd}

    def why_not(
        self, candidate: Candidate, messages: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """Say why a call was refused."""
        left = self.left
        if left["usd"] is not None and candidate.price is None:
            return "its price is not known, and the budget is in USD"
        prompt = self._ruler.bound(candidate, messages, extras)
        needed = cost_of(candidate.price, prompt, LEAST_TOKENS)
        sums, rest = asdict(needed), cast("Mapping[str, float]", left)
        short = [
            f"{in_words(name, sums[name])} (left: {in_words(name, rest[name])})" for name in short_of(needed, left)
        ]
        return f"the budget has not enough left for it: it may take {', '.join(short)}"

    def _hold(self, reservation: Reservation) -> Reservation:
        self._held[reservation] = reservation.worst
        return reservation


def _affordable(left: Allowance, price: Price | None, prompt: int) -> float:
    """Return how many tokens of reply can be paid for after the prompt; negative where not even that can be."""
    tokens = math.inf if left["tokens"] is None else left["tokens"] - prompt
    return min(tokens, math.inf if left["usd"] is None else _affordable_usd(left["usd"], price, prompt))


def _affordable_usd(usd: float, price: Price | None, prompt: int) -> float:
    if price is None:
        return -1
    rest = usd + DUST - prompt * dearest_input(price) / _MILLION
    if rest < 0:
        return -1
    return math.inf if price.output == 0 else rest * _MILLION / price.output
