"""Builds a LangChain chat model from a model spec."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr, ValidationError

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.providers.known import COMPATIBLE_ENDPOINTS
from lightrouter_graph.providers.spec import ModelSpec, base_url_of, parse_spec, unknown_provider
from lightrouter_graph.providers.table import PROVIDERS, Provider
from lightrouter_graph.providers.urls import is_loopback
from lightrouter_graph.redaction import redact

if TYPE_CHECKING:
    from langchain_openai.chat_models.base import BaseChatOpenAI

SPEC_KEY = "lightrouter_spec"
"""Metadata key of a model built here, with its spec as value; shown in traces, read by `model_facts`."""

TIMEOUT_S = 86_400.0
"""Of the HTTP client: longer than any call may take, since `Calls` and `Candidate.timeout_s` limit each call."""

MAX_RETRIES = 2
"""On rate limits, overload and lost connections. `Context.calls.max_retries` limits the sum over a run."""

_PLACEHOLDER_KEY = "none-needed"
_SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD")


def build_model(
    spec: ModelSpec | str,
    *,
    temperature: float | None = None,
    top_p: float | None = None,
    headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    reasoning_effort: str | None = None,
    timeout_s: float = TIMEOUT_S,
    max_retries: int = MAX_RETRIES,
    api_key_env: str | None = None,
    env: Mapping[str, str] | None = None,
) -> BaseChatModel:
    """Build the chat model of a spec. No request is sent.

    Args:
        spec: `provider:model` or `provider:model@http://host/v1`.
        temperature: Sampling temperature, 0 to 2; None = the provider's default.
        top_p: Nucleus sampling, above 0 to 1; None = the provider's default.
        headers: Headers of each request.
        extra_body: Fields that are added to the body of each request.
        reasoning_effort: Reasoning effort of a reasoning model; "none" switches reasoning off where possible.
        timeout_s: Timeout of the HTTP client in seconds.
        max_retries: Retries of the HTTP client, >= 0.
        api_key_env: Environment variable with the API key; None = the provider's default.
        env: The environment variables; None = `os.environ`.

    Returns:
        A chat model; those of `PROVIDERS` are instances of `BaseChatOpenAI`.

    Raises:
        PoolError: If the provider is unknown, its package is not installed, its key or URL is missing, or the model
            class rejects an argument. The message contains no key.
    """
    spec = parse_spec(spec) if isinstance(spec, str) else spec
    env = os.environ if env is None else env
    settings: dict[str, Any] = {"timeout": timeout_s, "max_retries": max_retries, "metadata": {SPEC_KEY: str(spec)}}
    settings |= {} if temperature is None else {"temperature": temperature}
    settings |= {} if top_p is None else {"top_p": top_p}
    compatible = _compatible_endpoint(spec.provider)
    if spec.provider not in PROVIDERS and compatible is None:
        unsupported: dict[str, Any] = {"headers": headers, "extra_body": extra_body}
        unsupported |= {"top_p": top_p} if spec.provider == "pocket" else {}
        _refuse(spec, [name for name, value in unsupported.items() if value is not None])
    settings |= {"default_headers": dict(headers)} if headers else {}
    settings |= {"extra_body": dict(extra_body)} if extra_body else {}
    if spec.provider == "pocket":
        return _build_pocket(spec, temperature)
    if spec.provider in PROVIDERS:
        return _build_openai_like(spec, settings, reasoning_effort, api_key_env, env)
    if compatible is not None:
        spec = replace(spec, provider=compatible)
        settings["metadata"] = {SPEC_KEY: str(spec)}
        return _build_openai_like(spec, settings, reasoning_effort, api_key_env, env)
    if reasoning_effort is not None:
        settings["reasoning_effort"] = reasoning_effort
    return _build_by_langchain(spec, settings, api_key_env, env)


def _refuse(spec: ModelSpec, options: list[str]) -> None:
    if options:
        msg = f"{str(spec)!r}: {', '.join(options)} can be set only on providers with an OpenAI-compatible endpoint"
        raise PoolError(f"{msg}: {', '.join(sorted(PROVIDERS))}")


def _compatible_endpoint(provider: str) -> str | None:
    """Return the provider whose OpenAI-compatible endpoint replaces LangChain's client; None if that is installed."""
    packages = ("langchain", f"langchain_{provider}")
    installed = provider in COMPATIBLE_ENDPOINTS and all(find_spec(package) is not None for package in packages)
    return None if installed else COMPATIBLE_ENDPOINTS.get(provider)


