"""One model call made ready and made: the model, its prompt, its parameters, and how its tokens are told."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, BaseMessage, merge_message_runs
from langchain_core.runnables import RunnableConfig
from langgraph.constants import TAG_NOSTREAM

from lightrouter_graph.budget import BudgetReservations
from lightrouter_graph.llm.continuation import ContinuedChat
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.llm.request import PLAIN, Request
from lightrouter_graph.llm.stream_accumulator import StreamAccumulator
from lightrouter_graph.pool import Candidate
from lightrouter_graph.prompts import with_schema
from lightrouter_graph.providers.model_facts import is_openai_like, lesser_effort, sends_extra_body
from lightrouter_graph.rate_limits import RetryBudget
from lightrouter_graph.reasoning import REASONING_TAG, streamable_prefix
from lightrouter_graph.records import Stage
from lightrouter_graph.redaction import redacted_exceptions, redacting_callbacks, secrets_of
from lightrouter_graph.runtime.event_loops import bound_to_loop
from lightrouter_graph.runtime.token_stream import show_tokens
from lightrouter_graph.telemetry.events import emit_event, events_paused
from lightrouter_graph.telemetry.tracing import chat_model_mode

_under_way: ContextVar["Call | None"] = ContextVar("under_way", default=None)

_secrets: WeakKeyDictionary[Candidate, tuple[str, ...]] = WeakKeyDictionary()


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
        stream_to_user: Whether its tokens may reach the user's stream.
        stream_internally: Whether the reply is streamed to us, so that what was heard counts if the call is stopped.
        reduce_reasoning: Whether a model that reasons is to reason less than it would.
        deadline: When the run ends, in seconds since the epoch; None for never.
        retries: What the run has left for further attempts; None for none.
        purse: What may be spent on it.
    """

    stage: Stage
    layer: int
    timeout_s: float
    max_tokens: int | None = None
    prefix: str | None = None
    schema: OutputSchema | None = None
    request: Request = PLAIN
    stream_to_user: bool = False
    stream_internally: bool = False
    reduce_reasoning: bool = False
    deadline: float | None = None
    retries: RetryBudget | None = None
    purse: BudgetReservations = field(default_factory=BudgetReservations)

    @property
    def extras(self) -> list[Mapping[str, Any]]:
        """What goes to the model beside the messages and counts as part of the prompt."""
        schemas = [schema.schema for schema in (self.schema, self.request.schema) if schema is not None]
        return [*self.request.tools, *schemas]


def current_call() -> Call | None:
    """Return the call that is being made here; for models that keep accounts, since a stream is told no tags."""
    return _under_way.get()


def prompt_for(candidate: Candidate, messages: Sequence[AnyMessage], call: Call) -> list[AnyMessage]:
    """Return all that is sent: with the schema in words where it must be, and the prefix to go on from."""
    told = _with_schema(messages, candidate, call)
    if candidate.learned.alternates:
        told = cast("list[AnyMessage]", merge_message_runs(told, chunk_separator="\n\n"))
    return [*told, *_prefilled(candidate, call)]


def model_for(candidate: Candidate, call: Call) -> BaseChatModel:
    """Prepare the model: a client of this loop, its cap, and streaming only where the user may see the tokens.

    A plain POST costs a fifteenth of the CPU of a stream (tests/benchmarks/bench_boots.py), and the tag alone does not
    stop a model from streaming.
    """
    model = bound_to_loop(candidate.model)
    streams = call.stream_to_user or call.stream_internally
    changes: dict[str, Any] = {} if streams else {"disable_streaming": True}
    if candidate.limit_is_field and call.max_tokens is not None:
        changes[candidate.limit_parameter] = call.max_tokens
    if candidate.learned.limit is not None and "max_tokens" in type(model).model_fields:
        changes["max_tokens"] = None  # the model's own cap goes by the name that was refused
    changes |= {name: value for name, value in _sampling(model, call).items() if name in type(model).model_fields}
    if streams and "stream_usage" in type(model).model_fields and "stream_usage" not in model.model_fields_set:
        changes["stream_usage"] = True  # else a custom base_url streams without usage
    if streams and "stream_chunk_timeout" in type(model).model_fields:
        changes["stream_chunk_timeout"] = 0  # its wait_for loses cancellations on Python 3.11; ours is asyncio.timeout
    model = model.model_copy(update=changes)
    return model if call.prefix is None else ContinuedChat.of(model, call.prefix)


def config_for(candidate: Candidate, call: Call, run_id: UUID) -> RunnableConfig:
    """Say to tracers what the call is for, and to streams whether it may be heard."""
    tags, callbacks = [f"lightrouter:{call.stage}"], redacting_callbacks(_secrets_of(candidate))
    if call.stream_to_user and isinstance(callbacks, BaseCallbackManager):
        show_tokens(callbacks)
    return {
        "run_id": run_id,
        "callbacks": callbacks,
        "run_name": f"{call.stage}:{candidate.name}",
        "tags": tags if call.stream_to_user else [*tags, TAG_NOSTREAM],
        "metadata": {
            "lightrouter_stage": call.stage,
            "lightrouter_layer": call.layer,
            "lightrouter_candidate": candidate.name,
        },
    }


