"""Which models the environment offers: keys that are set, a local Ollama, a vLLM server."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter

from lightrouter_graph.errors import NoModelsError
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.table import PROVIDERS, DefaultModel, ModelSpec, base_url_of

logger = logging.getLogger(__name__)

MOST_CANDIDATES = 8
"""More would only be paid for: the default run stops after five answers at most."""

_MOST_LOCAL = 4
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
    """Collect what can be called, dearest first, models without a known price last.

    Dearest first because, while nothing is known of the candidates, the price is the best guess at how good
    they are (of the candidates nothing but the price is known).

    Args:
        env: The environment.
        probe: Whether to ask a local Ollama and a vLLM server which models they have.

    Returns:
        At most `MOST_CANDIDATES` candidates, named by their spec.

    Raises:
        PoolError: If there is none; the message lists every way to configure one.
    """
    found = [_candidate(name, model, env) for name, model in _by_key(env)]
    if probe:
        found += [_candidate("ollama", model, env) for model in _ollama_models(env)]
        found += [_candidate("vllm", model, env) for model in _vllm_models(env)]
    if not found:
        raise NoModelsError(_how_to_configure(probe=probe))
    return sorted(_one_per_model(found), key=_dearest_first)[:MOST_CANDIDATES]


def _by_key(env: Mapping[str, str]) -> list[tuple[str, DefaultModel]]:
    return [
        (name, model)
        for name, row in PROVIDERS.items()
        if row.key_variable and env.get(row.key_variable, "").strip()
        for model in row.default_models
    ]


def _candidate(provider: str, model: DefaultModel, env: Mapping[str, str]) -> Candidate:
    spec = ModelSpec(provider, model.name)
    return Candidate(str(spec), build_model(spec, reasoning_effort=model.effort, env=env))


def _one_per_model(found: list[Candidate]) -> list[Candidate]:
    """Keep the cheapest offer of each model: one that agrees with itself elsewhere is no second opinion."""
    kept: dict[str, Candidate] = {}
    for candidate in sorted(found, key=_dearest_first, reverse=True):
        kept.setdefault(_weights(candidate), candidate)
    return [candidate for candidate in found if candidate in kept.values()]


def _weights(candidate: Candidate) -> str:
    """Name a listed model as all its providers would: without owner and `-Turbo`."""
    if candidate.price is None:
        return candidate.name
    return candidate.model_name.rpartition("/")[2].lower().removesuffix("-turbo")


def _dearest_first(candidate: Candidate) -> float:
    price = candidate.price
    return 1.0 if price is None else -(price.input + price.output)


def _ollama_models(env: Mapping[str, str]) -> list[DefaultModel]:
    base_url = base_url_of(ModelSpec("ollama", "any"), env)
    tags = _ask(f"{base_url.removesuffix('/v1')}/api/tags", _OllamaTags, asked_for="OLLAMA_HOST" in env)
    names = [model.name for model in tags.models if not model.embeds] if tags else []
    return [DefaultModel(name) for name in names[:_MOST_LOCAL]]


def _vllm_models(env: Mapping[str, str]) -> list[DefaultModel]:
    if not env.get("VLLM_BASE_URL", "").strip():
        return []
    key = env.get("VLLM_API_KEY", "").strip()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    served = _ask(
        f"{base_url_of(ModelSpec('vllm', 'any'), env)}/models", _ServedModels, asked_for=True, headers=headers
    )
    return [DefaultModel(model.id) for model in served.data[:_MOST_LOCAL]] if served else []


def _ask(url: str, shape: type[Reply], *, asked_for: bool, headers: Mapping[str, str] | None = None) -> Reply | None:
    """Ask a server for its models; None when it is not there, said aloud only if the user had named it."""
    import httpx  # noqa: PLC0415 - not needed without a probe

    try:
        # No proxy: these servers are on this machine or beside it.
        reply = httpx.get(url, headers=dict(headers or {}), timeout=_PROBE_TIMEOUT_S, trust_env=False)
        return TypeAdapter(shape).validate_python(_json(reply))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
        if asked_for:
            logger.warning("no models found at %s (%s)", url, type(exc).__name__)
        return None


def _json(reply: Any) -> Any:
    return reply.raise_for_status().json()


def _how_to_configure(*, probe: bool) -> str:
    keys = ", ".join(row.key_variable for row in PROVIDERS.values() if row.key_variable and row.default_models)
    looked = "no key is set and no local server answered" if probe else "no key is set"
    return (
        f"no model found: {looked}. Set one of {keys}; or start Ollama (address in OLLAMA_HOST, by default "
        f"{PROVIDERS['ollama'].base_url}) and pull a model; or set VLLM_BASE_URL to a vLLM server; or name "
        'models yourself: Pool(["openai:gpt-5.4-mini", ...]), Pool.from_toml("lightrouter.toml"), or -m SPEC on the '
        "command line"
    )
