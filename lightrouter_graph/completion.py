"""The only place that calls a chat model: what comes back, or why nothing does, and what it cost."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langgraph.errors import GraphBubbleUp

from lightrouter_graph.calling import Call, config_for, model_for, prompt_for, speak
from lightrouter_graph.continued_chat import ContinuedChat
from lightrouter_graph.failures import failure_of, may_have_cost
from lightrouter_graph.pool import Candidate
from lightrouter_graph.pricing import usd_of
from lightrouter_graph.races import Race
from lightrouter_graph.records import NO_USAGE, Failure, Fortune, Proposal, Spending, Usage
from lightrouter_graph.request import Request
from lightrouter_graph.tool_calls import proposal_of
from lightrouter_graph.tracing import ended_when_cancelled, is_counted_above, traced_as_step

_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content"})
_MISTAKES = (AssertionError, ImportError, NameError, MemoryError, RecursionError)


@dataclass(frozen=True, slots=True)
class Completion:
    """The reply of a chat model, or why there is none.

    `text` begins with the prefix, if the model went on from one; `restarted` says that it started over instead.
    `proposal` is the whole reply where it calls tools; `cached` its tokens, where they cost nothing now.
    `message_id` is the id under which the tokens were streamed.
    """

    text: str
    finish_reason: str | None
    spending: Spending
    failure: Failure | None = None
    message_id: str | None = None
    restarted: bool = False
    proposal: Proposal | None = None
    cached: Usage | None = None

    @property
    def usage(self) -> Usage:
        """The tokens of the reply, whether they were paid for now or once before."""
        return self.cached or self.spending["usage"]

    @property
    def cut(self) -> bool:
        """Whether the cap ended the reply, as far as the provider says."""
        return (self.finish_reason or "").lower() in _CUT

    @property
    def finished(self) -> bool:
        """Whether there is a reply and the model ended it by itself."""
        return self.failure is None and not self.cut


async def complete(candidate: Candidate, messages: Sequence[AnyMessage], call: Call) -> Completion:
    """Call one candidate once. Whatever the provider does becomes a record; only our own mistakes are raised.

    A reply without text is a failure (`empty`), with its usage, since it was billed.

    Args:
        candidate: Whom to ask.
        messages: The whole prompt.
        call: What the call is for and what it may take.

    Returns:
        The completion; `failure` says what went wrong.
    """
    if call.timeout_s <= 0:
        return _unsent(candidate, call, {"cause": "timeout", "message": "no time was left"})
    began = time.monotonic()
    asked = prompt_for(candidate, messages, call)
    try:
        async with asyncio.timeout(call.timeout_s):
            with ended_when_cancelled() as run_id:
                config = config_for(candidate, call, run_id)
                model = model_for(candidate, call)
                said = partial(speak, candidate, call, model, asked)
                message = await (traced_as_step(said, asked, config) if is_counted_above() else said(config))
    except (GraphBubbleUp, *_MISTAKES):
        raise
    except Exception as exc:  # a chat model may raise anything: the cause becomes the record
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError from exc  # some clients turn a cancellation into an error of their own
        failure = _failure(exc, candidate, call)
        seconds = time.monotonic() - began
        if may_have_cost(exc, failure["cause"]):
            return Completion("", None, _lost(candidate, asked, call, seconds), failure)
        return Completion("", None, spending_of(candidate, call, {**NO_USAGE}, seconds), failure)
    spent = spending_of(candidate, call, _usage_of(message, asked), time.monotonic() - began)
    restarted = isinstance(model, ContinuedChat) and model.restarted
    return replace(_completion(message, spent, call), restarted=restarted)


async def complete_unless_decided(
    race: Race | None, candidate: Candidate, messages: Sequence[AnyMessage], call: Call
) -> Completion:
    """Call one candidate once, unless the race it takes part in is decided before its reply is there.

    Args:
        race: The race; None for a call that nothing can stop.
        candidate: Whom to ask.
        messages: The whole prompt.
        call: What the call is for and what it may take.

    Returns:
        The completion; its failure is `cancelled` when the race ended it, or kept it from being sent.
    """
    if race is None:
        return await complete(candidate, messages, call)
    failure: Failure = {"cause": "cancelled", "message": f"{race.agree} other answers agree"}
    if race.decided:
        return _unsent(candidate, call, failure)
    began = time.monotonic()
    completion = await race.run(complete(candidate, messages, call))
    if completion is not None:
        return completion
    return Completion("", None, _lost(candidate, messages, call, time.monotonic() - began), failure)


def _completion(message: AIMessage, spent: Spending, call: Call) -> Completion:
    text, reason = str(message.text), _finish_reason(message)
    if reason is None and call.max_tokens is not None and spent["usage"]["output_tokens"] >= call.max_tokens:
        reason = "length"  # the provider does not say, the count does
    reply = Completion(text, reason, spent, message_id=message.id)
    if failure := _failure_of_reply(message, reply, call.request, boot=call.stage == "boot"):
        return replace(reply, failure=failure)
    if reply.cut:
        return reply
    proposal = proposal_of(message) if call.request.may_call else None
    return replace(reply, proposal=proposal, text=text if proposal else call.request.as_written(text))


def _failure_of_reply(  # noqa: PLR0911 - one for each way to fail
    message: AIMessage, reply: Completion, request: Request, *, boot: bool
) -> Failure | None:
    """Say why a reply that came cannot be used; None where it can."""
    if (reply.finish_reason or "").lower() in _FILTERED:
        return {"cause": "content_filter", "message": "the provider's content filter stopped the reply"}
    calls, silent = message.tool_calls or message.invalid_tool_calls, not reply.text.strip()
    if calls and silent and not request.may_call:
        return {"cause": "bad_response", "message": "a tool call, where none was asked for"}
    if reply.cut and boot and request.tools:
        return None  # it may have ended within a call, which not every server shows: nothing to compare yet
    if silent and not calls:
        return {"cause": "empty", "message": f"no text (finish reason {reply.finish_reason})"}
    if not reply.cut:
        return request.failure_of(message)
    if boot or not (calls or request.wants_object or request.must_call):
        return None
    return {"cause": "bad_response", "message": f"the cap cut {'a tool call' if calls else 'the object'}"}


def _finish_reason(message: AIMessage) -> str | None:
    metadata = message.response_metadata
    for name in ("finish_reason", "stop_reason", "done_reason"):
        if metadata.get(name):
            return str(metadata[name])
    return None


def _usage_of(message: AIMessage, asked: Sequence[BaseMessage]) -> Usage:
    told = message.usage_metadata
    if told is None:
        return {
            "input_tokens": count_tokens_approximately(asked),
            "output_tokens": count_tokens_approximately([message]),
            "cached_tokens": 0,
            "reasoning_tokens": 0,
            "estimated": True,
        }
    return {
        "input_tokens": told["input_tokens"],
        "output_tokens": told["output_tokens"],
        "cached_tokens": told.get("input_token_details", {}).get("cache_read") or 0,
        "reasoning_tokens": told.get("output_token_details", {}).get("reasoning") or 0,
        "estimated": False,
    }


def _failure(exc: Exception, candidate: Candidate, call: Call) -> Failure:
    if isinstance(exc, TimeoutError) and not str(exc):
        return {"cause": "timeout", "message": f"no reply within {call.timeout_s:.3g} s"}
    return failure_of(exc, candidate.model)


def _unsent(candidate: Candidate, call: Call, failure: Failure) -> Completion:
    return Completion("", None, spending_of(candidate, call, {**NO_USAGE}, 0.0, "unsent"), failure)


def _lost(candidate: Candidate, messages: Sequence[BaseMessage], call: Call, seconds: float) -> Spending:
    """Providers bill a lost call for what was generated, many for all of it, and none tells."""
    usage: Usage = {**NO_USAGE, "input_tokens": count_tokens_approximately(messages), "estimated": True}
    return spending_of(candidate, call, usage, seconds, "lost")


def spending_of(
    candidate: Candidate, call: Call, usage: Usage, seconds: float, fortune: Fortune = "returned"
) -> Spending:
    """Write a call on the bill."""
    return {
        "layer": call.layer,
        "candidate": candidate.name,
        "stage": call.stage,
        "fortune": fortune,
        "cap": call.max_tokens,
        "output_price": None if candidate.price is None else candidate.price.output,
        "usage": usage,
        "usd": usd_of(usage, candidate.price) if candidate.price is not None else None,
        "seconds": seconds,
    }
