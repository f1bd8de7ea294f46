"""What a chat model replied, as a record: its text, why it ended, what it cost, and what is wrong with it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.request import Request
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator
from lightrouter_graph.llm.tool_calls import tool_call_message_of
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.model_facts import is_openai_like
from lightrouter_graph.providers.pricing import usd_of
from lightrouter_graph.reasoning import reasoning_of, strip_reasoning
from lightrouter_graph.records import NO_USAGE, CallCost, CallOutcome, Failure, ToolCallMessage, Usage

_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content"})
_MOST_PLAUSIBLE = 10_000_000
"""Tokens; no model reads or writes more in one call, so a usage that says so is wrong."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The reply of a chat model, or why there is none.

    Attributes:
        text: What it wrote, thoughts aloud included; it begins with the prefix, if the model went on from one. Where
            the call failed half-way, as much as was heard.
        finish_reason: Why it ended, in its provider's word.
        call_cost: The call on the bill.
        failure: Why there is no reply.
        message_id: The id under which the tokens were streamed.
        restarted: Whether it started over instead of going on from the prefix.
        tool_call_message: The whole reply where it calls tools.
        reasoning: What it shows of its reasoning.
        whole: The tokens of the text, where they are not those of the last call: it came from a cache, or of two calls.
        earlier: What the attempts before this one cost.
        metadata: What the provider returned beside the text, as JSON values; keys that it did not send are absent.
            `logprobs`: `{"content": [{"token": str, "logprob": float}, ...]}`, one entry per output token of this
            call, without alternatives; `system_fingerprint`; `model_name`.
    """

    text: str
    finish_reason: str | None
    call_cost: CallCost
    failure: Failure | None = None
    message_id: str | None = None
    restarted: bool = False
    tool_call_message: ToolCallMessage | None = None
    reasoning: str = ""
    whole: Usage | None = None
    earlier: tuple[CallCost, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def restore(cls, saved: Mapping[str, Any]) -> Self:
        """Rebuild a completion from `dataclasses.asdict`; lists, which JSON and msgpack make of tuples, are accepted.

        Args:
            saved: All fields by name; fields with a default may be missing.
        """
        return cls(**{**saved, "earlier": tuple(saved.get("earlier", ()))})

    @property
    def usage(self) -> Usage:
        """The tokens of the reply, whether they were paid for now or once before."""
        return self.whole or self.call_cost["usage"]

    @property
    def call_costs(self) -> list[CallCost]:
        """Every call it took."""
        return [*self.earlier, self.call_cost]

    @property
    def visible_text(self) -> str:
        """The text without what the model thought aloud: what an answer is compared and judged by."""
        return strip_reasoning(self.text)

    @property
    def truncated(self) -> bool:
        """Whether the cap ended the reply, as far as the provider says."""
        return ended_by_cap(self.finish_reason)

    @property
    def finished(self) -> bool:
        """Whether there is a reply and the model ended it by itself."""
        return self.failure is None and not self.truncated


def ended_by_cap(finish_reason: str | None) -> bool:
    """Whether a finish reason, in whichever provider's word, says that the cap ended a reply."""
    return (finish_reason or "").lower() in _CUT


