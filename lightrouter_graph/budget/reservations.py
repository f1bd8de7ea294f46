"""Budget of one task. Reserves the worst-case cost before each call and replaces it with the actual cost afterwards."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from lightrouter_graph.budget.amounts import NOTHING, USD_TOLERANCE, Amount, cost_of, least, max_input_price, minus
from lightrouter_graph.budget.remaining import RemainingBudget
from lightrouter_graph.budget.spent import amount_of
from lightrouter_graph.budget.thread_account import share_of
from lightrouter_graph.budget.token_bounds import PromptTokenBound
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.records import UNLIMITED, Allowance, CallCost, WorstCase

MIN_REPLY_TOKENS = 64
"""A call is not sent if the budget pays for fewer output tokens than this."""

UNCAPPED_REPLY_TOKENS = 4096
"""`max_tokens` of a reply without a cap of its own under a budget; some models refuse higher values."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """Reservation for one call.

    Attributes:
        cap: Most output tokens; None for no cap.
        worst_case: Reserved amount; one call without USD or tokens if neither is limited.
    """

    cap: int | None
    worst_case: Amount


class BudgetReservations:
    """Budget of one task for all its calls, retries included.

    The worst case of a call is reserved before it is sent, so that parallel calls cannot spend the same money. A
    reservation that is never settled stays reserved.

    Args:
        allowance: Limits of the task.
        bound: Upper bound on the tokens of its prompts.
        run: The run whose thread has a budget: what other runs of the thread use in the meantime is not available any
            more. None if it has no budget.
    """

    def __init__(
        self, allowance: Allowance = UNLIMITED, bound: PromptTokenBound | None = None, run: str | None = None
    ) -> None:
        self._share = None if run is None else share_of(run)
        self._allowance = allowance
        self._bound = bound or PromptTokenBound()
        self._settled = NOTHING
        self._reserved: dict[Reservation, Amount] = {}

    @property
    def remaining(self) -> Allowance:
        """The part of the allowance that is neither spent nor reserved."""
        own = minus(self._allowance, self._settled + sum(self._reserved.values(), NOTHING))
        return own if self._share is None else least(own, self._share.left())

    @property
    def limits_length(self) -> bool:
        """True if a longer prompt or reply uses more of the budget."""
        return RemainingBudget(self._allowance).limits_length

    def reserve(
        self,
        candidate: Candidate,
        messages: Sequence[BaseMessage],
        max_tokens: int | None,
        *,
        extras: Sequence[Mapping[str, Any]] = (),
    ) -> Reservation | None:
        """Reserve the worst case of a call, with a lower cap on the reply if the remaining budget requires it.

        Args:
            candidate: The candidate to call.
            messages: All messages of the prompt.
            max_tokens: Requested cap on the reply in tokens, >= 1; None for no cap.
            extras: Tools and JSON schemas sent with the messages.

        Returns:
            The reservation, or None if the budget pays for fewer than `min(MIN_REPLY_TOKENS, max_tokens)` tokens.
        """
        if self.remaining["calls"] == 0:
            return None
        if not self.limits_length:
            return self._add(Reservation(max_tokens, Amount(calls=1)))
        prompt = self._bound.bound(candidate, messages, extras)
        wanted = UNCAPPED_REPLY_TOKENS if max_tokens is None else max_tokens
        cap = math.floor(min(wanted, _affordable_tokens(self.remaining, candidate.price, prompt)))
        if cap < min(MIN_REPLY_TOKENS, wanted):
            return None
        return self._add(Reservation(cap, cost_of(candidate.price, prompt, cap)))

    def settle(self, reservation: Reservation, call_cost: CallCost) -> None:
        """Replace a reservation by the cost of the call; settling it again has no effect.

        Args:
            reservation: Return value of `reserve`.
            call_cost: Record of the call, with its reported or estimated tokens.
        """
        if (reserved := self._reserved.pop(reservation, None)) is not None:
            self._settled += amount_of(call_cost)
            if self._share is not None:
                self._share.change(amount_of(call_cost), instead_of=reserved)

    def worst_case(
        self,
        candidate: Candidate,
        messages: Sequence[BaseMessage],
        cap: int | None,
        extras: Sequence[Mapping[str, Any]] = (),
    ) -> WorstCase:
        """Return the worst case of a call for its record, used when the provider reported no usage.

        Args:
            candidate: The candidate that was called.
            messages: All messages of the prompt.
            cap: Cap on the reply in tokens; None counts no output.
            extras: Tools and JSON schemas sent with the messages.
        """
        worst = cost_of(candidate.price, self._bound.bound(candidate, messages, extras), cap or 0)
        return {"max_tokens_used": worst.tokens, "max_usd": None if candidate.price is None else worst.usd}

    def refusal(
        self, candidate: Candidate, messages: Sequence[BaseMessage], extras: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """Return the reason why `reserve` refused a call with these arguments."""
        remaining = self.remaining
        if remaining["usd"] is not None and candidate.price is None:
            return "its price is unknown, and the budget is in USD"
        needed = cost_of(candidate.price, self._bound.bound(candidate, messages, extras), MIN_REPLY_TOKENS)
        return f"the remaining budget is too small for this call: it {RemainingBudget(remaining).describe(needed)}"

    def _add(self, reservation: Reservation) -> Reservation:
        self._reserved[reservation] = reservation.worst_case
        if self._share is not None:
            self._share.change(reservation.worst_case)
        return reservation


def _affordable_tokens(allowance: Allowance, price: Price | None, prompt: int) -> float:
    """Return the output tokens that the allowance pays for after the prompt; negative if it cannot pay the prompt."""
    tokens, usd = allowance["tokens"], allowance["usd"]
    most = math.inf if tokens is None else tokens - prompt
    if usd is None:
        return most
    if price is None or (rest := usd + USD_TOLERANCE - prompt * max_input_price(price) / _MILLION) < 0:
        return -1
    return min(most, rest * _MILLION / price.output) if price.output else most
