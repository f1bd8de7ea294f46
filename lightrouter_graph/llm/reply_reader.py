"""Reads the message of a model into a `Completion`: text, finish reason, usage, metadata, tool calls, failure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.completion import Completion, call_cost_of, has_only_reasoned
from lightrouter_graph.llm.reply_end import end_kind, failed_cause, reason_in
from lightrouter_graph.llm.reply_usage import read_partial_usage, read_usage
from lightrouter_graph.llm.request import Request
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator
from lightrouter_graph.llm.tool_calls import tool_call_message_of, tool_calls_in
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.model_facts import is_openai_like
from lightrouter_graph.reasoning import reasoning_of
from lightrouter_graph.records import NO_USAGE, CallCost, CallOutcome, Failure, Usage

_MAX_REFUSAL = 200


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
        call, accumulator = self.call, self.accumulator
        usage = read_usage(message, self.candidate, self.prompt, call)
        if accumulator.truncated and len(accumulator.chunks) > 1:
            reported = 0 if usage["estimated"] else usage["output_tokens"]
            usage = {**usage, "output_tokens": max(accumulator.tokens, reported, 1), "estimated": True}
        reason = "length" if accumulator.truncated else reason_in(message.response_metadata)
        if reason is None and accumulator.chunks and is_openai_like(self.candidate.model):
            # Every stream of such an API ends with a finish reason.
            failure: Failure = {"cause": "disconnected", "message": "the stream ended without a finish reason"}
            if message.usage_metadata is None:
                return self.read_partial(failure)
            return self._completion(message, None, usage, "truncated", failure)
        if reason is None and call.max_tokens is not None and usage["output_tokens"] >= call.max_tokens:
            reason = "length"  # the provider sent no reason, but the output is as long as the cap
        reason = None if reason is None else valid_unicode(reason)
        outcome: CallOutcome = "truncated" if accumulator.truncated else "completed"
        return _checked(message, self._completion(message, reason, usage, outcome), call)

    def read_cached(self, message: AIMessage) -> Completion:
        """Return the completion of a reply from LangChain's cache, which cost nothing."""
        reply = self.read(message)
        cost: CallCost = {**self._cost({**NO_USAGE}, "cached"), "usd": 0.0}
        return replace(reply, call_cost=cost, text_usage=reply.usage)

    def read_partial(self, failure: Failure) -> Completion:
        """Return the completion of a response that was cancelled or broke off, with the text that had arrived.

        A call without any chunk is recorded as lost: providers bill the generated tokens, but do not report them.
        """
        chunks = self.accumulator.chunks
        message = self.accumulator.message() if chunks else None
        usage = read_partial_usage(message, self.candidate, self.prompt, self.call, self.accumulator.tokens)
        if message is None:
            return Completion("", None, self._cost(usage, "lost"), failure)
        partial = self._completion(message, None, usage, "truncated", failure)
        return replace(partial, message_id=_valid_id(chunks[0].id))

    def read_unreadable(self, failure: Failure) -> Completion:
        """Return the completion of a response that cannot be read, so that its usage is an estimate."""
        usage = read_partial_usage(None, self.candidate, self.prompt, self.call, self.accumulator.tokens)
        return Completion("", None, self._cost(usage, "lost"), failure)

    def read_nothing(self, failure: Failure) -> Completion:
        """Return the completion of a request that the provider refused: no text, no cost."""
        return Completion("", None, self._cost({**NO_USAGE}, "completed"), failure)

    def _completion(
        self, message: AIMessage, reason: str | None, usage: Usage, outcome: CallOutcome, failure: Failure | None = None
    ) -> Completion:
        return Completion(
            valid_unicode(str(message.text)),
            reason,
            self._cost(usage, outcome),
            failure,
            message_id=_valid_id(message.id),
            reasoning=valid_unicode(reasoning_of(message)),
            metadata=_metadata_of(message),
        )

    def _cost(self, usage: Usage, outcome: CallOutcome) -> CallCost:
        return call_cost_of(self.candidate, self.call, usage, self.seconds, outcome)


