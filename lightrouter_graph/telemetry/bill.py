"""What a run cost, and what one model alone or the full ensemble would have cost."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import cast

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from typing_extensions import TypedDict

from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.providers.pricing import usd_of
from lightrouter_graph.records import NO_USAGE, Answer, Boot, CallCost, Usage, add_usage


class Estimate(TypedDict):
    """What another way would have cost. `estimated` is false only where every token was really counted."""

    what: str
    calls: int
    usage: Usage
    usd: float | None
    estimated: bool


class Bill(TypedDict):
    """The bill of one run.

    The output of a call whose reply was lost (cancelled, timed out, disconnected) is estimated: as long as that of the
    calls of its stage that returned, within its cap. `usd` is None as soon as one call's price is unknown: then
    `usd_known` adds up the others and `unpriced` names whose price is missing. `by_stage` splits `usage`. `cached`
    boots came from the cache and are in none of the sums.
    """

    calls: int
    cached: int
    usage: Usage
    usd: float | None
    usd_known: float
    unpriced: list[str]
    seconds: float
    by_stage: dict[str, Usage]
    one_model: Estimate
    full_ensemble: Estimate


def make_bill(
    call_costs: Sequence[CallCost],
    boots: Sequence[Boot],
    answers: Sequence[Answer],
    *,
    pool: Pool,
    first: str,
    merged_tokens: int,
    merge_prompt_tokens: int,
    seconds: float,
) -> Bill:
    """Add up the calls of a run and estimate its alternatives.

    Args:
        call_costs: Every model call of the run.
        boots: Every boot of the run.
        answers: Every full answer of the run.
        pool: The pool the run chose from.
        first: The candidate to compare with: the one ranked first.
        merged_tokens: Length of the final answer, for the aggregator a full ensemble would have paid.
        merge_prompt_tokens: What an aggregator's prompt holds beside the conversation and the answers.
        seconds: Wall-clock of the run.
    """
    cached = sum(call_cost["outcome"] == "cached" for call_cost in call_costs)
    call_costs = [_estimated(s, call_costs) for s in call_costs if s["outcome"] in {"completed", "lost", "truncated"}]
    told = {name: _alone(name, boots, answers) for name in pool.names}
    known = [usage for usage in told.values() if usage is not None]
    alone = {name: usage or _guess(name, known, boots, merged_tokens) for name, usage in told.items()}
    return {
        "calls": len(call_costs),
        "cached": cached,
        "usage": add_usage(*(s["usage"] for s in call_costs)),
        "usd": _sum_or_none([s["usd"] for s in call_costs]),
        "usd_known": sum(s["usd"] or 0.0 for s in call_costs),
        "unpriced": list(dict.fromkeys(s["candidate"] for s in call_costs if s["usd"] is None)),
        "seconds": seconds,
        "by_stage": {
            stage: add_usage(*(s["usage"] for s in call_costs if s["stage"] == stage))
            for stage in dict.fromkeys(s["stage"] for s in call_costs)
        },
        "one_model": _estimate(f"{first} alone", [(pool[first], alone[first])]),
        "full_ensemble": _full_ensemble(pool, pool[first], alone, merged_tokens, merge_prompt_tokens),
    }


def _estimated(call_cost: CallCost, all_of_them: Sequence[CallCost]) -> CallCost:
    """Estimate the output of a lost call."""
    if call_cost["outcome"] != "lost":
        return call_cost
    peers = [
        s["usage"]["output_tokens"]
        for s in all_of_them
        if s["stage"] == call_cost["stage"] and s["outcome"] == "completed" and s["usage"]["output_tokens"]
    ]
    output = round(mean(peers)) if peers else call_cost["cap"] or 0
    usage: Usage = {**call_cost["usage"], "output_tokens": min(output, call_cost["cap"] or output)}
    read, price = call_cost["usd"], call_cost["output_price"]
    usd = None if read is None or price is None else read + usage["output_tokens"] * price / 1e6
    return {**call_cost, "usage": usage, "usd": usd}


def usage_metadata(usage: Usage) -> UsageMetadata:
    """Say a usage in LangChain's words; integers only, since floats break the adding of chunks."""
    return UsageMetadata(
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        total_tokens=usage["input_tokens"] + usage["output_tokens"],
        input_token_details=InputTokenDetails(cache_read=usage["cached_tokens"]),
        output_token_details=OutputTokenDetails(reasoning=usage["reasoning_tokens"]),
    )


def _alone(name: str, boots: Sequence[Boot], answers: Sequence[Answer]) -> Usage | None:
    """What the candidate's own full answer took, had it answered the bare question alone; None if it wrote none.

    Alone it pays for its prompt once and for every token of the answer. The count is exact for an answer to the bare
    prompt; one that was written under other candidates' boots or a draft is the best estimate there is.
    """
    own = [boot for boot in boots if boot["candidate"] == name and boot["failure"] is None]
    full = next((a for a in reversed(answers) if a["candidate"] == name and a["failure"] is None), None)
    if full is None:
        return next((boot["usage"] for boot in own if boot["finished"]), None)
    begun = next((boot for boot in own if boot["layer"] == full["layer"]), None)
    if full["via"] == "regeneration" or begun is None:
        first = own[0]["usage"] if own else full["usage"]
        guessed = first["input_tokens"] != full["usage"]["input_tokens"] or full["usage"]["estimated"]
        return cast("Usage", {**full["usage"], "input_tokens": first["input_tokens"], "estimated": guessed})
    whole = add_usage(begun["usage"], full["usage"])
    prompt = {key: own[0]["usage"][key] for key in ("input_tokens", "cached_tokens")}
    return cast("Usage", {**whole, **prompt, "estimated": whole["estimated"] or full["layer"] > 1})


def _full_ensemble(
    pool: Pool, aggregator: Candidate, alone: Mapping[str, Usage], merged_tokens: int, merge_prompt_tokens: int
) -> Estimate:
    """One layer of Mixture-of-Agents: all answer in full, one more call reads them all and answers."""
    parts = [(candidate, alone[candidate.name]) for candidate in pool]
    told = sum(usage["output_tokens"] for _, usage in parts)
    read = alone[aggregator.name]["input_tokens"] + merge_prompt_tokens + told
    merge: Usage = {**NO_USAGE, "input_tokens": read, "output_tokens": merged_tokens, "estimated": True}
    return _estimate(f"all {len(pool)} in full, then an aggregator", [*parts, (aggregator, merge)])


def _guess(name: str, known: Sequence[Usage], boots: Sequence[Boot], merged_tokens: int) -> Usage:
    """The mean of the answers that were written, for one that was not; at least as long as its own boot."""
    begun = max((boot["usage"]["output_tokens"] for boot in boots if boot["candidate"] == name), default=0)
    prompts = [usage["input_tokens"] for usage in known] or [
        boot["usage"]["input_tokens"] for boot in boots if boot["layer"] == 1
    ]
    outputs = [usage["output_tokens"] for usage in known] or [merged_tokens]
    return {
        **NO_USAGE,
        "input_tokens": round(mean(prompts or [0])),
        "output_tokens": max(begun, round(mean(outputs))),
        "estimated": True,
    }


def _estimate(what: str, parts: Sequence[tuple[Candidate, Usage]]) -> Estimate:
    usage = add_usage(*(part for _, part in parts))
    prices = [None if c.price is None else usd_of(part, c.price) for c, part in parts]
    return {
        "what": what,
        "calls": len(parts),
        "usage": usage,
        "usd": _sum_or_none(prices),
        "estimated": usage["estimated"],
    }


def _sum_or_none(prices: Sequence[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None
