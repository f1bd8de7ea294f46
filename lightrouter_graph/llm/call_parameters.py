"""What one model call sends: prompt, prepared model, parameters, and callback config."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, merge_message_runs
from langchain_core.runnables import RunnableConfig
from langgraph.constants import TAG_NOSTREAM

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.continuation import ContinuedChat
from lightrouter_graph.llm.forms import EFFORT_KEPT, STOP_LEFT_OUT, STREAM_LEFT_OUT, left_out
from lightrouter_graph.llm.output_schema import OutputSchema
from lightrouter_graph.llm.reply_cache import observed_cache
from lightrouter_graph.llm.wire import adapted
from lightrouter_graph.pool import Candidate
from lightrouter_graph.prompts import with_schema
from lightrouter_graph.providers.learned import NO_CONTINUATION, ONE_ROLE_JOINED
from lightrouter_graph.providers.model_facts import is_openai_like, lesser_effort, sends_extra_body
from lightrouter_graph.redaction import redacting_callbacks, secrets_of
from lightrouter_graph.runtime.event_loops import bound_to_loop
from lightrouter_graph.runtime.token_stream import show_tokens

_secrets: WeakKeyDictionary[Candidate, tuple[str, ...]] = WeakKeyDictionary()


def shaped(call: Call, candidate: Candidate) -> Call:
    """Return a call without what an endpoint refuses: a prefix to continue, a stream, a greater output limit.

    A refused stop text is applied to the complete response, so its tokens are not streamed to the user.

    Args:
        call: Settings of the call.
        candidate: The candidate that is queried.
    """
    forms, ceiling = candidate.learned.forms, candidate.learned.max_limit
    cap = call.max_tokens if call.max_tokens is not None else model_cap(candidate)
    if cap is not None and ceiling is not None and cap > ceiling:
        call = replace(call, max_tokens=ceiling)
    prefix = None if NO_CONTINUATION in forms else call.prefix
    to_user = STREAM_LEFT_OUT not in forms and not (STOP_LEFT_OUT in forms and call.request.stop)
    return replace(call, prefix=prefix, stream_to_user=call.stream_to_user and to_user)


def cut_at_stop(message: AIMessage, stop: Sequence[str]) -> AIMessage:
    """Return a response that ends before the first stop text in it, for an endpoint that refuses stop texts."""
    text, given = str(message.text), message.content
    ends = [at for one in stop if one and (at := text.find(one)) >= 0]
    if not ends or message.tool_calls:
        return message
    cut = text[: min(ends)]
    others = [block for block in given if isinstance(block, dict) and block.get("type") != "text"]
    content = cut if isinstance(given, str) else [*others, {"type": "text", "text": cut}]
    metadata = {**message.response_metadata, "finish_reason": "stop"}
    return message.model_copy(update={"content": content, "response_metadata": metadata})


def prompt_for(candidate: Candidate, messages: Sequence[AnyMessage], call: Call) -> list[AnyMessage]:
    """Return all messages that are sent: the conversation, the schema as text if needed, and the prefix.

    Consecutive messages of one role are merged if the candidate refuses them.
    """
    prompt = _with_schema(messages, candidate, call)
    if ONE_ROLE_JOINED in candidate.learned.forms and not is_openai_like(candidate.model):
        prompt = cast("list[AnyMessage]", merge_message_runs(prompt, chunk_separator="\n\n"))
    if call.prefix is None:
        return [*prompt]
    flag = {"prefix": True} if candidate.continuation == "prefix_flag" else {}
    return [*prompt, AIMessage(call.prefix, additional_kwargs=flag)]


def model_for(candidate: Candidate, call: Call) -> BaseChatModel:
    """Return a copy of the model for this call: client of this event loop, cap, sampling, streaming on or off.

    A plain POST costs a fifteenth of the CPU of a stream (tests/benchmarks/bench_boots.py), and `TAG_NOSTREAM` alone
    does not stop a model from streaming.
    """
    model = bound_to_loop(candidate.model)
    fields = type(model).model_fields
    streams = call.stream_to_user or call.stream_internally
    changes: dict[str, Any] = {} if streams else {"disable_streaming": True}
    if candidate.limit_is_field and call.max_tokens is not None:
        changes[candidate.limit_parameter] = call.max_tokens
    if candidate.learned.limit is not None and "max_tokens" in fields:
        changes["max_tokens"] = None  # the model's own cap is sent under the name that the endpoint refused
    changes |= {name: value for name, value in _sampling(model, call).items() if name in fields}
    if streams and "stream_usage" in fields and "stream_usage" not in model.model_fields_set:
        changes["stream_usage"] = True  # else a custom base_url streams without usage
    if streams and "stream_chunk_timeout" in fields:
        changes["stream_chunk_timeout"] = 0  # its wait_for loses cancellations on Python 3.11; ours is asyncio.timeout
    if (cache := observed_cache(model)) is not None:
        changes["cache"] = cache
    if not is_openai_like(model):
        changes |= {field: None for field in left_out(candidate.learned.forms) if field in fields}
    model = adapted(model.model_copy(update=changes))
    return model if call.prefix is None else ContinuedChat.of(model, call.prefix)


def config_for(candidate: Candidate, call: Call, run_id: UUID) -> RunnableConfig:
    """Return the config of a call: callbacks that redact secrets, stage and candidate for tracers, `TAG_NOSTREAM`.

    Args:
        candidate: The candidate that is queried.
        call: Settings of the call; `stream_to_user` decides whether LangGraph streams its tokens.
        run_id: Id of the run in a trace.
    """
    tags, callbacks = [f"lightrouter:{call.stage}"], redacting_callbacks(candidate_secrets(candidate))
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


def parameters_for(candidate: Candidate, call: Call) -> dict[str, Any]:
    """Return the keyword arguments of the model call: cap, stop texts, sampling, response format, extra body.

    Args:
        candidate: The candidate that is queried; its learned capabilities decide the name of the cap.
        call: Settings of the call.
    """
    fields, learned = type(candidate.model).model_fields, candidate.learned
    parameters = {name: value for name, value in _sampling(candidate.model, call).items() if name not in fields}
    if call.request.stop:
        parameters["stop"] = list(call.request.stop)
    reduce_reasoning = call.reduce_reasoning and EFFORT_KEPT not in learned.forms
    body: dict[str, Any] = dict(call.request.extra_body) if is_openai_like(candidate.model) else {}
    body |= lesser_effort(candidate.model) if reduce_reasoning else {}
    if call.max_tokens is not None and learned.limit is None and not candidate.limit_is_field:
        parameters[candidate.limit_parameter] = call.max_tokens
    cap = call.max_tokens if call.max_tokens is not None else model_cap(candidate)
    if cap is not None and learned.limit:
        # In the body of a client that renames its own arguments.
        (body if is_openai_like(candidate.model) else parameters)[learned.limit] = cap
    schema = call.schema or call.request.schema
    if schema is not None and candidate.json_mode is not None:
        in_body = sends_extra_body(candidate.model, call.request.tools)
        (body if in_body else parameters)["response_format"] = _response_format(candidate.json_mode, schema)
    if call.prefix is not None and candidate.continuation == "continue_final_message":
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    if body:
        parameters["extra_body"] = {**(getattr(candidate.model, "extra_body", None) or {}), **body}
    return parameters


def model_cap(candidate: Candidate) -> int | None:
    """Return `max_tokens` of the model as the user set it; None if it has no cap."""
    cap = getattr(candidate.model, "max_tokens", None)
    return cap if isinstance(cap, int) else None


def candidate_secrets(candidate: Candidate) -> tuple[str, ...]:
    """Return the secret values of a candidate's model; they are searched once per candidate."""
    if candidate not in _secrets:
        _secrets[candidate] = secrets_of(candidate.model)
    return _secrets[candidate]


def _sampling(model: BaseChatModel, call: Call) -> dict[str, Any]:
    """Leave out the temperature if the profile of the model refuses one, as its own constructor does."""
    refused = {"temperature"} if (model.profile or {}).get("temperature") is False else set()
    return {name: value for name, value in call.request.sampling.items() if name not in refused}


def _response_format(mode: str, schema: OutputSchema) -> dict[str, Any]:
    if mode == "json_object" or schema.is_free:
        return {"type": "json_object"}
    options = {"strict": schema.strict, "description": schema.description}
    options = {name: value for name, value in options.items() if value is not None}
    return {"type": "json_schema", "json_schema": {"name": schema.name, "schema": dict(schema.schema), **options}}


def _with_schema(messages: Sequence[AnyMessage], candidate: Candidate, call: Call) -> Sequence[AnyMessage]:
    """Add the schema of the request as text if the candidate has no mode that enforces it."""
    schema = call.request.schema
    if schema is None or candidate.json_mode == "json_schema" or (schema.is_free and candidate.json_mode):
        return messages
    return with_schema(messages, schema.name, {} if schema.in_prompt else schema.schema)
