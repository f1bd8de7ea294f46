"""The only place that calls a chat model: cap, time-out, streaming, tools, JSON mode, continuation, usage, price."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast
from uuid import UUID

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, BaseMessage, message_chunk_to_message
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import RunnableConfig
from langgraph.constants import TAG_NOSTREAM
from langgraph.errors import GraphBubbleUp

from lightrouter_graph.continued_chat import ContinuedChat
from lightrouter_graph.event_loops import bound_to_loop
from lightrouter_graph.events import tell
from lightrouter_graph.failures import failure_of, may_have_cost
from lightrouter_graph.pool import Candidate
from lightrouter_graph.pricing import usd_of
from lightrouter_graph.prompts import with_schema
from lightrouter_graph.providers.model_facts import sends_extra_body
from lightrouter_graph.races import Race
from lightrouter_graph.records import NO_USAGE, Failure, Fortune, Proposal, Spending, Stage, Usage
from lightrouter_graph.request import PLAIN, Request, proposal_of
from lightrouter_graph.schemas import OutputSchema
from lightrouter_graph.tracing import ended_when_cancelled, face, is_counted_above, traced_as_step

_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "safety", "refusal", "recitation", "blocklist", "prohibited_content"})
_MISTAKES = (AssertionError, ImportError, NameError, MemoryError, RecursionError)


@dataclass(frozen=True, slots=True)
class Call:
    """What one model call is for and what it may take.

    Attributes:
        stage: The step of the method that makes it.
        layer: 1-based.
        timeout_s: Seconds until it counts as failed.
        max_tokens: Cap on the output; None for the model's own.
        prefix: Text the model wrote before and is to go on from; only for candidates that continue.
        schema: What the reply must look like, for models with a JSON mode; the prompt must ask for it as well.
        request: The tools the model is given, and what its reply is held to.
        visible: Whether its tokens may reach the user's stream.
    """

    stage: Stage
    layer: int
    timeout_s: float
    max_tokens: int | None = None
    prefix: str | None = None
    schema: OutputSchema | None = None
    request: Request = PLAIN
    visible: bool = False


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
    asked = [*_with_schema(messages, candidate, call), *_prefilled(candidate, call)]
    try:
        async with asyncio.timeout(call.timeout_s):
            with ended_when_cancelled() as run_id:
                config = _config(candidate, call, run_id)
                model = _model_for(candidate, call)
                speak = partial(_speak, candidate, call, model, asked)
                message = await (traced_as_step(speak, asked, config) if is_counted_above() else speak(config))
    except (GraphBubbleUp, *_MISTAKES):
        raise
    except Exception as exc:  # a chat model may raise anything: the cause becomes the record
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError from exc  # some clients turn a cancellation into an error of their own
        failure = _failure(exc, candidate, call)
        seconds = time.monotonic() - began
        if may_have_cost(exc, failure["cause"]):
            return Completion("", None, _lost(candidate, asked, call, seconds), failure)
        return Completion("", None, _spending(candidate, call, {**NO_USAGE}, seconds), failure)
    spent = _spending(candidate, call, _usage_of(message, asked), time.monotonic() - began)
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


async def _speak(
    candidate: Candidate, call: Call, model: BaseChatModel, asked: Sequence[BaseMessage], config: RunnableConfig
) -> AIMessage:
    """Make the call; behind a chat model that streams, tell the tokens of a visible one as events."""
    bound, parameters = call.request.bind_to(model), _parameters(candidate, call)
    if not (call.visible and face() == "stream"):
        reply: AIMessage = await bound.ainvoke(asked, config, **parameters)
        return reply
    chunks: list[AIMessageChunk] = []
    hushed = False
    async with aclosing(bound.astream(asked, config, **parameters)) as stream:
        async for chunk in stream:
            chunks.append(chunk)
            hushed = hushed or _holds_thoughts(chunk)  # blocks that must stay before the text come with it, in the end
            if (text := str(chunk.text)) and not hushed:
                _tell(candidate, chunk.id, text)
    whole = add_ai_message_chunks(*chunks) if len(chunks) > 1 else chunks[0]
    return cast("AIMessage", message_chunk_to_message(whole))


def _holds_thoughts(chunk: AIMessageChunk) -> bool:
    blocks = [] if isinstance(chunk.content, str) else [b for b in chunk.content if isinstance(b, dict)]
    return any(block.get("type") not in {"text", "tool_use", "input_json_delta", "function_call"} for block in blocks)


def _tell(candidate: Candidate, message_id: str | None, text: str) -> None:
    tell(
        {
            "type": "lightrouter",
            "event": "token",
            "candidate": candidate.name,
            "message_id": message_id,
            "text": text,
        }
    )


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


def _model_for(candidate: Candidate, call: Call) -> BaseChatModel:
    """Prepare the model: a client of this loop, its cap, and streaming only where the user may see the tokens.

    A plain POST costs a fifteenth of the CPU of a stream (tests/benchmarks/bench_boots.py), and the tag alone does not
    stop a model from streaming.
    """
    model = bound_to_loop(candidate.model)
    changes: dict[str, Any] = {} if call.visible else {"disable_streaming": True}
    if candidate.limit_is_field and call.max_tokens is not None:
        changes[candidate.limit_parameter] = call.max_tokens
    changes |= {name: value for name, value in call.request.sampling.items() if name in type(model).model_fields}
    if call.visible and "stream_usage" in type(model).model_fields and "stream_usage" not in model.model_fields_set:
        changes["stream_usage"] = True  # else a custom base_url streams without usage
    model = model.model_copy(update=changes)
    return model if call.prefix is None else ContinuedChat.of(model, call.prefix)


def _config(candidate: Candidate, call: Call, run_id: UUID) -> RunnableConfig:
    tags = [f"lightrouter:{call.stage}"]
    return {
        "run_id": run_id,
        "run_name": f"{call.stage}:{candidate.name}",
        "tags": tags if call.visible else [*tags, TAG_NOSTREAM],
        "metadata": {
            "lightrouter_stage": call.stage,
            "lightrouter_layer": call.layer,
            "lightrouter_candidate": candidate.name,
        },
    }


def _parameters(candidate: Candidate, call: Call) -> dict[str, Any]:
    fields = type(candidate.model).model_fields
    parameters = {name: value for name, value in call.request.sampling.items() if name not in fields}
    if call.request.stop:
        parameters["stop"] = list(call.request.stop)
    if call.max_tokens is not None and not candidate.limit_is_field:
        parameters[candidate.limit_parameter] = call.max_tokens
    body: dict[str, Any] = {}
    wanted = call.schema or call.request.schema
    if wanted is not None and candidate.json_mode is not None:
        asked = _response_format(candidate.json_mode, wanted)
        (body if sends_extra_body(candidate.model) else parameters)["response_format"] = asked
    if call.prefix is not None and candidate.continuation == "continue_final_message":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if body:
        parameters["extra_body"] = {**(getattr(candidate.model, "extra_body", None) or {}), **body}
    return parameters


def _response_format(mode: str, wanted: OutputSchema) -> dict[str, Any]:
    if mode == "json_object" or wanted.is_free:
        return {"type": "json_object"}
    described = {"name": wanted.name, "schema": dict(wanted.schema)}
    told = {"strict": wanted.strict, "description": wanted.description}
    return {"type": "json_schema", "json_schema": described | {k: v for k, v in told.items() if v is not None}}


def _with_schema(messages: Sequence[AnyMessage], candidate: Candidate, call: Call) -> Sequence[AnyMessage]:
    """Ask in words for the schema of the request, where the model cannot be held to it otherwise."""
    wanted = call.request.schema
    if wanted is None or candidate.json_mode == "json_schema" or (wanted.is_free and candidate.json_mode):
        return messages
    return with_schema(messages, wanted.name, {} if wanted.told else wanted.schema)


def _prefilled(candidate: Candidate, call: Call) -> list[AIMessage]:
    if call.prefix is None:
        return []
    flag = {"prefix": True} if candidate.continuation == "prefix_flag" else {}
    return [AIMessage(call.prefix, additional_kwargs=flag)]


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
    return Completion("", None, _spending(candidate, call, {**NO_USAGE}, 0.0, "unsent"), failure)


def _lost(candidate: Candidate, messages: Sequence[BaseMessage], call: Call, seconds: float) -> Spending:
    """Providers bill a lost call for what was generated, many for all of it, and none tells."""
    usage: Usage = {**NO_USAGE, "input_tokens": count_tokens_approximately(messages), "estimated": True}
    return _spending(candidate, call, usage, seconds, "lost")


def _spending(
    candidate: Candidate, call: Call, usage: Usage, seconds: float, fortune: Fortune = "returned"
) -> Spending:
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
