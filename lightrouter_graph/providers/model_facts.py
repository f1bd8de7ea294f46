"""Reads facts from a chat model: provider, model name, output limit, continuation, JSON mode, price list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.providers.building import MAX_RETRIES, SPEC_KEY
from lightrouter_graph.providers.spec import parse_spec
from lightrouter_graph.providers.table import PROVIDERS, Continuation, JsonMode
from lightrouter_graph.providers.urls import host_of

_LIMIT_BY_TYPE = {
    # langchain-google: max_output_tokens is an argument of a call since
    # https://github.com/langchain-ai/langchain-google/pull/1379
    "chat-google-generative-ai": "max_output_tokens",
    "vertexai": "max_output_tokens",
    # https://github.com/langchain-ai/langchain/blob/master/libs/partners/ollama/langchain_ollama/chat_models.py
    "chat-ollama": "num_predict",
}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Defaults of a candidate for the arguments that the user leaves out; the attributes are those of `Candidate`."""

    spec: str | None
    provider: str | None
    model_name: str
    limit_parameter: str
    limit_is_field: bool
    continuation: Continuation | None
    json_mode: JsonMode | None
    price_id: str | None


def facts_of(model: BaseChatModel) -> ModelFacts:
    """Return the facts of a chat model: from its spec if it has one, else from its tracing parameters."""
    text = (model.metadata or {}).get(SPEC_KEY)
    spec = parse_spec(text) if isinstance(text, str) else None
    row = PROVIDERS.get(spec.provider) if spec else None
    if spec is None or row is None:
        return _facts_from_tracing(model, text if spec else None)
    return ModelFacts(
        spec=text,
        provider=spec.provider,
        model_name=spec.model,
        limit_parameter=row.limit_parameter,
        limit_is_field=False,
        continuation=row.continuation,
        json_mode=row.json_mode,
        price_id=row.price_id if host_of(address_of(model)) == host_of(row.base_url) else None,
    )


def identity_of(model: BaseChatModel) -> str:
    """Return a cache key: all parameters that influence the responses. It may contain secrets; do not show it."""
    return f"{address_of(model)} {model._get_llm_string()}"  # noqa: SLF001 - the key of LangChain's own caches


def no_tool_choice(model: BaseChatModel) -> str | dict[str, str]:
    """Return the `tool_choice` argument of `bind_tools` that forbids tool calls."""
    # langchain-anthropic reads any string except "any" and "auto" as the name of a tool.
    return {"type": "none"} if model._llm_type == "anthropic-chat" else "none"  # noqa: SLF001 - see below


def sends_extra_body(model: BaseChatModel, tools: Sequence[Mapping[str, Any]] = ()) -> bool:
    """Return True if the model sends `extra_body` in the body of a chat completion request.

    A `response_format` is sent that way: passed as an argument, the client parses the response too, and raises if it
    is truncated or if a tool is not strict.

    Args:
        model: Any chat model.
        tools: Tool definitions of the request, in OpenAI's schema.
    """
    # A hosted tool of OpenAI makes the client use the Responses API, which has another schema for the format.
    hosted = any(tool.get("type") != "function" for tool in tools)
    return is_openai_like(model) and not hosted and not getattr(model, "use_responses_api", None)


def limit_on_the_wire(model: BaseChatModel, parameter: str) -> str:
    """Return the request field in which an output limit is sent.

    Args:
        model: Any chat model. `ChatOpenAI` renames `max_tokens`.
        parameter: The argument of the call.
    """
    renames = any(parent.__name__ == "ChatOpenAI" for parent in type(model).__mro__)
    return "max_completion_tokens" if renames and parameter == "max_tokens" else parameter


def lesser_effort(model: BaseChatModel) -> Mapping[str, Any]:
    """Return the fields of the request body that reduce reasoning: off if possible, else `reasoning_effort` "low".

    Args:
        model: Any chat model; {} is returned if no way is known or the effort is already low.
    """
    if not is_openai_like(model):
        return {}
    text = (model.metadata or {}).get(SPEC_KEY)
    row = PROVIDERS.get(parse_spec(text).provider) if isinstance(text, str) else None
    if row is not None and row.no_reasoning is not None:
        return row.no_reasoning
    known = row is not None or getattr(model, "reasoning_effort", None) is not None
    low = getattr(model, "reasoning_effort", None) in {"none", "minimal", "low"}
    return {"reasoning_effort": "low"} if known and not low else {}


def retries_of(model: BaseChatModel) -> int:
    """Return how many retries this package makes for one call: as many as the client would, whose retries are disabled.

    Args:
        model: Any chat model. Clients other than OpenAI's keep their own retries: 0.
    """
    if not is_openai_like(model):
        return 0
    retries = getattr(model, "max_retries", None)
    return MAX_RETRIES if retries is None else int(retries)


def _facts_from_tracing(model: BaseChatModel, spec: str | None) -> ModelFacts:
    # As in LangSmith, the user's metadata override the parameters.
    parameters = {**model._get_ls_params(), **(model.metadata or {})}  # noqa: SLF001 - has no public form
    provider = _provider_of(model, parameters.get("ls_provider"))
    llm_type = model._llm_type  # noqa: SLF001 - has no public form
    row = PROVIDERS.get(provider) if provider else None
    return ModelFacts(
        spec=spec,
        provider=provider,
        model_name=str(parameters.get("ls_model_name") or type(model).__name__),
        limit_parameter=_LIMIT_BY_TYPE.get(llm_type, "max_tokens"),
        limit_is_field=llm_type == "chat-ollama",
        continuation="prefill" if llm_type == "pocket-chat" else None,
        json_mode="json_schema" if (model.profile or {}).get("structured_output") and is_openai_like(model) else None,
        price_id=row.price_id if row else provider,
    )


def _provider_of(model: BaseChatModel, provider: Any) -> str | None:
    """Return the provider by the host of its URL: a `ChatOpenAI` reports "openai" for any server."""
    if not isinstance(provider, str):
        return None
    if provider != "openai" or "ls_provider" in (model.metadata or {}):
        return provider
    host = host_of(address_of(model))
    if host is None:
        return provider
    return next((name for name, row in PROVIDERS.items() if row.key_required and host_of(row.base_url) == host), None)


def address_of(model: BaseChatModel) -> str | None:
    """Return the URL of an OpenAI-like model, as its client resolved it from arguments and environment."""
    client = getattr(model, "root_async_client", None)
    url = getattr(client, "base_url", None) or getattr(model, "openai_api_base", None)
    return str(url) if url else None


def is_openai_like(model: BaseChatModel) -> bool:
    """Return True if a model is a subclass of `BaseChatOpenAI`."""
    # By class name: isinstance would import langchain_openai.
    return any(parent.__name__ == "BaseChatOpenAI" for parent in type(model).__mro__)
