"""What calls have cost at most."""

import math
from collections.abc import Iterable, Sequence

from typing_extensions import TypedDict

from lightrouter_graph.budget.amounts import Amount, total
from lightrouter_graph.records import CallCost

_LOST = frozenset({"lost", "truncated"})
_FREE = frozenset({"not_sent", "cached"})
_MILLION = 1_000_000


class Spent(TypedDict):
    """What was spent, in the worst case. `unpriced` calls have no known price and are not in `usd`."""

    usd: float
    tokens: int
    calls: int
    seconds: float
    unpriced: int


class AtMost(TypedDict):
    """What a call took at most, where nobody said what it took; part of its `CallCost`. USD None: no known price."""

    max_tokens_used: int
    max_usd: float | None


NOTHING: Spent = {"usd": 0.0, "tokens": 0, "calls": 0, "seconds": 0.0, "unpriced": 0}


def spent_by(call_costs: Sequence[CallCost], seconds: float | None = None) -> Spent:
    """Add up what calls cost at most.

    Args:
        call_costs: The calls.
        seconds: What they took on the clock; None: as if one had followed the other, where that is not known.
    """
    amounts = [amount_of(call_cost) for call_cost in call_costs]
    sum_of_all = total(amounts)
    counted = [call_cost for call_cost, amount in zip(call_costs, amounts, strict=True) if amount.calls]
    return {
        "usd": sum_of_all.usd,
        "tokens": sum_of_all.tokens,
        "calls": sum_of_all.calls,
        "seconds": sum(call_cost["seconds"] for call_cost in call_costs) if seconds is None else seconds,
        "unpriced": sum(call_cost["usd"] is None for call_cost in counted),
    }


def add_spent(one: Spent, other: Spent) -> Spent:
    """Add what was spent on two occasions."""
    return {
        "usd": one["usd"] + other["usd"],
        "tokens": one["tokens"] + other["tokens"],
        "calls": one["calls"] + other["calls"],
        "seconds": one["seconds"] + other["seconds"],
        "unpriced": one["unpriced"] + other["unpriced"],
    }


def in_flight(amounts: Iterable[Amount]) -> Spent:
    """Write down what calls that are about to be made take at most, should nobody live to say what they took."""
    sum_of_all = total(amounts)
    usd = 0.0 if math.isinf(sum_of_all.usd) else sum_of_all.usd
    return {**NOTHING, "usd": usd, "tokens": sum_of_all.tokens, "calls": sum_of_all.calls}


def amount_of(call_cost: CallCost) -> Amount:
    """Return what one call cost at most.

    A call that returned cost what its provider said. Where nobody said (its reply was lost, we cut it off, or the
    tokens were counted by us), it counts with `max_tokens_used` and `max_usd` of its record; where these are missing, a
    lost one counts as if it had been written to its cap.
    """
    if call_cost["outcome"] in _FREE:
        return Amount()
    usage = call_cost["usage"]
    said = Amount(call_cost["usd"] or 0.0, usage["input_tokens"] + usage["output_tokens"], 1)
    if call_cost["outcome"] == "completed" and not usage["estimated"]:
        return said
    return said.at_least(_at_most(call_cost, said))


def _at_most(call_cost: CallCost, said: Amount) -> Amount:
    if call_cost["max_tokens_used"] is not None:
        return Amount(call_cost["max_usd"] or 0.0, call_cost["max_tokens_used"], 1)
    unheard = max(0, (call_cost["cap"] or 0) - call_cost["usage"]["output_tokens"])
    if call_cost["outcome"] not in _LOST:
        return said
    return said + Amount(unheard * (call_cost["output_price"] or 0.0) / _MILLION, unheard)
