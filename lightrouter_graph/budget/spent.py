"""Worst-case cost of calls that were made."""

import math
from collections.abc import Iterable, Sequence

from lightrouter_graph.budget.amounts import Amount, total
from lightrouter_graph.records import NOTHING_SPENT, CallCost, Spent

_LOST = frozenset({"lost", "truncated"})
_FREE = frozenset({"not_sent", "cached"})
_MILLION = 1_000_000


def total_spent(call_costs: Sequence[CallCost], seconds: float | None = None) -> Spent:
    """Add up the worst-case cost of calls.

    Args:
        call_costs: The recorded calls.
        seconds: Wall-clock seconds they took; None adds up the seconds of the single calls.
    """
    amounts = [amount_of(call_cost) for call_cost in call_costs]
    amount = total(amounts)
    counted = [call_cost for call_cost, amount in zip(call_costs, amounts, strict=True) if amount.calls]
    return {
        "usd": amount.usd,
        "tokens": amount.tokens,
        "calls": amount.calls,
        "seconds": sum(call_cost["seconds"] for call_cost in call_costs) if seconds is None else seconds,
        "unpriced": sum(call_cost["usd"] is None for call_cost in counted),
    }


def add_spent(one: Spent, other: Spent) -> Spent:
    """Add two totals."""
    return {
        "usd": one["usd"] + other["usd"],
        "tokens": one["tokens"] + other["tokens"],
        "calls": one["calls"] + other["calls"],
        "seconds": one["seconds"] + other["seconds"],
        "unpriced": one["unpriced"] + other["unpriced"],
    }


def reserved_spent(amounts: Iterable[Amount]) -> Spent:
    """Return the worst case of calls about to be sent, as it counts on the thread if the process dies."""
    amount = total(amounts)
    usd = 0.0 if math.isinf(amount.usd) else amount.usd
    return {**NOTHING_SPENT, "usd": usd, "tokens": amount.tokens, "calls": amount.calls}


def amount_of(call_cost: CallCost) -> Amount:
    """Return the worst-case cost of one recorded call.

    A call that returned costs what its provider reported. If the response was lost or truncated, or its tokens were
    estimated, the call costs `max_tokens_used` and `max_usd` of its record; a lost call without them counts up to its
    cap.
    """
    if call_cost["outcome"] in _FREE:
        return Amount()
    usage = call_cost["usage"]
    reported = Amount(call_cost["usd"] or 0.0, usage["input_tokens"] + usage["output_tokens"], 1)
    if call_cost["outcome"] == "completed" and not usage["estimated"]:
        return reported
    return reported.at_least(_worst_case(call_cost, reported))


def _worst_case(call_cost: CallCost, reported: Amount) -> Amount:
    if call_cost["max_tokens_used"] is not None:
        return Amount(call_cost["max_usd"] or 0.0, call_cost["max_tokens_used"], 1)
    if call_cost["outcome"] not in _LOST:
        return reported
    missing = max(0, (call_cost["cap"] or 0) - call_cost["usage"]["output_tokens"])
    return reported + Amount(missing * (call_cost["output_price"] or 0.0) / _MILLION, missing)
