"""The bill of a run, with estimates for one model alone and for the full ensemble; the cost of a conversation."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import cast

from langchain_core.messages import BaseMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from typing_extensions import TypedDict

from lightrouter_graph.pool import Candidate, Pool
from lightrouter_graph.providers.pricing import usd_of
from lightrouter_graph.records import NO_USAGE, Answer, Boot, CallCost, Usage, add_usage

_SENT = frozenset({"completed", "lost", "truncated"})
_PROMPT_PARTS = ("input_tokens", "cached_tokens", "cache_write_tokens", "cache_write_1h_tokens", "audio_input_tokens")


class Estimate(TypedDict):
    """Estimated cost of an alternative to the run. `estimated` is False only if the provider counted every token."""

    what: str
    calls: int
    usage: Usage
    usd: float | None
    estimated: bool


class Bill(TypedDict):
    """The bill of one run.

    The output tokens of a lost call (cancelled, timeout, disconnected) are estimated: the mean of the completed calls
    of its stage, at most its cap. If a price is unknown, `usd` is None, `usd_known` is the sum of the known prices, and
    `unpriced` has the candidates without a price. `by_stage` splits `usage` by stage. `cached` counts replies
    from a cache, of this package or of LangChain, which no sum includes.
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
    """Sum the cost of the model calls of a run, and estimate its alternatives.

    Args:
        call_costs: Cost of every model call of the run.
        boots: Every boot of the run.
        answers: Every full answer of the run.
        pool: The candidates of the run.
        first: Name of the candidate that is compared with: the one ranked first.
        merged_tokens: Output tokens of the final answer, for the aggregator of the full ensemble.
        merge_prompt_tokens: Prompt tokens of an aggregator without the conversation and the answers.
        seconds: Wall-clock time of the run.
    """
    cached = sum(cost["outcome"] == "cached" for cost in call_costs)
    sent = [_estimated(cost, call_costs) for cost in call_costs if cost["outcome"] in _SENT]
    answered = {name: _usage_alone(name, boots, answers) for name in pool.names}
    known = [usage for usage in answered.values() if usage is not None]
    alone = {name: usage or _guess(name, known, boots, merged_tokens) for name, usage in answered.items()}
    return {
        "calls": len(sent),
        "cached": cached,
        "usage": add_usage(*(cost["usage"] for cost in sent)),
        "usd": _sum_or_none([cost["usd"] for cost in sent]),
        "usd_known": sum(cost["usd"] or 0.0 for cost in sent),
        "unpriced": list(dict.fromkeys(cost["candidate"] for cost in sent if cost["usd"] is None)),
        "seconds": seconds,
        "by_stage": {
            stage: add_usage(*(cost["usage"] for cost in sent if cost["stage"] == stage))
            for stage in dict.fromkeys(cost["stage"] for cost in sent)
        },
        "one_model": _estimate(f"{first} alone", [(pool[first], alone[first])]),
        "full_ensemble": _full_ensemble(pool, pool[first], alone, merged_tokens, merge_prompt_tokens),
    }


def _estimated(cost: CallCost, call_costs: Sequence[CallCost]) -> CallCost:
    """Estimate the output tokens of a lost call by the mean of its stage."""
    if cost["outcome"] != "lost":
        return cost
    peers = [
        peer["usage"]["output_tokens"]
        for peer in call_costs
        if peer["stage"] == cost["stage"] and peer["outcome"] == "completed" and peer["usage"]["output_tokens"]
    ]
    output = round(mean(peers)) if peers else cost["cap"] or 0
    usage: Usage = {**cost["usage"], "output_tokens": min(output, cost["cap"] or output)}
    prompt_usd, price = cost["usd"], cost["output_price"]
    usd = None if prompt_usd is None or price is None else prompt_usd + usage["output_tokens"] * price / 1e6
    return {**cost, "usage": usage, "usd": usd}


def usage_metadata(usage: Usage) -> UsageMetadata:
    """Convert a `usage` to LangChain's `UsageMetadata`; integers, as LangChain cannot add chunks with floats.

    Args:
        usage: Token counts of one call, or of several added up.
    """
    inputs, outputs = InputTokenDetails(cache_read=usage["cached_tokens"]), OutputTokenDetails()
    outputs["reasoning"] = usage["reasoning_tokens"]
    if written := usage.get("cache_write_tokens"):
        inputs["cache_creation"] = written
    if heard := usage.get("audio_input_tokens"):
        inputs["audio"] = heard
    if spoken := usage.get("audio_output_tokens"):
        outputs["audio"] = spoken
    return UsageMetadata(
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        total_tokens=usage["input_tokens"] + usage["output_tokens"],
        input_token_details=inputs,
        output_token_details=outputs,
    )


