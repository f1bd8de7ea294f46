"""What a built chat model tells of itself: who serves it, its name there, how it is limited and priced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.providers.building import MAX_RETRIES, SPEC_KEY
from lightrouter_graph.providers.table import PROVIDERS, Continuation, JsonMode, parse_spec

_LIMIT_BY_TYPE = {
    # langchain-google: max_output_tokens is honoured per call since
    # https://github.com/langchain-ai/langchain-google/pull/1379
    "chat-google-generative-ai": "max_output_tokens",
    "vertexai": "max_output_tokens",
    # https://github.com/langchain-ai/langchain/blob/master/libs/partners/ollama/langchain_ollama/chat_models.py
    "chat-ollama": "num_predict",
}
_LIMIT_IS_FIELD = frozenset({"chat-ollama"})
_CONTINUATION_BY_TYPE: dict[str, Continuation] = {"pocket-chat": "prefill"}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a candidate knows of its model when the user says nothing.

    Attributes:
        spec: From which spec we built it, if we did.
        provider: Who serves it, as far as it says.
        model_name: As the provider names it.
        limit_parameter: The name under which it takes the cap on its output.
        limit_is_field: True when the cap is a field of the model and no argument of a call.
        continuation: See `providers.Continuation`; None for most models we did not build.
        json_mode: See `providers.JsonMode`.
        price_id: Under which provider `genai-prices` lists it; None = not to be priced from a list.
    """

    spec: str | None
    provider: str | None
    model_name: str
    limit_parameter: str
    limit_is_field: bool
    continuation: Continuation | None
    json_mode: JsonMode | None
    price_id: str | None


def facts_of(model: BaseChatModel) -> ModelFacts:
    """Read what a model says: ours from the spec they carry, others from their tracing parameters."""
    text = (model.metadata or {}).get(SPEC_KEY)
    if not isinstance(text, str):
        return _facts_of_foreign(model, None)
    spec = parse_spec(text)
    if spec.provider not in PROVIDERS:
        return _facts_of_foreign(model, text)
    row = PROVIDERS[spec.provider]
    return ModelFacts(
        spec=text,
        provider=spec.provider,
        model_name=spec.model,
        limit_parameter=row.limit_parameter,
        limit_is_field=False,
        continuation=row.continuation,
        json_mode=row.json_mode,
        price_id=row.price_id if _host(_base_url(model)) == _host(row.base_url) else None,
    )


def identity_of(model: BaseChatModel) -> str:
    """Say in one text all that makes a model's replies, for the keys of caches; never to be shown."""
    return f"{_base_url(model)} {model._get_llm_string()}"  # noqa: SLF001 - what LangChain's own caches go by


def no_tool_choice(model: BaseChatModel) -> str | dict[str, str]:
    """Say "call no tool" as the model's `bind_tools` takes it."""
    # langchain-anthropic reads any word but "any" and "auto" as the name of a tool.
    return {"type": "none"} if model._llm_type == "anthropic-chat" else "none"  # noqa: SLF001 - as below


def sends_extra_body(model: BaseChatModel, tools: Sequence[Mapping[str, Any]] = ()) -> bool:
    """Whether the model sends `extra_body` as part of a chat completion's body.

    A `response_format` is better sent so: as an argument of its own, the client parses the reply as well, and raises
    where it was cut, or where a tool beside it is not strict.
    """
    # A tool of OpenAI's own makes the client take the Responses API, which words the format differently.
    hosted = any(tool.get("type") != "function" for tool in tools)
    return is_openai_like(model) and not hosted and not getattr(model, "use_responses_api", None)


def limit_on_the_wire(model: BaseChatModel, parameter: str) -> str:
    """Return the name under which a cap is sent: `ChatOpenAI` renames the one, whichever it is given."""
    renames = any(parent.__name__ == "ChatOpenAI" for parent in type(model).__mro__)
    return "max_completion_tokens" if renames and parameter == "max_tokens" else parameter


def lesser_effort(model: BaseChatModel) -> Mapping[str, Any]:
    """Return the fields of a request body that make a model reason less; none where we know of no way.

    Where the provider can switch reasoning off, that; else `reasoning_effort` "low", unless it is as low already. (The
    sources stand in the table.)
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
    """Return how often a call of a model may be tried again by us: as often as its client would, which we stop.

    Other clients than OpenAI's try again by themselves, within their own limits.
    """
    if not is_openai_like(model):
        return 0
    asked = getattr(model, "max_retries", None)
    return MAX_RETRIES if asked is None else int(asked)


def _facts_of_foreign(model: BaseChatModel, spec: str | None) -> ModelFacts:
    said = _said(model)
    provider = _server(model, said.get("ls_provider"))
    llm_type = model._llm_type  # noqa: SLF001 - the only name a LangChain model has for its kind
    row = PROVIDERS.get(provider) if provider else None
    return ModelFacts(
        spec=spec,
        provider=provider,
        model_name=str(said.get("ls_model_name") or type(model).__name__),
        limit_parameter=_LIMIT_BY_TYPE.get(llm_type, "max_tokens"),
        limit_is_field=llm_type in _LIMIT_IS_FIELD,
        continuation=_CONTINUATION_BY_TYPE.get(llm_type),
        json_mode="json_schema" if _promises_schema(model) else None,
        price_id=row.price_id if row else provider,
    )


def _said(model: BaseChatModel) -> dict[str, Any]:
    """Merge the tracing parameters as LangSmith does: the user's metadata win."""
    return {**model._get_ls_params(), **(model.metadata or {})}  # noqa: SLF001 - has no public form


def _server(model: BaseChatModel, provider: Any) -> str | None:
    """Name who answers: a `ChatOpenAI` calls itself "openai" even when it talks to a server of one's own."""
    if not isinstance(provider, str):
        return None
    if provider != "openai" or "ls_provider" in (model.metadata or {}):
        return provider
    host = _host(_base_url(model))
    if host is None:
        return provider
    return next((name for name, row in PROVIDERS.items() if row.needs_key and _host(row.base_url) == host), None)


def _base_url(model: BaseChatModel) -> str | None:
    """Return where an OpenAI-like model calls, as its client resolved it from arguments and environment."""
    client = getattr(model, "root_async_client", None)
    url = getattr(client, "base_url", None) or getattr(model, "openai_api_base", None)
    return str(url) if url else None


def _host(url: str | None) -> str | None:
    return urlsplit(url).hostname if url else None


def _promises_schema(model: BaseChatModel) -> bool:
    profile: Any = getattr(model, "profile", None) or {}
    return bool(profile.get("structured_output")) and is_openai_like(model)


def is_openai_like(model: BaseChatModel) -> bool:
    """Whether a model speaks OpenAI's API through LangChain's client for it."""
    # By name: asking with isinstance would import langchain_openai.
    return any(parent.__name__ == "BaseChatOpenAI" for parent in type(model).__mro__)