def _checked(message: AIMessage, reply: Completion, call: Call) -> Completion:
    request = call.request
    if repaired := _with_text_calls(message, reply, request):
        message, metadata = repaired, {**reply.metadata, "repaired": "tool calls written as text"}
        reply = replace(reply, text="", metadata=metadata)
    if failure := _failure_of_reply(message, reply, request, boot=call.stage == "boot"):
        return replace(reply, failure=failure, text="" if failure["cause"] == "content_filter" else reply.text)
    if reply.truncated:
        return reply
    text = reply.visible_text if request.schema is not None else reply.text
    tool_call_message = tool_call_message_of(message) if request.may_call else None
    text = text if tool_call_message else request.extract_object(text)
    return replace(reply, tool_call_message=tool_call_message, text=text)


def _with_text_calls(message: AIMessage, reply: Completion, request: Request) -> AIMessage | None:
    """Return the message with the tool calls that its text consists of; None if it is no such text."""
    called = message.tool_calls or message.invalid_tool_calls
    if called or not request.may_call or reply.truncated or request.schema is not None:
        return None
    calls = tool_calls_in(reply.visible_text, request.tools)
    return message.model_copy(update={"content": "", "tool_calls": calls}) if calls else None


def _failure_of_reply(  # noqa: PLR0911 - one for each kind of failure
    message: AIMessage, reply: Completion, request: Request, *, boot: bool
) -> Failure | None:
    reason, end = reply.finish_reason, end_kind(reply.finish_reason)
    calls, empty = message.tool_calls or message.invalid_tool_calls, not reply.visible_text.strip()
    if (refusal := refusal_of(message)) and empty and not calls:
        return {"cause": "content_filter", "message": f"the model refused: {refusal}"}
    if end == "filtered":
        return {"cause": "content_filter", "message": f"the provider stopped the reply (finish reason {reason})"}
    if end == "failed":
        return {"cause": failed_cause(reason or ""), "message": f"the provider ended the reply: {reason}"}
    if calls and empty and not request.may_call:
        return {"cause": "bad_response", "message": "the reply calls a tool, but no tool was offered"}
    if reply.truncated and boot and request.tools:
        return None  # it may have ended inside of a tool call, which not every server reports
    if empty and not calls:
        used = f"reasoning used all {reply.usage['output_tokens']} tokens"
        nothing = f"no text (finish reason {reason})"
        return {"cause": "empty", "message": used if has_only_reasoned(reply) else nothing}
    if not reply.truncated:
        text = reply.visible_text
        return request.failure_of(message if text == reply.text else message.model_copy(update={"content": text}))
    if boot or not (calls or request.wants_object or request.must_call):
        return None
    part = "a tool call" if calls else "the object"
    return {"cause": "bad_response", "message": f"the reply was truncated inside {part}"}


def refusal_of(message: AIMessage) -> str:
    """Return the words by which a model refused, of at most 200 characters; "" if it did not.

    Args:
        message: The response. OpenAI's API returns a refusal beside the content, its Responses API as a content block.
    """
    blocks = message.content if isinstance(message.content, list) else []
    found = [block.get("refusal") for block in blocks if isinstance(block, dict) and block.get("type") == "refusal"]
    words = " ".join(part for part in [message.additional_kwargs.get("refusal"), *found] if isinstance(part, str))
    return valid_unicode(" ".join(words.split()))[:_MAX_REFUSAL]


def _metadata_of(message: AIMessage) -> dict[str, Any]:
    sent = message.response_metadata
    names = {
        name: valid_unicode(value)
        for name in ("system_fingerprint", "model_name", "id")
        if isinstance(value := sent.get(name), str) and value
    }
    tokens = _logprobs_of(sent.get("logprobs"))
    return {"logprobs": {"content": tokens}, **names} if tokens else names


def _logprobs_of(logprobs: Any) -> list[dict[str, Any]]:
    """Read OpenAI's token list without its alternatives, because every checkpoint contains it."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return [
        {"token": valid_unicode(item["token"]), "logprob": float(item["logprob"])}
        for item in (content if isinstance(content, list) else ())
        if isinstance(item, Mapping)
        and isinstance(item.get("token"), str)
        and isinstance(item.get("logprob"), int | float)
        and math.isfinite(item["logprob"])
    ]


def valid_unicode(text: str) -> str:
    """Join the halves of surrogate pairs and replace lone ones, which no checkpoint and no client accepts."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _valid_id(message_id: str | None) -> str | None:
    return None if message_id is None else valid_unicode(str(message_id))
