"""Writes a commented pool file from the models found in the environment."""

import json
from collections.abc import Mapping
from textwrap import indent

from lightrouter_graph.errors import NoModelsError
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.pool.environment import find_candidates
from lightrouter_graph.pool.toml_file import POOL_KEYS
from lightrouter_graph.providers.table import PROVIDERS

_HEAD = """\
# Pool file of LightRouter: one [[candidate]] per model, best first.
# API keys stay in environment variables. Check the file: lightrouter pool --pool FILE
"""
_FOUND = """\
# These models were found in the environment, ordered by price, highest first. Order them by quality if you know better.
"""
_NOT_FOUND = """\
# No API key and no local server was found. Set the variable of a provider and remove the "# " before its models.
"""


def pool_file_template(env: Mapping[str, str], *, probe: bool = True) -> str:
    """Return a pool file with the models of the environment and a comment for each key, as TOML.

    Without any model the candidates are comments, one block per provider with default models.

    Args:
        env: The environment variables.
        probe: Whether to request the model lists of a local Ollama and of servers whose address is set.
    """
    try:
        head = f"{_HEAD}{_FOUND}"
        blocks = [_block(candidate.name, _price_of(candidate)) for candidate in find_candidates(env, probe=probe)]
    except NoModelsError:
        head = f"{_HEAD}{_NOT_FOUND}"
        defaults = [
            (f"{name}:{next(iter(row.default_models))}", row) for name, row in PROVIDERS.items() if row.default_models
        ]
        blocks = [indent(_block(spec, row.api_key_env), "# ") for spec, row in defaults]
    return "\n".join([head, *blocks, _keys()])


def _block(spec: str, comment: str | None) -> str:
    provider, _, model = spec.partition(":")
    effort = PROVIDERS[provider].default_models.get(model)
    line = f"[[candidate]]\nmodel = {json.dumps(spec, ensure_ascii=False)}  # {comment}\n"
    return f'{line}reasoning_effort = "{effort}"\n' if effort else line


def _price_of(candidate: Candidate) -> str:
    price = candidate.price
    if price is None:
        return "price unknown: price = { input = 0.1, output = 0.4 }"
    return f"USD per 1M tokens: {price.input:g} input, {price.output:g} output"


def _keys() -> str:
    rows = [f"#   {key.name} ({key.type}; default: {key.default}): {key.meaning}\n" for key in POOL_KEYS]
    return "# Keys of a [[candidate]]:\n" + "".join(rows).replace("default: required", "required")
