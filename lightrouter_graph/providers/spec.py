"""Parses model specs, `provider:model` or `provider:model@http://host:port/v1`, and resolves their URL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.providers.known import ALIASES
from lightrouter_graph.providers.table import PROVIDERS, Provider
from lightrouter_graph.providers.urls import checked_url, is_loopback
from lightrouter_graph.redaction import redact

_ADDRESS_WITHOUT_SCHEME = re.compile(r"@((?:[\w.-]+:\d{1,5}|localhost|\d{1,3}(?:\.\d{1,3}){3})(?:/\S*)?)$")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A parsed model spec; `str()` returns the spec string."""

    provider: str
    model: str
    base_url: str | None = None

    def __str__(self) -> str:
        address = f"@{self.base_url}" if self.base_url else ""
        return f"{self.provider}:{self.model}{address}"


def parse_spec(text: str) -> ModelSpec:
    """Parse a model spec such as `openai:gpt-5.4-mini` or `vllm:Qwen/Qwen3-8B@http://host:8000/v1`.

    Args:
        text: The spec. Model names may contain `/`, `:` and `@`: the provider ends at the first `:`, the URL begins at
            the last `@http://` or `@https://`.

    Raises:
        PoolError: If provider or model is missing, or the URL is not usable or contains a secret.
    """
    name = without_address(text)
    base_url = text[len(name) + 1 :] if name != text else None
    provider, colon, model = (part.strip() for part in name.partition(":"))
    if not (colon and provider and model) or not model.isprintable():
        raise PoolError(
            f"model spec {redact(text)!r} is not of the form provider:model or provider:model@http://host/v1 "
            f"with a provider such as {', '.join(sorted(PROVIDERS))}{_with_colon(name)}"
        )
    if base_url is None and (found := _ADDRESS_WITHOUT_SCHEME.search(model)):
        path = "" if "/" in found[1] else "/v1"
        fixed = f"{provider}:{model[: found.start()]}@http://{found[1]}{path}"
        msg = f"model spec {redact(text)!r}: the address must begin with http:// or https://; write {redact(fixed)}"
        raise PoolError(msg)
    provider = ALIASES.get(provider.lower(), provider.lower())
    return ModelSpec(provider, model, None if base_url is None else checked_url(base_url))


def with_base_url(spec: ModelSpec, base_url: str | None) -> ModelSpec:
    """Return the spec with another address; `PoolError` if it has one already.

    Args:
        spec: The spec.
        base_url: URL of the endpoint; None for no change.
    """
    if base_url is None:
        return spec
    if spec.base_url is not None:
        raise PoolError("the address is in 'model' and in 'base_url'; write it once")
    return ModelSpec(spec.provider, spec.model, checked_url(base_url))


def _with_colon(name: str) -> str:
    """Suggest `openai:m` for `openai/m`, the notation of other gateways."""
    provider, _, model = (part.strip() for part in name.partition("/"))
    return f" (did you mean {f'{provider}:{model}'!r}?)" if provider.lower() in {*PROVIDERS, *ALIASES} and model else ""


def without_address(spec: str) -> str:
    """Return a spec without its URL: the default name of a candidate.

    Args:
        spec: A model spec; returned unchanged if it has no URL.
    """
    cut = max(spec.rfind("@http://"), spec.rfind("@https://"))
    return spec[:cut] if cut >= 0 else spec


def unknown_provider(name: str, others: str = "") -> str:
    """Return the error message for a provider that is not in the table.

    Args:
        name: The unknown name.
        others: Providers that LangChain supports, comma-separated; "" if LangChain is not installed.
    """
    known = [*PROVIDERS, *ALIASES, *(other.strip() for other in others.split(",") if other.strip())]
    through = f"{', '.join(sorted(PROVIDERS))}" + (f"; through LangChain: {others}" if others else "")
    return (
        f"unknown provider {redact(name)!r}{did_you_mean(name, known)}; known: {through}. "
        "register_provider() adds an OpenAI-compatible endpoint"
    )


def base_url_of(spec: ModelSpec, env: Mapping[str, str]) -> str:
    """Return the URL of a model's endpoint: that of the spec, else of the environment, else the provider's default.

    Args:
        spec: A spec with a provider of the table; `PoolError` if no URL is set, or it is not usable.
        env: The environment variables.
    """
    row = PROVIDERS[spec.provider]
    url = spec.base_url or env.get(row.base_url_env or "", "").strip() or row.base_url
    if url is None:
        raise PoolError(f"{str(spec)!r} has no address: write {spec}@http://host:8000/v1 or set {row.base_url_env}")
    return _completed(url, row)


def _completed(url: str, row: Provider) -> str:
    """Complete the short forms of OLLAMA_HOST and the like: `host`, `0.0.0.0:11434`, `http://host:8000`."""
    if "://" not in url:
        url = f"http://{url}:{row.default_port}" if row.default_port and ":" not in url else f"http://{url}"
    parts = urlsplit(checked_url(url))
    if row.default_port and parts.hostname == "0.0.0.0":  # noqa: S104 - the address a server binds, not one to call
        parts = parts._replace(netloc=parts.netloc.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104
    path = parts.path.rstrip("/") or row.default_path or ("/v1" if is_loopback(url) else "")
    return parts._replace(path=path).geturl()