def read_reply(
    message: AIMessage,
    heard: StreamAccumulator,
    asked: Sequence[BaseMessage],
    *,
    candidate: Candidate,
    call: Call,
    seconds: float,
) -> Completion:
    """Turn a message into a record.

    Args:
        message: What the model replied.
        heard: How it came.
        asked: The whole prompt.
        candidate: Who was asked.
        call: What for.
        seconds: How long it took.
    """
    usage, metadata = _usage_of(message, asked, call), _metadata_of(message)
    if heard.truncated and len(heard.chunks) > 1:
        usage = {**usage, "output_tokens": max(heard.tokens, 1), "estimated": True}
    spent = call_cost_of(candidate, call, usage, seconds, "truncated" if heard.truncated else "completed")
    reason = "length" if heard.truncated else _finish_reason(message)
    if reason is None and _broke_off(candidate, call, heard):
        broken: Failure = {"cause": "disconnected", "message": "the stream ended before the reply did"}
        if heard.has_chunks and message.usage_metadata is None:
            return partial_reply(heard, broken, asked, candidate=candidate, call=call, seconds=seconds)
        truncated: CallCost = {**spent, "outcome": "truncated"}
        return Completion(_whole(str(message.text)), None, truncated, broken, message_id=message.id, metadata=metadata)
    if reason is None and call.max_tokens is not None and usage["output_tokens"] >= call.max_tokens:
        reason = "length"  # the provider does not say, the count does
    reply = Completion(
        _whole(str(message.text)),
        reason,
        spent,
        message_id=message.id,
        reasoning=_whole(reasoning_of(message)),
        metadata=metadata,
    )
    return _checked(message, reply, call)


def partial_reply(
    heard: StreamAccumulator,
    failure: Failure,
    asked: Sequence[BaseMessage],
    *,
    candidate: Candidate,
    call: Call,
    seconds: float,
) -> Completion:
    """Keep what was heard of a reply that was stopped or broke off.

    A call of which nothing was heard is lost: providers bill it for what was generated, many for all of it, and none
    tells.
    """
    prompt: Usage = {**NO_USAGE, "input_tokens": count_tokens_approximately(asked), "estimated": True}
    if not heard.has_chunks:
        return Completion("", None, call_cost_of(candidate, call, prompt, seconds, "lost"), failure)
    usage: Usage = {**prompt, "output_tokens": heard.tokens}
    spent = call_cost_of(candidate, call, usage, seconds, "truncated")
    message = heard.message()
    return Completion(
        _whole(heard.text),
        None,
        spent,
        failure,
        message_id=heard.chunks[0].id,
        reasoning=_whole(reasoning_of(message)),
        metadata=_metadata_of(message),
    )


def _broke_off(candidate: Candidate, call: Call, heard: StreamAccumulator) -> bool:
    """Whether a stream that ended without a finish reason lost its end: OpenAI's API gives one with every reply."""
    return (heard.has_chunks or call.stream_to_user) and is_openai_like(candidate.model)


def _checked(message: AIMessage, reply: Completion, call: Call) -> Completion:
    text = reply.visible_text if call.request.schema is not None else reply.text
    if failure := _failure_of_reply(message, reply, call.request, boot=call.stage == "boot"):
        return replace(reply, failure=failure)
    if reply.truncated:
        return reply
    tool_call_message = tool_call_message_of(message) if call.request.may_call else None
    return replace(
        reply,
        tool_call_message=tool_call_message,
        text=text if tool_call_message else call.request.extract_object(text),
    )


def _failure_of_reply(  # noqa: PLR0911 - one for each way to fail
    message: AIMessage, reply: Completion, request: Request, *, boot: bool
) -> Failure | None:
    """Say why a reply that came cannot be used; None where it can."""
    if (reply.finish_reason or "").lower() in _FILTERED:
        return {"cause": "content_filter", "message": "the provider's content filter stopped the reply"}
    calls, silent = message.tool_calls or message.invalid_tool_calls, not reply.visible_text.strip()
    if calls and silent and not request.may_call:
        return {"cause": "bad_response", "message": "a tool call, where none was asked for"}
    if reply.truncated and boot and request.tools:
        return None  # it may have ended within a call, which not every server shows: nothing to compare yet
    if silent and not calls:
        return {"cause": "empty", "message": _why_silent(reply)}
    if not reply.truncated:
        return request.failure_of(_without_thoughts(message, reply))
    if boot or not (calls or request.wants_object or request.must_call):
        return None
    return {"cause": "bad_response", "message": f"the cap cut {'a tool call' if calls else 'the object'}"}


