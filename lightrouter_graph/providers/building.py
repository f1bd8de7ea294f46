"""From a model spec to a LangChain chat model."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr, ValidationError

from lightrouter_graph.errors import PoolError
from lightrouter_graph.providers.table import PROVIDERS, ModelSpec, Provider, base_url_of, parse_spec
from lightrouter_graph.redaction import redact

if TYPE_CHECKING:
    from langchain_openai.chat_models.base import BaseChatOpenAI

SPEC_KEY = "lightrouter_spec"
"""Where a model we built says, in its metadata, from which spec: traces show it, `model_facts` reads it."""

TIMEOUT_S = 120.0
MAX_RETRIES = 2
"""On rate limits, overload and lost connections; `Context.max_retries` bounds the sum over all candidates of a run."""

_NO_KEY = "none-needed"


def build_model(
    spec: ModelSpec | str,
    *,
    temperature: float | None = None,
    reasoning_effort: str | None = None,
    timeout_s: float = TIMEOUT_S,
    max_retries: int = MAX_RETRIES,
    api_key_env: str | None = None,
    env: Mapping[str, str] | None = None,
) -> BaseChatModel:
    """Build the chat model a spec names, ready to be called; nothing is sent.

    Args:
        spec: `provider:model`, with `@http://host/v1` behind it for another address.
        temperature: Sampling temperature; None = the provider's own.
        reasoning_effort: For models that think before they write; "none" switches it off where possible.
        timeout_s: Seconds without an answer until the client gives up.
        max_retries: How often the client tries again.
        api_key_env: Environment variable of the key; None = the provider's usual one.
        env: The environment; None = the process's own.

    Raises:
        PoolError: If the provider is unknown, its package is not installed, its key or address is missing, or
            the model refuses its settings. The message never holds a key.
    """
    spec = parse_spec(spec) if isinstance(spec, str) else spec
    env = os.environ if env is None else env
    settings: dict[str, Any] = {
        "timeout": timeout_s,
        "max_retries": max_retries,
        "metadata": {SPEC_KEY: str(spec)},
    }
    if temperature is not None:
        settings["temperature"] = temperature
    if spec.provider == "pocket":
        return _build_pocket(spec, temperature)
    if spec.provider in PROVIDERS:
        return _build_openai_like(spec, settings, reasoning_effort, api_key_env, env)
    if reasoning_effort is not None:
        settings["reasoning_effort"] = reasoning_effort
    return _build_by_langchain(spec, settings, api_key_env, env)


def _build_openai_like(
    spec: ModelSpec,
    settings: dict[str, Any],
    effort: str | None,
    api_key_env: str | None,
    env: Mapping[str, str],
) -> BaseChatModel:
    row = PROVIDERS[spec.provider]
    settings |= _effort_settings(row, effort)
    # LangSmith matches prices on these two; only the constructor's metadata beat the class's own "openai".
    settings["metadata"] |= {"ls_provider": spec.provider, "ls_model_name": spec.model}
    base_url, key = base_url_of(spec, env), _key(spec, row, api_key_env, env)
    try:
        return _openai_class(row)(
            model=spec.model,
            base_url=base_url,
            api_key=SecretStr(key),
            stream_usage=True,  # off by default with a base_url: streams would carry no usage
            stream_chunk_timeout=0,  # its wait_for loses cancellations on Python 3.11
            use_responses_api=None if spec.provider == "openai" else False,
            **settings,
        )
    except ValidationError as exc:
        raise PoolError(_refusal(spec, exc, env)) from None


def _openai_class(row: Provider) -> "type[BaseChatOpenAI]":
    # Two seconds to import: only who builds such a model pays for it.
    from langchain_openai.chat_models.base import BaseChatOpenAI, ChatOpenAI  # noqa: PLC0415

    if row.continuation == "prefix_flag":
        from lightrouter_graph.providers.prefix_chat import PrefixChatOpenAI  # noqa: PLC0415

        return PrefixChatOpenAI
    # ChatOpenAI renames max_tokens to max_completion_tokens, BaseChatOpenAI sends it as it is.
    return ChatOpenAI if row.limit_parameter == "max_completion_tokens" else BaseChatOpenAI


def _effort_settings(row: Provider, effort: str | None) -> dict[str, Any]:
    if effort is None:
        return {}
    if effort == "none" and row.no_reasoning is not None:
        return {"extra_body": dict(row.no_reasoning)}
    return {"reasoning_effort": effort}


def _key(spec: ModelSpec, row: Provider, api_key_env: str | None, env: Mapping[str, str]) -> str:
    variable = api_key_env or row.key_variable
    key = env.get(variable or "", "").strip()
    if key:
        return key
    if row.needs_key or api_key_env:
        msg = f"{str(spec)!r} needs a key: set the environment variable {variable}"
        raise PoolError(msg)
    return _NO_KEY


def _build_pocket(spec: ModelSpec, temperature: float | None) -> BaseChatModel:
    from lightrouter_graph.pocket.chat import ChatPocket  # noqa: PLC0415 - numpy and weights, for those who ask for them
    from lightrouter_graph.pocket.model import POCKET_NAMES  # noqa: PLC0415

    if spec.model not in POCKET_NAMES or spec.base_url:
        msg = f"{str(spec)!r}: the pocket models are {', '.join(f'pocket:{name}' for name in POCKET_NAMES)}"
        raise PoolError(msg)
    return ChatPocket(model_name=spec.model, temperature=temperature or 0.0, metadata={SPEC_KEY: str(spec)})


def _build_by_langchain(
    spec: ModelSpec, settings: dict[str, Any], api_key_env: str | None, env: Mapping[str, str]
) -> BaseChatModel:
    if api_key_env:
        settings["api_key"] = _key(spec, Provider(), api_key_env, env)
    if spec.base_url:
        settings["base_url"] = spec.base_url
    try:
        from langchain.chat_models import init_chat_model  # noqa: PLC0415 - optional package
    except ImportError:
        msg = (
            f"unknown provider {spec.provider!r}; known: {', '.join(PROVIDERS)}. "
            "More providers come with LangChain: pip install 'lightrouter-graph[langchain]'"
        )
        raise PoolError(msg) from None
    try:
        model: BaseChatModel = init_chat_model(spec.model, model_provider=spec.provider, **settings)
    except ImportError as exc:
        msg = f"{str(spec)!r}: {exc}"
        raise PoolError(msg) from exc
    except Exception as exc:  # noqa: BLE001 - any package may raise anything, and its text may hold the key
        raise PoolError(_refusal(spec, exc, env)) from None
    return model


def _refusal(spec: ModelSpec, exc: Exception, env: Mapping[str, str]) -> str:
    """Say why a model could not be built, in one line that holds neither inputs nor keys."""
    if str(exc).startswith("Unsupported provider"):
        others = str(exc).rpartition(":")[2].strip()
        return f"unknown provider {spec.provider!r}; known: {', '.join(PROVIDERS)}; through LangChain: {others}"
    why = str(exc)
    if isinstance(exc, ValidationError):
        problems = exc.errors(include_input=False, include_url=False, include_context=False)
        why = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}".lstrip(": ") for p in problems)
    secrets = tuple(value for name, value in env.items() if value and _holds_secret(name))
    return f"{str(spec)!r} cannot be built: {type(exc).__name__}: {' '.join(redact(why, secrets).split())}"


def _holds_secret(variable: str) -> bool:
    return any(word in variable.upper() for word in ("KEY", "TOKEN", "SECRET", "PASSWORD"))
