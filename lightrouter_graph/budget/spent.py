"""Worst-case cost of calls that were made."""

import math
from collections.abc import Iterable, Sequence

from lightrouter_graph.budget.amounts import NOTHING, Amount
from lightrouter_graph.records import NOTHING_SPENT, CallCost, Spent


def amount_of(call_cost: CallCost) -> Amount:
    """Return the worst-case cost of one recorded call.

    A call costs what its provider reported. Without a report it costs `max_tokens_used` and `max_usd` of its record.

    Args:
        call_cost: Record of a call in the state.
    """
    if call_cost["outcome"] in {"not_sent", "cached"}:
        return NOTHING
    usage = call_cost["usage"]
    reported = Amount(call_cost["usd"] or 0.0, usage["input_tokens"] + usage["output_tokens"], 1)
    if call_cost["max_tokens_used"] is None:
        return reported
    return reported.at_least(Amount(call_cost["max_usd"] or 0.0, call_cost["max_tokens_used"], 1))


def total_spent(call_costs: Sequence[CallCost], seconds: float | None = None) -> Spent:
    """Add up the worst-case cost of calls.

    Args:
        call_costs: The recorded calls.
        seconds: Wall-clock seconds they took; None adds up the seconds of the single calls.
    """
    amount = sum(map(amount_of, call_costs), NOTHING)
    took = sum(call_cost["seconds"] for call_cost in call_costs) if seconds is None else seconds
    return {"usd": amount.usd, "tokens": amount.tokens, "calls": amount.calls, "seconds": took}


def add_spent(one: Spent, other: Spent) -> Spent:
    """Add two totals.

    Args:
        one: Cost of some runs or calls.
        other: Cost of different ones.
    """
    return {
        "usd": one["usd"] + other["usd"],
        "tokens": one["tokens"] + other["tokens"],
        "calls": one["calls"] + other["calls"],
        "seconds": one["seconds"] + other["seconds"],
    }


def reserved_spent(amounts: Iterable[Amount]) -> Spent:
    """Return the worst case of calls about to be sent, as it counts on the thread if the process dies.

    Args:
        amounts: Worst-case costs, one per call.
    """
    amount = sum(amounts, NOTHING)
    usd = 0.0 if math.isinf(amount.usd) else amount.usd
    return {**NOTHING_SPENT, "usd": usd, "tokens": amount.tokens, "calls": amount.calls}
