"""Reads the message of a model into a `Completion`: text, finish reason, usage, metadata, tool calls, failure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.completion import Completion, call_cost_of, has_only_reasoned
from lightrouter_graph.llm.request import Request
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator
from lightrouter_graph.llm.tool_calls import tool_call_message_of
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.model_facts import is_openai_like
from lightrouter_graph.reasoning import reasoning_of
from lightrouter_graph.records import NO_USAGE, CallCost, CallOutcome, Failure, Usage

_FILTER_REASONS = frozenset({"content_filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content"})
_MAX_TOKENS = 10_000_000
"""No model reads or writes more tokens in one call: a larger number in a usage is an error of the provider."""


@dataclass(frozen=True, slots=True)
class SentCall:
    """One sent attempt of a call, with the cap that was reserved; reads its response into a `Completion`.

    Attributes:
        prompt: All messages that were sent.
        accumulator: The chunks, if the response was streamed.
        seconds: Wall-clock time of the attempt.
    """

    candidate: Candidate
    call: Call
    prompt: Sequence[BaseMessage]
    accumulator: StreamAccumulator
    seconds: float

    def read(self, message: AIMessage) -> Completion:
        """Return the completion of a response that arrived; it has a `failure` if it cannot be used."""
        call, accumulator, usage = self.call, self.accumulator, _usage_of(message, self.prompt, self.call)
        if accumulator.truncated and len(accumulator.chunks) > 1:
            usage = {**usage, "output_tokens": max(accumulator.tokens, 1), "estimated": True}
        reason = "length" if accumulator.truncated else _finish_reason(message)
        if reason is None and self._lost_its_end():
            failure: Failure = {"cause": "disconnected", "message": "the stream ended without a finish reason"}
            if accumulator.chunks and message.usage_metadata is None:
                return self.read_partial(failure)
            return self._completion(message, None, usage, "truncated", failure)
        if reason is None and call.max_tokens is not None and usage["output_tokens"] >= call.max_tokens:
            reason = "length"  # the provider sent no reason, but the output is as long as the cap
        outcome: CallOutcome = "truncated" if accumulator.truncated else "completed"
        return _checked(message, self._completion(message, reason, usage, outcome), call)

    def read_partial(self, failure: Failure) -> Completion:
        """Return the completion of a response that was cancelled or broke off, with the text that had arrived.

        A call without any chunk is recorded as lost: providers bill the generated tokens, but do not report them.
        """
        prompt_tokens = count_tokens_approximately(self.prompt)
        usage: Usage = {**NO_USAGE, "input_tokens": prompt_tokens, "estimated": True}
        if not self.accumulator.chunks:
            return Completion("", None, self._cost(usage, "lost"), failure)
        usage = {**usage, "output_tokens": self.accumulator.tokens}
        partial = self._completion(self.accumulator.message(), None, usage, "truncated", failure)
        return replace(partial, message_id=self.accumulator.chunks[0].id)

    def read_nothing(self, failure: Failure) -> Completion:
        """Return the completion of a request that the provider refused: no text, no cost."""
        return Completion("", None, self._cost({**NO_USAGE}, "completed"), failure)

    def _completion(
        self, message: AIMessage, reason: str | None, usage: Usage, outcome: CallOutcome, failure: Failure | None = None
    ) -> Completion:
        return Completion(
            _valid_unicode(str(message.text)),
            reason,
            self._cost(usage, outcome),
            failure,
            message_id=message.id,
            reasoning=_valid_unicode(reasoning_of(message)),
            metadata=_metadata_of(message),
        )

    def _cost(self, usage: Usage, outcome: CallOutcome) -> CallCost:
        return call_cost_of(self.candidate, self.call, usage, self.seconds, outcome)

    def _lost_its_end(self) -> bool:
        """Return True for a stream of an OpenAI-like API, which sends a finish reason with every response."""
        streamed = bool(self.accumulator.chunks) or self.call.stream_to_user
        return streamed and is_openai_like(self.candidate.model)


def _checked(message: AIMessage, reply: Completion, call: Call) -> Completion:
    request = call.request
    if failure := _failure_of_reply(message, reply, request, boot=call.stage == "boot"):
        return replace(reply, failure=failure)
    if reply.truncated:
        return reply
    text = reply.visible_text if request.schema is not None else reply.text
    tool_call_message = tool_call_message_of(message) if request.may_call else None
    text = text if tool_call_message else request.extract_object(text)
    return replace(reply, tool_call_message=tool_call_message, text=text)


def _failure_of_reply(  # noqa: PLR0911 - one for each kind of failure
    message: AIMessage, reply: Completion, request: Request, *, boot: bool
) -> Failure | None:
    if (reply.finish_reason or "").lower() in _FILTER_REASONS:
        return {"cause": "content_filter", "message": "the content filter of the provider stopped the reply"}
    calls, empty = message.tool_calls or message.invalid_tool_calls, not reply.visible_text.strip()
    if calls and empty and not request.may_call:
        return {"cause": "bad_response", "message": "the reply calls a tool, but no tool was offered"}
    if reply.truncated and boot and request.tools:
        return None  # it may have ended inside of a tool call, which not every server reports
    if empty and not calls:
        used = f"reasoning used all {reply.usage['output_tokens']} tokens"
        nothing = f"no text (finish reason {reply.finish_reason})"
        return {"cause": "empty", "message": used if has_only_reasoned(reply) else nothing}
    if not reply.truncated:
        text = reply.visible_text
        return request.failure_of(message if text == reply.text else message.model_copy(update={"content": text}))
    if boot or not (calls or request.wants_object or request.must_call):
        return None
    part = "a tool call" if calls else "the object"
    return {"cause": "bad_response", "message": f"the reply was truncated inside {part}"}


def _finish_reason(message: AIMessage) -> str | None:
    metadata = message.response_metadata
    names = ("finish_reason", "stop_reason", "done_reason")
    return next((_valid_unicode(str(metadata[name])) for name in names if metadata.get(name)), None)


def _metadata_of(message: AIMessage) -> dict[str, Any]:
    sent = message.response_metadata
    names = {
        name: _valid_unicode(value)
        for name in ("system_fingerprint", "model_name")
        if isinstance(value := sent.get(name), str) and value
    }
    tokens = _logprobs_of(sent.get("logprobs"))
    return {"logprobs": {"content": tokens}, **names} if tokens else names


def _logprobs_of(logprobs: Any) -> list[dict[str, Any]]:
    """Read OpenAI's token list without its alternatives, because every checkpoint contains it."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return [
        {"token": _valid_unicode(item["token"]), "logprob": float(item["logprob"])}
        for item in (content if isinstance(content, list) else ())
        if isinstance(item, Mapping)
        and isinstance(item.get("token"), str)
        and isinstance(item.get("logprob"), int | float)
        and math.isfinite(item["logprob"])
    ]


def _valid_unicode(text: str) -> str:
    """Join the halves of surrogate pairs and replace lone ones, which no checkpoint and no client accepts."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _usage_of(message: AIMessage, prompt: Sequence[BaseMessage], call: Call) -> Usage:
    """Read the usage; count tokens approximately if the provider sent none, or an implausible one."""
    sent: Mapping[str, Any] = message.usage_metadata or {}
    read, written = _token_count(sent.get("input_tokens")), _token_count(sent.get("output_tokens"))
    has_output = bool(message.text or message.tool_calls)
    if not read or written is None or (has_output and not written):
        counted = count_tokens_approximately([message]) if has_output else 0
        return {
            **NO_USAGE,
            "input_tokens": read or count_tokens_approximately(prompt),
            "output_tokens": written or min(counted, call.max_tokens or counted),
            "estimated": True,
        }
    return {
        "input_tokens": read,
        "output_tokens": written,
        "cached_tokens": _token_count((sent.get("input_token_details") or {}).get("cache_read")) or 0,
        "reasoning_tokens": _token_count((sent.get("output_token_details") or {}).get("reasoning")) or 0,
        "estimated": False,
    }


def _token_count(value: Any) -> int | None:
    plausible = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS
    return value if plausible else None