def _why_silent(reply: Completion) -> str:
    if has_only_reasoned(reply):
        return f"reasoning took all of {reply.usage['output_tokens']} tokens"
    return f"no text (finish reason {reply.finish_reason})"


def has_only_reasoned(reply: Completion) -> bool:
    """Whether a reply holds no answer because its cap went on reasoning, shown or hidden."""
    if reply.visible_text.strip() or reply.tool_call_message is not None:
        return False
    shown = bool(reply.reasoning or reply.usage["reasoning_tokens"])
    return shown or (
        reply.truncated and reply.failure is not None
    )  # a cut reply without failure may end within a tool call


def _without_thoughts(message: AIMessage, reply: Completion) -> AIMessage:
    return message if reply.visible_text == reply.text else message.model_copy(update={"content": reply.visible_text})


def _finish_reason(message: AIMessage) -> str | None:
    metadata = message.response_metadata
    for name in ("finish_reason", "stop_reason", "done_reason"):
        if metadata.get(name):
            return _whole(str(metadata[name]))
    return None


def _metadata_of(message: AIMessage) -> dict[str, Any]:
    metadata = message.response_metadata
    names = {k: _whole(v) for k in ("system_fingerprint", "model_name") if isinstance(v := metadata.get(k), str) and v}
    tokens = _logprobs_of(metadata.get("logprobs"))
    return {"logprobs": {"content": tokens}, **names} if tokens else names


def _logprobs_of(logprobs: Any) -> list[dict[str, Any]]:
    """Read OpenAI's token list; the lists of alternatives are left out, since a state is checkpointed often."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return [
        {"token": _whole(item["token"]), "logprob": float(item["logprob"])}
        for item in (content if isinstance(content, list) else ())
        if isinstance(item, Mapping)
        and isinstance(item.get("token"), str)
        and isinstance(item.get("logprob"), int | float)
        and math.isfinite(item["logprob"])
    ]


def _whole(text: str) -> str:
    """Join halves of characters that belong together and replace the others: no checkpoint and no client takes them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage_of(message: AIMessage, asked: Sequence[BaseMessage], call: Call) -> Usage:
    """Read the usage; what the provider does not say, or cannot mean, is counted by us and flagged."""
    told: Mapping[str, Any] = message.usage_metadata or {}
    read, written = _count(told.get("input_tokens")), _count(told.get("output_tokens"))
    wrote = bool(message.text or message.tool_calls)
    if not read or written is None or (wrote and not written):
        counted = count_tokens_approximately([message]) if wrote else 0
        return {
            **NO_USAGE,
            "input_tokens": read or count_tokens_approximately(asked),
            "output_tokens": written or min(counted, call.max_tokens or counted),
            "estimated": True,
        }
    return {
        "input_tokens": read,
        "output_tokens": written,
        "cached_tokens": _count((told.get("input_token_details") or {}).get("cache_read")) or 0,
        "reasoning_tokens": _count((told.get("output_token_details") or {}).get("reasoning")) or 0,
        "estimated": False,
    }


def _count(value: Any) -> int | None:
    plausible = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_PLAUSIBLE
    return value if plausible else None


def call_cost_of(
    candidate: Candidate, call: Call, usage: Usage, seconds: float, outcome: CallOutcome = "completed"
) -> CallCost:
    """Write a call on the bill."""
    return {
        "layer": call.layer,
        "candidate": candidate.name,
        "stage": call.stage,
        "outcome": outcome,
        "cap": call.max_tokens,
        "output_price": None if candidate.price is None else candidate.price.output,
        "usage": usage,
        "usd": usd_of(usage, candidate.price) if candidate.price is not None else None,
        "max_tokens_used": None,
        "max_usd": None,
        "seconds": seconds,
    }


def unsent(candidate: Candidate, call: Call, failure: Failure) -> Completion:
    """Write down a call that was never made."""
    return Completion("", None, call_cost_of(candidate, call, {**NO_USAGE}, 0.0, "not_sent"), failure)