def _usage_alone(name: str, boots: Sequence[Boot], answers: Sequence[Answer]) -> Usage | None:
    """Return the tokens of a candidate's full answer to the conversation alone; None if it generated none.

    The prompt counts once, and every token of the answer. The count is exact for an answer to the conversation alone,
    and an estimate for an answer that was conditioned on other boots or a draft.
    """
    own = [boot for boot in boots if boot["candidate"] == name and boot["failure"] is None]
    full = next((a for a in reversed(answers) if a["candidate"] == name and a["failure"] is None), None)
    if full is None:
        return next((boot["usage"] for boot in own if boot["finished"]), None)
    started = next((boot for boot in own if boot["layer"] == full["layer"]), None)
    if full["via"] == "regeneration" or started is None:
        first = own[0]["usage"] if own else full["usage"]
        estimated = first["input_tokens"] != full["usage"]["input_tokens"] or full["usage"]["estimated"]
        return cast("Usage", {**full["usage"], "input_tokens": first["input_tokens"], "estimated": estimated})
    total = add_usage(started["usage"], full["usage"])
    prompt = {key: cast("Mapping[str, int]", own[0]["usage"]).get(key, 0) for key in _PROMPT_PARTS if key in total}
    return cast("Usage", {**total, **prompt, "estimated": total["estimated"] or full["layer"] > 1})


def _full_ensemble(
    pool: Pool, aggregator: Candidate, alone: Mapping[str, Usage], merged_tokens: int, merge_prompt_tokens: int
) -> Estimate:
    """Estimate one layer of Mixture-of-Agents: every candidate answers in full, and an aggregator reads all answers."""
    parts = [(candidate, alone[candidate.name]) for candidate in pool]
    answer_tokens = sum(usage["output_tokens"] for _, usage in parts)
    input_tokens = alone[aggregator.name]["input_tokens"] + merge_prompt_tokens + answer_tokens
    merge: Usage = {**NO_USAGE, "input_tokens": input_tokens, "output_tokens": merged_tokens, "estimated": True}
    return _estimate(f"all {len(pool)} in full, then an aggregator", [*parts, (aggregator, merge)])


def _guess(name: str, known: Sequence[Usage], boots: Sequence[Boot], merged_tokens: int) -> Usage:
    """Return the mean usage of the generated answers; at least the output tokens of the candidate's own boot."""
    boot_tokens = max((boot["usage"]["output_tokens"] for boot in boots if boot["candidate"] == name), default=0)
    asked = known or [boot["usage"] for boot in boots if boot["layer"] == 1]
    input_tokens = round(mean([usage["input_tokens"] for usage in asked] or [0]))
    output_tokens = max(boot_tokens, round(mean([usage["output_tokens"] for usage in known] or [merged_tokens])))
    return {**NO_USAGE, "input_tokens": input_tokens, "output_tokens": output_tokens, "estimated": True}


def _estimate(what: str, parts: Sequence[tuple[Candidate, Usage]]) -> Estimate:
    usage = add_usage(*(part for _, part in parts))
    usd = _sum_or_none([None if c.price is None else usd_of(part, c.price) for c, part in parts])
    return {"what": what, "calls": len(parts), "usage": usage, "usd": usd, "estimated": usage["estimated"]}


def _sum_or_none(prices: Sequence[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


class Cost(TypedDict):
    """Cost of one or more runs. `usd` is None if a price is unknown; `usd_known` is the sum of the known ones."""

    runs: int
    calls: int
    usage: Usage
    usd: float | None
    usd_known: float
    unpriced: list[str]
    """Candidates without a known price."""
    seconds: float


def cost_of(messages: BaseMessage | Iterable[BaseMessage]) -> Cost:
    """Add up the bills of the answers in a conversation, each run once.

    Args:
        messages: One answer, or a conversation; messages that LightRouter did not write cost nothing here.
    """
    answers = [messages] if isinstance(messages, BaseMessage) else messages
    records = [answer.response_metadata.get("lightrouter") or {} for answer in answers]
    bills = {r["run"]: cast("Bill", r["bill"]) for r in records if {"run", "bill"} <= r.keys()}.values()
    return {
        "runs": len(bills),
        "calls": sum(bill["calls"] for bill in bills),
        "usage": add_usage(NO_USAGE, *(bill["usage"] for bill in bills)),
        "usd": _sum_or_none([bill["usd"] for bill in bills]),
        "usd_known": sum(bill["usd_known"] for bill in bills),
        "unpriced": sorted({name for bill in bills for name in bill["unpriced"]}),
        "seconds": sum(bill["seconds"] for bill in bills),
    }
