"""What is known of each provider: key, address, limit parameter, continuation, JSON mode, default models.

Facts looked up in November 2026; the address of the page stands beside each. Where a page leaves a doubt, the
table says None and we take the dearer way that always works.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from lightrouter_graph.errors import PoolError
from lightrouter_graph.redaction import redact

Continuation = Literal["continue_final_message", "prefix_flag", "prefill"]
"""How an endpoint goes on from a final assistant message instead of answering it.

`continue_final_message`: two fields in the body (vLLM). `prefix_flag`: `"prefix": true` on the message
(DeepSeek). `prefill`: it simply does.
"""

JsonMode = Literal["json_schema", "json_object"]
"""What `response_format` understands; `json_object` asks for JSON without a schema."""


class DefaultModel(NamedTuple):
    """A model `Pool.from_env` takes; `effort` keeps its boots from being hidden reasoning."""

    name: str
    effort: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider with an OpenAI-like chat endpoint.

    Attributes:
        key_variable: Environment variable of the key.
        needs_key: Whether a missing key is an error; else a placeholder is sent.
        base_url: Where the endpoint is; None = must be told.
        base_url_variable: Environment variable that tells another address.
        bare_path: Path put behind an address that has none.
        default_port: Port put behind a host name without scheme and port.
        limit_parameter: The field that caps the output.
        continuation: How it continues a final assistant message; None = it does not, or we are not certain.
        json_mode: What its `response_format` is certain to understand.
        no_reasoning: Body fields that switch hidden reasoning off; None = `reasoning_effort: "none"` does.
        price_id: The name `genai-prices` knows it by; None = it costs nothing we could know.
        default_models: For `Pool.from_env`.
    """

    key_variable: str | None = None
    needs_key: bool = True
    base_url: str | None = None
    base_url_variable: str | None = None
    bare_path: str = ""
    default_port: int | None = None
    limit_parameter: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    continuation: Continuation | None = None
    json_mode: JsonMode | None = None
    no_reasoning: Mapping[str, Any] | None = None
    price_id: str | None = None
    default_models: tuple[DefaultModel, ...] = ()


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        # https://developers.openai.com/api/docs/deprecations: gpt-4.1-nano is gone, gpt-4o and gpt-4.1(-mini)
        # leave on 2027-01-14. What stays reasons, unless `reasoning_effort` is "none":
        # https://developers.openai.com/api/docs/guides/deployment-checklist
        "openai": Provider(
            key_variable="OPENAI_API_KEY",
            base_url="https://api.openai.com/v1",
            base_url_variable="OPENAI_BASE_URL",
            limit_parameter="max_completion_tokens",
            json_mode="json_schema",
            price_id="openai",
            default_models=(
                DefaultModel("gpt-5.4-mini", "none"),
                DefaultModel("gpt-5.4-nano", "none"),
                DefaultModel("gpt-6-luna", "none"),
            ),
        ),
        # https://openrouter.ai/docs/api-reference/overview: max_tokens; response_format json_object. Whether
        # a final assistant message is continued depends on the model behind it: None.
        "openrouter": Provider(
            key_variable="OPENROUTER_API_KEY",
            base_url="https://openrouter.ai/api/v1",
            json_mode="json_object",
            price_id="openrouter",
            default_models=(
                DefaultModel("meta-llama/llama-3.3-70b-instruct"),
                DefaultModel("qwen/qwen3-235b-a22b-2507"),
                DefaultModel("mistralai/mistral-small-3.2-24b-instruct"),
                DefaultModel("google/gemma-3-27b-it"),
            ),
        ),
        # https://docs.together.ai/reference/chat-completions-1 (max_tokens); a schema only for some models.
        "together": Provider(
            key_variable="TOGETHER_API_KEY",
            base_url="https://api.together.xyz/v1",
            json_mode="json_object",
            price_id="together",
            default_models=(
                DefaultModel("meta-llama/Llama-3.3-70B-Instruct-Turbo"),
                DefaultModel("openai/gpt-oss-120b", "low"),
            ),
        ),
        # max_tokens is deprecated: https://github.com/groq/groq-python/pull/175. JSON mode:
        # https://console.groq.com/docs/text-chat. https://console.groq.com/docs/prompting describes
        # prefilling with Llama 3; those models left on 2026-08-16, and whether it holds for the reasoning
        # models that replaced them (https://console.groq.com/docs/deprecations) is not said: None.
        "groq": Provider(
            key_variable="GROQ_API_KEY",
            base_url="https://api.groq.com/openai/v1",
            limit_parameter="max_completion_tokens",
            json_mode="json_object",
            price_id="groq",
            default_models=(
                DefaultModel("openai/gpt-oss-120b", "low"),
                DefaultModel("openai/gpt-oss-20b", "low"),
            ),
        ),
        # Prefix completion at the beta address, JSON output: https://api-docs.deepseek.com/news/news0725.
        # Thinking is on unless switched off: https://api-docs.deepseek.com/guides/thinking_mode
        "deepseek": Provider(
            key_variable="DEEPSEEK_API_KEY",
            base_url="https://api.deepseek.com/beta",
            continuation="prefix_flag",
            json_mode="json_object",
            no_reasoning=MappingProxyType({"thinking": {"type": "disabled"}}),
            price_id="deepseek",
            default_models=(DefaultModel("deepseek-v4-pro", "none"), DefaultModel("deepseek-flash", "none")),
        ),
        # https://docs.ollama.com/api/openai-compatibility: max_tokens (num_predict is for its own API),
        # response_format; the key is ignored. Continuation depends on the model's template: None.
        "ollama": Provider(
            needs_key=False,
            base_url="http://127.0.0.1:11434/v1",
            base_url_variable="OLLAMA_HOST",
            bare_path="/v1",
            default_port=11434,
            json_mode="json_schema",
        ),
        # https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html (extra parameters, Chat API).
        "vllm": Provider(
            key_variable="VLLM_API_KEY",
            needs_key=False,
            base_url_variable="VLLM_BASE_URL",
            bare_path="/v1",
            continuation="continue_final_message",
            json_mode="json_schema",
            no_reasoning=MappingProxyType({"chat_template_kwargs": {"enable_thinking": False}}),
        ),
    }
)
"""The providers we build models for ourselves; others go through `langchain.chat_models.init_chat_model`."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model in words: `provider:model` or `provider:model@http://host:port/v1`."""

    provider: str
    model: str
    base_url: str | None = None

    def __str__(self) -> str:
        address = f"@{self.base_url}" if self.base_url else ""
        return f"{self.provider}:{self.model}{address}"


