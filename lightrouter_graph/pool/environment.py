"""Finds models in the environment: providers with an API key, a local Ollama, other servers with an address."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import AliasChoices, BaseModel, Field

from lightrouter_graph.errors import NoModelsError
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.model_names import ModelIdentity, identity_of_name
from lightrouter_graph.providers.spec import ModelSpec, base_url_of
from lightrouter_graph.providers.table import PROVIDERS
from lightrouter_graph.redaction.printable import log_line

logger = logging.getLogger(__name__)

MAX_CANDIDATES = 8
"""More candidates only add cost: a run with the default settings needs five answers at most."""

_MAX_LOCAL = 4
_PROBE_TIMEOUT_S = 1.5


class _Details(BaseModel):
    family: str = ""


class _LocalModel(BaseModel):
    """A model in the list of Ollama (`name`, `details`) or of another server (`id`)."""

    name: str = Field(validation_alias=AliasChoices("name", "id"))
    details: _Details | None = None

    @property
    def embeds(self) -> bool:
        return "embed" in self.name.lower() or (self.details is not None and "bert" in self.details.family.lower())


class _LocalModels(BaseModel):
    models: list[_LocalModel] = Field([], validation_alias=AliasChoices("models", "data"))


def find_candidates(env: Mapping[str, str], *, probe: bool = True) -> list[Candidate]:
    """Collect 1 to `MAX_CANDIDATES` candidates, highest price first, models without a known price last.

    The price is the only known property of the candidates that can indicate their quality.

    Args:
        env: The environment variables.
        probe: Whether to request the model lists of a local Ollama and of servers whose address is set.

    Raises:
        NoModelsError: If no model is found; the message lists every way to configure one.
    """
    efforts = {
        ModelSpec(name, model): effort
        for name, row in PROVIDERS.items()
        if env.get(row.key_variable(env) or "", "").strip()
        for model, effort in row.default_models.items()
    }
    if probe:
        servers = [name for name, row in PROVIDERS.items() if not row.key_required and name != "ollama"]
        efforts |= dict.fromkeys([*_ollama_models(env), *(spec for name in servers for spec in _served(name, env))])
    if not efforts:
        raise NoModelsError(_how_to_configure(probe=probe))
    built = {spec: build_model(spec, reasoning_effort=effort, env=env) for spec, effort in efforts.items()}
    found = [Candidate(str(spec), model) for spec, model in built.items()]
    return sorted(_one_per_model(found), key=_by_price_descending)[:MAX_CANDIDATES]


def _one_per_model(found: list[Candidate]) -> list[Candidate]:
    """Keep the lowest price of each model: the same model at two providers is not a second opinion."""
    kept: dict[ModelIdentity | str | None, Candidate] = {}
    for candidate in sorted(found, key=_by_price_descending, reverse=True):
        kept.setdefault(_model_id(candidate), candidate)
    return [candidate for candidate in found if candidate in kept.values()]


def _model_id(candidate: Candidate) -> ModelIdentity | str | None:
    """Return the identity of a priced model, whose name may differ between providers."""
    return candidate.name if candidate.price is None else identity_of_name(candidate.model_name)


def _by_price_descending(candidate: Candidate) -> float:
    price = candidate.price
    return 1.0 if price is None else -(price.input + price.output)


def _ollama_models(env: Mapping[str, str]) -> list[ModelSpec]:
    base_url = base_url_of(ModelSpec("ollama", "any"), env)
    found = _fetch(f"{base_url.removesuffix('/v1')}/api/tags", expected="OLLAMA_HOST" in env)
    return [ModelSpec("ollama", model.name) for model in found if not model.embeds][:_MAX_LOCAL]


def _served(name: str, env: Mapping[str, str]) -> list[ModelSpec]:
    """Return the models of a server whose address is in the environment."""
    row = PROVIDERS[name]
    if not env.get(row.base_url_env or "", "").strip():
        return []
    key = env.get(row.api_key_env or "", "").strip()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    url = f"{base_url_of(ModelSpec(name, 'any'), env)}/models"
    found = [model for model in _fetch(url, expected=True, headers=headers) if not model.embeds]
    return [ModelSpec(name, model.name) for model in found[:_MAX_LOCAL]]


def _fetch(url: str, *, expected: bool, headers: Mapping[str, str] = MappingProxyType({})) -> list[_LocalModel]:
    """Request the models of a server; none if it does not respond. If `expected`, a warning is logged then."""
    import httpx  # noqa: PLC0415 - only a probe needs it

    try:
        # No proxy: these servers are local.
        reply = httpx.get(url, headers=dict(headers), timeout=_PROBE_TIMEOUT_S, trust_env=False)
        return _LocalModels.model_validate(reply.raise_for_status().json()).models
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
        if expected:
            logger.warning("no models found at %s (%s)", log_line(url), type(exc).__name__)
        return []


def _how_to_configure(*, probe: bool) -> str:
    keys = ", ".join(row.api_key_env for row in PROVIDERS.values() if row.api_key_env and row.default_models)
    searched = "no key is set and no local server answered" if probe else "no key is set"
    servers = "VLLM_BASE_URL, LLAMACPP_BASE_URL or LMSTUDIO_BASE_URL to a server of models"
    return (
        f"no model found: {searched}. Set one of {keys}; or start Ollama (address in OLLAMA_HOST, by default "
        f"{PROVIDERS['ollama'].base_url}) and pull a model; or set {servers}; or name "
        'models yourself: Pool(["openai:gpt-5.4-mini", ...]), Pool.from_toml("lightrouter.toml"), or -m SPEC on the '
        "command line"
    )
