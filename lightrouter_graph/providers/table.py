"""Facts about each provider: API key, URL, output limit, continuation, JSON mode, default models.

Looked up in November 2026; the source is next to each entry. If a source is ambiguous the value is None, and calls use
the form that always works at a higher cost.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.providers.urls import checked_url
from lightrouter_graph.redaction import redact

Continuation = Literal["continue_final_message", "prefix_flag", "prefill"]
"""How an endpoint continues a final assistant message instead of answering it.

`continue_final_message`: two fields in the request body (vLLM). `prefix_flag`: `"prefix": true` on the message
(DeepSeek). `prefill`: without any field.
"""

JsonMode = Literal["json_schema", "json_object"]
"""What `response_format` supports; `json_object` asks for JSON without a schema."""

LimitParameter = Literal["max_completion_tokens", "max_tokens"]
"""The request field that limits the output tokens."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider with an OpenAI-compatible chat endpoint; `register_provider` describes the other attributes.

    Attributes:
        key_required: Whether a missing key is an error; else a placeholder is sent.
        base_url: Default URL of the endpoint; None = the model spec or the environment must give it.
        base_url_env: Environment variable with another URL.
        default_path: Path appended to a URL without a path.
        default_port: Port appended to a host name without scheme and port.
        default_models: Models for `Pool.from_env` with their `reasoning_effort`, so that boots are not all reasoning.
    """

    api_key_env: str | None = None
    key_required: bool = True
    base_url: str | None = None
    base_url_env: str | None = None
    default_path: str = ""
    default_port: int | None = None
    limit_parameter: LimitParameter = "max_tokens"
    continuation: Continuation | None = None
    json_mode: JsonMode | None = None
    no_reasoning: Mapping[str, Any] | None = None
    price_id: str | None = None
    default_models: Mapping[str, str | None] = field(default_factory=dict)


class ProviderTable(Mapping[str, Provider]):
    """Providers by name. Entries are added, never changed or removed. Thread-safe."""

    def __init__(self, rows: Mapping[str, Provider]) -> None:
        self._rows = dict(rows)  # replaced by `add`, never changed: iterators of other threads stay valid
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Provider:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, name: str, provider: Provider) -> None:
        """Add an entry; `PoolError` if the table has another entry of this name. An equal entry has no effect.

        Args:
            name: Prefix of the model specs, in lower case.
            provider: The facts.
        """
        with self._lock:
            if self._rows.get(name, provider) != provider:
                raise PoolError(f"provider {name!r} is registered with other settings; choose another name")
            self._rows = {**self._rows, name: provider}


_ROWS = {
    # https://developers.openai.com/api/docs/deprecations: gpt-4.1-nano is removed, gpt-4o and gpt-4.1(-mini)
    # end on 2027-01-14. The remaining models reason, unless `reasoning_effort` is "none":
    # https://developers.openai.com/api/docs/guides/deployment-checklist
    "openai": Provider(
        api_key_env="OPENAI_API_KEY",
        base_url="https://api.openai.com/v1",
        base_url_env="OPENAI_BASE_URL",
        limit_parameter="max_completion_tokens",
        json_mode="json_schema",
        price_id="openai",
        default_models={"gpt-5.4-mini": "none", "gpt-5.4-nano": "none", "gpt-6-luna": "none"},
    ),
    # https://openrouter.ai/docs/api-reference/overview: max_tokens; response_format json_object. Whether
    # a final assistant message is continued depends on the model: None.
    "openrouter": Provider(
        api_key_env="OPENROUTER_API_KEY",
        base_url="https://openrouter.ai/api/v1",
        json_mode="json_object",
        price_id="openrouter",
        default_models={
            "meta-llama/llama-3.3-70b-instruct": None,
            "qwen/qwen3-235b-a22b-2507": None,
            "mistralai/mistral-small-3.2-24b-instruct": None,
            "google/gemma-3-27b-it": None,
        },
    ),
    # https://docs.together.ai/reference/chat-completions-1 (max_tokens); JSON schema only for some models.
    "together": Provider(
        api_key_env="TOGETHER_API_KEY",
        base_url="https://api.together.xyz/v1",
        json_mode="json_object",
        price_id="together",
        default_models={"meta-llama/Llama-3.3-70B-Instruct-Turbo": None, "openai/gpt-oss-120b": "low"},
    ),
    # max_tokens is deprecated: https://github.com/groq/groq-python/pull/175. JSON mode:
    # https://console.groq.com/docs/text-chat. https://console.groq.com/docs/prompting describes
    # prefilling with Llama 3; those models ended on 2026-08-16. It is not documented for the reasoning models that
    # replaced them (https://console.groq.com/docs/deprecations): None.
    "groq": Provider(
        api_key_env="GROQ_API_KEY",
        base_url="https://api.groq.com/openai/v1",
        limit_parameter="max_completion_tokens",
        json_mode="json_object",
        price_id="groq",
        default_models={"openai/gpt-oss-120b": "low", "openai/gpt-oss-20b": "low"},
    ),
    # Prefix completion at the beta URL, JSON output: https://api-docs.deepseek.com/news/news0725.
    # Reasoning is on by default: https://api-docs.deepseek.com/guides/thinking_mode
    "deepseek": Provider(
        api_key_env="DEEPSEEK_API_KEY",
        base_url="https://api.deepseek.com/beta",
        continuation="prefix_flag",
        json_mode="json_object",
        no_reasoning=MappingProxyType({"thinking": {"type": "disabled"}}),
        price_id="deepseek",
        default_models={"deepseek-v4-pro": "none", "deepseek-flash": "none"},
    ),
    # https://docs.ollama.com/api/openai-compatibility: max_tokens (num_predict belongs to its native API),
    # response_format; the key is ignored. Continuation depends on the chat template of the model: None.
    "ollama": Provider(
        key_required=False,
        base_url="http://127.0.0.1:11434/v1",
        base_url_env="OLLAMA_HOST",
        default_path="/v1",
        default_port=11434,
        json_mode="json_schema",
    ),
    # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (extra parameters, Chat API).
    "vllm": Provider(
        api_key_env="VLLM_API_KEY",
        key_required=False,
        base_url_env="VLLM_BASE_URL",
        default_path="/v1",
        continuation="continue_final_message",
        json_mode="json_schema",
        no_reasoning=MappingProxyType({"chat_template_kwargs": {"enable_thinking": False}}),
    ),
}

PROVIDERS = ProviderTable(_ROWS)
"""Providers whose models this package builds itself; others are built by `langchain.chat_models.init_chat_model`."""

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,60}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,120}")


def register_provider(
    name: str,
    *,
    base_url: str,
    api_key_env: str | None = None,
    limit_parameter: LimitParameter = "max_tokens",
    continuation: Continuation | None = None,
    json_mode: JsonMode | None = None,
    no_reasoning: Mapping[str, Any] | None = None,
    price_id: str | None = None,
) -> None:
    """Add a provider with an OpenAI-compatible chat endpoint to this process.

    `name:model` is then a model spec in `Pool`, `Candidate`, pool files, the server and the command line. Call it
    before the pool is built. Thread-safe.

    Args:
        name: Prefix of the model specs: letters, digits, `_`, `-` and `.`; case-insensitive.
        base_url: URL of the endpoint, usually with `/v1`. The API key is sent there.
        api_key_env: Environment variable with the API key; None = the endpoint needs no key.
        limit_parameter: The request field that limits the output tokens.
        continuation: How the endpoint continues a final assistant message; None = not supported: a full answer is then
            generated from scratch.
        json_mode: What `response_format` supports; None = JSON is asked for in the prompt.
        no_reasoning: Fields of the request body that switch reasoning off; None = `reasoning_effort: "none"`.
        price_id: Provider id in `genai-prices`; None = candidates have no price unless `Candidate(price=...)` sets it.

    Raises:
        PoolError: If the name is taken by other settings or not usable, or an option has a value that is not allowed.

    Example:
        ```python
        register_provider("acme", base_url="https://api.acme.example/v1", api_key_env="ACME_API_KEY")
        pool = Pool(["acme:some-model", "openai:gpt-5.4-mini"])
        ```
    """
    where = f"register_provider({redact(str(name))!r})"
    key = name.lower() if isinstance(name, str) else ""
    if not _NAME.fullmatch(key) or key == "pocket":
        msg = f"{where}: a name has letters, digits, '_', '-' and '.', starts with a letter and is not 'pocket'"
        raise PoolError(msg)
    if api_key_env is not None and not _VARIABLE.fullmatch(str(api_key_env)):
        msg = f"{where}: api_key_env must be the name of an environment variable such as 'ACME_API_KEY', not the key"
        raise PoolError(msg)
    _check_option(where, "limit_parameter", limit_parameter, get_args(LimitParameter))
    _check_option(where, "continuation", continuation, (*get_args(Continuation), None))
    _check_option(where, "json_mode", json_mode, (*get_args(JsonMode), None))
    if not isinstance(no_reasoning, Mapping | None):
        msg = f"{where}: no_reasoning must be a dict of request fields or None, got {type(no_reasoning).__name__}"
        raise PoolError(msg)
    try:
        checked_url(base_url)
    except PoolError as exc:
        raise PoolError(f"{where}: base_url: {exc}") from None
    provider = Provider(
        api_key_env=api_key_env,
        key_required=api_key_env is not None,
        base_url=base_url.rstrip("/"),
        limit_parameter=limit_parameter,
        continuation=continuation,
        json_mode=json_mode,
        no_reasoning=None if no_reasoning is None else MappingProxyType(dict(no_reasoning)),
        price_id=price_id,
    )
    PROVIDERS.add(key, provider)


def _check_option(where: str, option: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        names = [name for name in allowed if isinstance(name, str)]
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        msg = f"{where}: {option} must be one of {', '.join(map(repr, allowed))}, got {redact(repr(value))}{hint}"
        raise PoolError(msg)