def parse_spec(text: str) -> ModelSpec:
    """Read a model spec such as `openai:gpt-5.4-mini` or `vllm:Qwen/Qwen3-8B@http://host:8000/v1`.

    Model names may hold `/`, `:` and `@`: the provider ends at the first `:`, the address begins at the last
    `@http://` or `@https://`.

    Raises:
        PoolError: If provider or model is missing, or the address is not usable or holds a secret.
    """
    cut = max(text.rfind("@http://"), text.rfind("@https://"))
    head, base_url = (text[:cut], text[cut + 1 :]) if cut >= 0 else (text, None)
    provider, colon, model = (part.strip() for part in head.partition(":"))
    if not (colon and provider and model) or not model.isprintable():
        msg = (
            f"model spec {redact(text)!r} is not of the form provider:model or provider:model@http://host/v1 "
            f"with a provider such as {', '.join(PROVIDERS)}"
        )
        raise PoolError(msg)
    return ModelSpec(provider.lower(), model, None if base_url is None else checked_url(base_url))


def without_address(spec: str) -> str:
    """Return a spec without its address: how a candidate is called that was given no name."""
    cut = max(spec.rfind("@http://"), spec.rfind("@https://"))
    return spec[:cut] if cut >= 0 else spec


def checked_url(url: str) -> str:
    """Return the address of an endpoint as it is, or say why it cannot be one; secrets in it are refused.

    Raises:
        PoolError: If it is not http(s), has no host, or holds a user name, a password or a query.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        msg = f"address {redact(url)!r} is not of the form http://host:port/path"
        raise PoolError(msg)
    if parts.username or parts.password or parts.query:
        msg = f"the address of {parts.hostname!r} holds a user name, a password or a query; leave them out"
        raise PoolError(msg)
    return url


def base_url_of(spec: ModelSpec, env: Mapping[str, str]) -> str:
    """Return where a model is called: the spec's address, else the environment's, else the default.

    Raises:
        PoolError: If none of them says, or the address is not usable.
    """
    row = PROVIDERS[spec.provider]
    url = spec.base_url or env.get(row.base_url_variable or "", "").strip() or row.base_url
    if url is None:
        msg = f"{str(spec)!r} has no address: write {spec}@http://host:8000/v1 or set {row.base_url_variable}"
        raise PoolError(msg)
    return _completed(url, row)


def _completed(url: str, row: Provider) -> str:
    """Complete what people write in OLLAMA_HOST and the like: `host`, `0.0.0.0:11434`, `http://host:8000`."""
    if "://" not in url:
        port = f":{row.default_port}" if row.default_port and ":" not in url else ""
        url = f"http://{url}{port}"
    parts = urlsplit(checked_url(url))
    if row.default_port and parts.hostname == "0.0.0.0":  # noqa: S104 - where a server listens, not where it is
        parts = parts._replace(netloc=parts.netloc.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104
    path = parts.path.rstrip("/") or row.bare_path
    return parts._replace(path=path).geturl()
