"""Facts about each provider: API key, URL, output limit, continuation, JSON mode, default models."""

import re
import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, get_args

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.providers.known import ALIASES, ROWS
from lightrouter_graph.providers.provider import Continuation, JsonMode, LimitParameter, Provider
from lightrouter_graph.providers.urls import checked_url
from lightrouter_graph.redaction import redact


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


PROVIDERS = ProviderTable(ROWS)
"""Providers whose models this package builds itself; others are built by `langchain.chat_models.init_chat_model`."""

__all__ = ["PROVIDERS", "Continuation", "JsonMode", "LimitParameter", "Provider", "ProviderTable", "register_provider"]

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
    PROVIDERS.add(ALIASES.get(key, key), provider)


def _check_option(where: str, option: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        names = [name for name in allowed if isinstance(name, str)]
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        msg = f"{where}: {option} must be one of {', '.join(map(repr, allowed))}, got {redact(repr(value))}{hint}"
        raise PoolError(msg)