def own_cap(candidate: Candidate) -> int | None:
    """Return the cap that the user set on the model; None where there is none."""
    cap = getattr(candidate.model, "max_tokens", None)
    return cap if isinstance(cap, int) else None


def _secrets_of(candidate: Candidate) -> tuple[str, ...]:
    if candidate not in _secrets:
        _secrets[candidate] = secrets_of(candidate.model)
    return _secrets[candidate]


def _parameters(candidate: Candidate, call: Call) -> dict[str, Any]:
    fields = type(candidate.model).model_fields
    parameters = {name: value for name, value in _sampling(candidate.model, call).items() if name not in fields}
    if call.request.stop:
        parameters["stop"] = list(call.request.stop)
    reduce_reasoning = call.reduce_reasoning and not candidate.learned.keeps_effort
    body: dict[str, Any] = dict(lesser_effort(candidate.model)) if reduce_reasoning else {}
    limit = candidate.learned.limit
    if call.max_tokens is not None and limit is None and not candidate.limit_is_field:
        parameters[candidate.limit_parameter] = call.max_tokens
    cap = call.max_tokens if call.max_tokens is not None else own_cap(candidate)
    if cap is not None and limit:
        # Beside the client's own arguments, which it renames.
        (body if is_openai_like(candidate.model) else parameters)[limit] = cap
    wanted = call.schema or call.request.schema
    if wanted is not None and candidate.json_mode is not None:
        asked = _response_format(candidate.json_mode, wanted)
        (body if sends_extra_body(candidate.model, call.request.tools) else parameters)["response_format"] = asked
    if call.prefix is not None and candidate.continuation == "continue_final_message":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if body:
        parameters["extra_body"] = {**(getattr(candidate.model, "extra_body", None) or {}), **body}
    return parameters


def _sampling(model: BaseChatModel, call: Call) -> dict[str, Any]:
    """Leave out the temperature where the model is known to refuse one, as its own constructor does."""
    refused = {"temperature"} if (model.profile or {}).get("temperature") is False else set()
    return {name: value for name, value in call.request.sampling.items() if name not in refused}


def _response_format(mode: str, wanted: OutputSchema) -> dict[str, Any]:
    if mode == "json_object" or wanted.is_free:
        return {"type": "json_object"}
    described = {"name": wanted.name, "schema": dict(wanted.schema)}
    told = {"strict": wanted.strict, "description": wanted.description}
    return {"type": "json_schema", "json_schema": described | {k: v for k, v in told.items() if v is not None}}


async def call_model(
    candidate: Candidate,
    call: Call,
    model: BaseChatModel,
    asked: Sequence[BaseMessage],
    config: RunnableConfig,
    *,
    heard: StreamAccumulator,
) -> AIMessage:
    """Make the call.

    It is streamed where somebody listens to its pieces: behind a chat model that streams, the user; and we, where the
    call may be stopped half-way, or must be because the model keeps to no cap.

    Args:
        candidate: Whom to ask.
        call: What for.
        model: The candidate's model, prepared by `model_for`.
        asked: The whole prompt.
        config: Who is told of the call.
        heard: Filled with what is heard of a streamed reply.
    """
    bound, parameters = call.request.bind_to(model), _parameters(candidate, call)
    with _made(call), events_paused(), redacted_exceptions(_secrets_of(candidate)):
        # An object comes whole: what stood around it is taken away in the end.
        aloud = call.stream_to_user and chat_model_mode() == "stream" and call.request.schema is None
        if not aloud and not call.stream_internally:
            reply: AIMessage = await bound.ainvoke(asked, config, **parameters)
            return reply
        hushed, pending = not aloud, ""
        async with aclosing(bound.astream(asked, config, **parameters)) as stream:
            async for chunk in stream:
                heard.add(chunk, given=call.prefix)
                if heard.exceeds(call.max_tokens):
                    heard.cut_off(shown=call.stream_to_user)
                    if not call.stream_to_user:
                        break
                # Blocks that must stay before the text come with it, in the end.
                hushed = hushed or _holds_thoughts(chunk)
                if not hushed:
                    pending += str(chunk.text)
                    if shown := streamable_prefix(pending):
                        _tell(candidate, chunk.id, shown)
                    pending = pending[len(shown) :]
                    hushed = REASONING_TAG.match(pending) is not None
                if heard.truncated:
                    break
        return heard.message()


@contextmanager
def _made(call: Call) -> Iterator[None]:
    token = _under_way.set(call)
    try:
        yield
    finally:
        _under_way.reset(token)


def _holds_thoughts(chunk: AIMessageChunk) -> bool:
    blocks = [] if isinstance(chunk.content, str) else [b for b in chunk.content if isinstance(b, dict)]
    return any(block.get("type") not in {"text", "tool_use", "input_json_delta", "function_call"} for block in blocks)


def _tell(candidate: Candidate, message_id: str | None, text: str) -> None:
    emit_event(
        {
            "type": "lightrouter",
            "event": "token",
            "candidate": candidate.name,
            "message_id": message_id,
            "text": text,
        }
    )


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