def _build_openai_like(
    spec: ModelSpec, settings: dict[str, Any], effort: str | None, api_key_env: str | None, env: Mapping[str, str]
) -> BaseChatModel:
    row = PROVIDERS[spec.provider]
    if effort == "none" and row.no_reasoning is not None:
        settings["extra_body"] = {**row.no_reasoning, **settings.get("extra_body", {})}
    elif effort is not None:
        settings["reasoning_effort"] = effort
    # LangSmith matches prices on these two; only the constructor's metadata beat the class's own "openai".
    settings["metadata"] |= {"ls_provider": spec.provider, "ls_model_name": spec.model}
    base_url = base_url_of(spec, env)
    key = _api_key(spec, row, api_key_env, env, required=row.key_required and not is_loopback(base_url))
    try:
        return _openai_class(row)(
            model=spec.model,
            base_url=base_url,
            api_key=SecretStr(key),
            stream_usage=True,  # off by default with a base_url: streams would have no usage
            stream_chunk_timeout=0,  # its wait_for swallows cancellation on Python 3.11
            use_responses_api=None if spec.provider == "openai" else False,
            **settings,
        )
    except ValidationError as exc:
        raise PoolError(_build_error(spec, exc, env)) from None


def _openai_class(row: Provider) -> "type[BaseChatOpenAI]":
    # Imported on first use: it takes two seconds.
    from langchain_openai.chat_models.base import BaseChatOpenAI, ChatOpenAI  # noqa: PLC0415

    if row.continuation == "prefix_flag":
        from lightrouter_graph.providers.prefix_chat import PrefixChatOpenAI  # noqa: PLC0415

        return PrefixChatOpenAI
    # ChatOpenAI renames max_tokens to max_completion_tokens, BaseChatOpenAI sends it unchanged.
    return ChatOpenAI if row.limit_parameter == "max_completion_tokens" else BaseChatOpenAI


def _api_key(spec: ModelSpec, row: Provider, api_key_env: str | None, env: Mapping[str, str], *, required: bool) -> str:
    variable = api_key_env or row.key_variable(env)
    if key := env.get(variable or "", "").strip():
        return key
    if required or api_key_env:
        raise PoolError(f"{str(spec)!r} needs an API key: set the environment variable {variable}")
    return _PLACEHOLDER_KEY


def _build_pocket(spec: ModelSpec, temperature: float | None) -> BaseChatModel:
    from lightrouter_graph.pocket.chat import ChatPocket  # noqa: PLC0415 - imports numpy
    from lightrouter_graph.pocket.model import POCKET_NAMES  # noqa: PLC0415

    if spec.model not in POCKET_NAMES or spec.base_url:
        known = [f"pocket:{name}" for name in POCKET_NAMES]
        msg = f"{str(spec)!r} is not a pocket model{did_you_mean(str(spec), known)}; known: {', '.join(known)}"
        raise PoolError(msg)
    return ChatPocket(model_name=spec.model, temperature=temperature or 0.0, metadata={SPEC_KEY: str(spec)})


def _build_by_langchain(
    spec: ModelSpec, settings: dict[str, Any], api_key_env: str | None, env: Mapping[str, str]
) -> BaseChatModel:
    if api_key_env:
        settings["api_key"] = _api_key(spec, Provider(), api_key_env, env, required=True)
    if spec.base_url:
        settings["base_url"] = spec.base_url
    try:
        from langchain.chat_models import init_chat_model  # noqa: PLC0415 - optional package
    except ImportError:
        msg = f"{unknown_provider(spec.provider)}, pip install 'lightrouter-graph[langchain]' more providers"
        raise PoolError(msg) from None
    try:
        model: BaseChatModel = init_chat_model(spec.model, model_provider=spec.provider, **settings)
    except ImportError as exc:
        raise PoolError(f"{str(spec)!r}: {exc}") from exc
    except Exception as exc:  # noqa: BLE001 - a package may raise any type, with the key in its text
        raise PoolError(_build_error(spec, exc, env)) from None
    return model


def _build_error(spec: ModelSpec, exc: Exception, env: Mapping[str, str]) -> str:
    """Return the error message as one line without arguments and keys."""
    if str(exc).startswith("Unsupported provider"):
        return unknown_provider(spec.provider, str(exc).rpartition(":")[2].strip())
    why = str(exc)
    if isinstance(exc, ValidationError):
        problems = exc.errors(include_input=False, include_url=False, include_context=False)
        why = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}".lstrip(": ") for p in problems)
    secrets = tuple(value for name, value in env.items() if value and _SECRET.search(name.upper()))
    return f"{str(spec)!r} cannot be built: {type(exc).__name__}: {' '.join(redact(why, secrets).split())}"
