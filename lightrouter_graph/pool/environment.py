"""Finds models in the environment: providers with an API key, a local Ollama, a vLLM server."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter

from lightrouter_graph.errors import NoModelsError
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.spec import ModelSpec, base_url_of
from lightrouter_graph.providers.table import PROVIDERS, DefaultModel

logger = logging.getLogger(__name__)

MAX_CANDIDATES = 8
"""More candidates only add cost: a run with the default settings needs five answers at most."""

_MAX_LOCAL = 4
_PROBE_TIMEOUT_S = 1.5

Reply = TypeVar("Reply", bound=BaseModel)


class _OllamaDetails(BaseModel):
    family: str = ""


class _OllamaModel(BaseModel):
    name: str
    details: _OllamaDetails | None = None

    @property
    def embeds(self) -> bool:
        family = self.details.family if self.details else ""
        return "embed" in self.name.lower() or "bert" in family.lower()


class _OllamaTags(BaseModel):
    models: list[_OllamaModel] = []


class _ServedModel(BaseModel):
    id: str


class _ServedModels(BaseModel):
    data: list[_ServedModel] = Field(default=[])


def find_candidates(env: Mapping[str, str], *, probe: bool = True) -> list[Candidate]:
    """Collect candidates, highest price first, models without a known price last.

    The price is the only known property of the candidates that can indicate their quality.

    Args:
        env: The environment variables.
        probe: Whether to request the model lists of a local Ollama and a vLLM server.

    Returns:
        1 to `MAX_CANDIDATES` candidates, named by their spec.

    Raises:
        NoModelsError: If no model is found; the message lists every way to configure one.
        PoolError: If an address is invalid.
    """
    found = [_candidate(name, model, env) for name, model in _hosted_models(env)]
    if probe:
        found += [_candidate("ollama", model, env) for model in _ollama_models(env)]
        found += [_candidate("vllm", model, env) for model in _vllm_models(env)]
    if not found:
        raise NoModelsError(_how_to_configure(probe=probe))
    return sorted(_one_per_model(found), key=_by_price_descending)[:MAX_CANDIDATES]


def _hosted_models(env: Mapping[str, str]) -> list[tuple[str, DefaultModel]]:
    return [
        (name, model)
        for name, row in PROVIDERS.items()
        if row.api_key_env and env.get(row.api_key_env, "").strip()
        for model in row.default_models
    ]


def _candidate(provider: str, model: DefaultModel, env: Mapping[str, str]) -> Candidate:
    spec = ModelSpec(provider, model.name)
    return Candidate(str(spec), build_model(spec, reasoning_effort=model.effort, env=env))


def _one_per_model(found: list[Candidate]) -> list[Candidate]:
    """Keep the lowest price of each model: the same model at two providers is not a second opinion."""
    kept: dict[str, Candidate] = {}
    for candidate in sorted(found, key=_by_price_descending, reverse=True):
        kept.setdefault(_model_id(candidate), candidate)
    return [candidate for candidate in found if candidate in kept.values()]


def _model_id(candidate: Candidate) -> str:
    """Return the name of a priced model without owner and `-Turbo`, which differ between providers."""
    if candidate.price is None:
        return candidate.name
    return candidate.model_name.rpartition("/")[2].lower().removesuffix("-turbo")


def _by_price_descending(candidate: Candidate) -> float:
    price = candidate.price
    return 1.0 if price is None else -(price.input + price.output)


def _ollama_models(env: Mapping[str, str]) -> list[DefaultModel]:
    base_url = base_url_of(ModelSpec("ollama", "any"), env)
    tags = _fetch(f"{base_url.removesuffix('/v1')}/api/tags", _OllamaTags, expected="OLLAMA_HOST" in env)
    names = [model.name for model in tags.models if not model.embeds] if tags else []
    return [DefaultModel(name) for name in names[:_MAX_LOCAL]]


def _vllm_models(env: Mapping[str, str]) -> list[DefaultModel]:
    if not env.get("VLLM_BASE_URL", "").strip():
        return []
    key = env.get("VLLM_API_KEY", "").strip()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"{base_url_of(ModelSpec('vllm', 'any'), env)}/models"
    served = _fetch(url, _ServedModels, expected=True, headers=headers)
    return [DefaultModel(model.id) for model in served.data[:_MAX_LOCAL]] if served else []


def _fetch(url: str, schema: type[Reply], *, expected: bool, headers: Mapping[str, str] | None = None) -> Reply | None:
    """Request the models of a server; None if it does not respond. If `expected`, a warning is logged then."""
    import httpx  # noqa: PLC0415 - only a probe needs it

    try:
        # No proxy: these servers are local.
        reply = httpx.get(url, headers=dict(headers or {}), timeout=_PROBE_TIMEOUT_S, trust_env=False)
        return TypeAdapter(schema).validate_python(_json(reply))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
        if expected:
            logger.warning("no models found at %s (%s)", url, type(exc).__name__)
        return None


def _json(reply: Any) -> Any:
    return reply.raise_for_status().json()


def _how_to_configure(*, probe: bool) -> str:
    keys = ", ".join(row.api_key_env for row in PROVIDERS.values() if row.api_key_env and row.default_models)
    searched = "no key is set and no local server answered" if probe else "no key is set"
    return (
        f"no model found: {searched}. Set one of {keys}; or start Ollama (address in OLLAMA_HOST, by default "
        f"{PROVIDERS['ollama'].base_url}) and pull a model; or set VLLM_BASE_URL to a vLLM server; or name "
        'models yourself: Pool(["openai:gpt-5.4-mini", ...]), Pool.from_toml("lightrouter.toml"), or -m SPEC on the '
        "command line"
    )
