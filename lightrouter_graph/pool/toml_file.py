"""Reads pool files: strict TOML with one `[[candidate]]` per model and without API keys."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.providers.spec import ModelSpec, base_url_of, parse_spec, without_address
from lightrouter_graph.providers.table import PROVIDERS, Continuation, JsonMode
from lightrouter_graph.providers.urls import checked_url, host_of, is_loopback, origin_of
from lightrouter_graph.rate_limits.endpoint import DEFAULT_LIMIT
from lightrouter_graph.redaction import redact

KEY_HOSTS_VARIABLE = "LIGHTROUTER_KEY_HOSTS"
"""Environment variable with the hosts, separated by commas, to which the `base_url` of a pool file may send a key."""

_SECRETS = frozenset({"api_key", "apikey", "key", "token", "secret", "password"})
_MAX_KEY_CHARS = 60
_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _PriceRow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(None, ge=0, allow_inf_nan=False)
    cache_write: float | None = Field(None, ge=0, allow_inf_nan=False)
    input_audio: float | None = Field(None, ge=0, allow_inf_nan=False)
    output_audio: float | None = Field(None, ge=0, allow_inf_nan=False)


def _optional(default: str, meaning: str, **limits: Any) -> Any:
    """Declare an optional key; `default` says in words what applies without it."""
    return Field(None, description=meaning, json_schema_extra={"default": default}, **limits)


class _Row(BaseModel):
    """One `[[candidate]]`; the fields are the allowed keys."""

    model_config = ConfigDict(extra="forbid")

    model: _Word = Field(description="Spec string: `provider:model`, or `provider:model@http://host:port/v1`.")
    name: _Word | None = _optional("`model` without address", "Name in records, events and bills.")
    price: _PriceRow | None = _optional(
        "the public list",
        "USD per 1M tokens: `{ input = 0.1, output = 0.4, cached_input = 0.01, cache_write = 0.125 }`.",
    )
    temperature: float | None = _optional("the provider's", "Sampling temperature, 0 to 2.", ge=0, le=2)
    tags: list[_Word] | None = _optional("`[]`", "Labels for your own priors and selectors.")
    base_url: _Word | None = _optional(
        "the provider's", "Address of the endpoint, instead of `@http://...` in `model`."
    )
    api_key_env: _Word | None = _optional("the provider's", "Name of the environment variable that holds the key.")
    reasoning_effort: _Word | None = _optional(
        "the provider's", "Reasoning effort of a reasoning model; `none` switches reasoning off where possible."
    )
    limit_parameter: _Word | None = _optional("the provider's", "Name of the request field that limits the output.")
    continuation: Continuation | None = _optional(
        "the provider's", "How the endpoint continues a final assistant message."
    )
    json_mode: JsonMode | None = _optional("the provider's", "What the endpoint supports as `response_format`.")
    max_concurrency: int | None = _optional(
        str(DEFAULT_LIMIT), "Limit of concurrent calls to this endpoint, over the whole process.", strict=True, ge=1
    )


class PoolKey(NamedTuple):
    """One key of a `[[candidate]]` in words: TOML type, default ("required" if there is none) and meaning."""

    name: str
    type: str
    default: str
    meaning: str


def _pool_key(name: str, field: FieldInfo) -> PoolKey:
    extra = field.json_schema_extra
    default = str(extra["default"]) if isinstance(extra, dict) else "required"
    return PoolKey(name, _toml_type(field.annotation), default, field.description or "")


def _toml_type(annotation: Any) -> str:
    inner = next((option for option in get_args(annotation) if option is not type(None)), annotation)
    if get_origin(inner) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(inner))
    plain = getattr(inner, "__origin__", inner)  # of `list[...]` and `Annotated[...]`
    return {str: "text", float: "number", int: "whole number", list: "list of text"}.get(plain, "table")


POOL_KEYS = tuple(_pool_key(name, field) for name, field in _Row.model_fields.items())
"""The keys of a `[[candidate]]`, derived from the model that validates them."""


def read_pool_file(path: str | PathLike[str], env: Mapping[str, str] | None = None) -> list[Candidate]:
    """Read the candidates of a pool file, at least one, in the order of the file.

    An API key is sent only to the provider's own URL, to this machine, or to a host in `KEY_HOSTS_VARIABLE`. The
    permission is an environment variable and not a key of the file: a file that redirects an API key by its `base_url`
    could contain it as well, and the command line reads `lightrouter.toml` from the current directory.

    Args:
        path: A TOML file; `POOL_KEYS` lists the keys of a `[[candidate]]`.
        env: The environment variables; None = `os.environ`.

    Raises:
        PoolError: If the file cannot be read, is not TOML, has an unknown or secret key, or if a candidate is invalid
            or would send an API key to another host. One line, with the path and every invalid candidate.
    """
    read, problems = [], []
    for number, raw in enumerate(_rows(_load(Path(path)), path), start=1):
        try:
            read.append(_candidate(raw, f"{path}: {_title(raw, number)}", env))
        except PoolError as exc:
            problems.append(str(exc))
    if problems:  # report all of them at once
        raise PoolError("; ".join(problems))
    return read


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise PoolError(f"{path}: cannot be read ({exc.strerror or type(exc).__name__})") from exc
    except UnicodeDecodeError:
        raise PoolError(f"{path}: not valid TOML: not UTF-8") from None
    except tomllib.TOMLDecodeError as exc:
        raise PoolError(f'{path}: not valid TOML: {exc}; texts need quotes: model = "pocket:general"') from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or thousands of brackets
        raise PoolError(f"{path}: not valid TOML: a value cannot be read") from None


def _rows(data: dict[str, Any], path: str | PathLike[str]) -> list[dict[str, Any]]:
    for key in data:
        _check_key(key, ["candidate"], str(path))
    rows = data.get("candidate", [])
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        found = "[candidate] needs two brackets: " if isinstance(rows, dict) else "there is no active [[candidate]]: "
        msg = f'{path}: {found}write one [[candidate]] per model, with model = "openai:gpt-5.4-mini" or another'
        raise PoolError(msg)
    return rows


def _title(raw: dict[str, Any], number: int) -> str:
    """Return the name of a candidate for an error message, or its number if it has no name."""
    name = raw.get("name", raw.get("model"))
    return f"candidate {redact(name)[:_MAX_KEY_CHARS]!r}" if isinstance(name, str) and name else f"candidate {number}"


def _candidate(raw: dict[str, Any], where: str, env: Mapping[str, str] | None) -> Candidate:
    for key in raw:
        _check_key(key, list(_Row.model_fields), where)
    try:
        return _built(_Row.model_validate(raw), env)
    except ValidationError as exc:
        raise PoolError(f"{where}: {_in_one_line(exc)}") from None
    except PoolError as exc:
        raise PoolError(f"{where}: {exc}") from None


def _built(row: _Row, env: Mapping[str, str] | None) -> Candidate:
    spec = _spec(row)
    _check_key_host(spec, row.api_key_env, os.environ if env is None else env)
    options = row.model_dump(include={"temperature", "reasoning_effort", "api_key_env"})
    settings = row.model_dump(include={"limit_parameter", "continuation", "json_mode", "max_concurrency"})
    return Candidate(
        row.name or without_address(row.model),
        build_model(spec, env=env, **options),
        price=None if row.price is None else Price(**row.price.model_dump()),
        tags=row.tags or (),
        **settings,
    )


def _spec(row: _Row) -> ModelSpec:
    spec = parse_spec(row.model)
    if row.base_url is None:
        return spec
    if spec.base_url is not None:
        raise PoolError("the address is in 'model' and in 'base_url'; write it once")
    return ModelSpec(spec.provider, spec.model, checked_url(row.base_url))


def _check_key_host(spec: ModelSpec, api_key_env: str | None, env: Mapping[str, str]) -> None:
    """Reject a `base_url` that would receive an API key and is neither the provider's URL nor on this machine."""
    row = PROVIDERS.get(spec.provider)
    variable = api_key_env or (row.key_variable(env) if row else None)
    if spec.base_url is None or spec.provider == "pocket" or (row and not env.get(variable or "", "").strip()):
        return  # no key is sent; LangChain's providers read their key from a variable unknown here
    host = host_of(spec.base_url) or ""
    permitted = {name.strip().lower() for name in env.get(KEY_HOSTS_VARIABLE, "").split(",")}
    if host in permitted or is_loopback(spec.base_url) or origin_of(spec.base_url) in _own_origins(spec, env):
        return
    key = f"the key in {variable}" if variable else f"the key of {spec.provider!r}"
    msg = f"{key} would be sent to {redact(host)!r}, which is not the address of {spec.provider!r}; remove the address "
    msg += f"or, if you trust that host, set the environment variable {KEY_HOSTS_VARIABLE}={redact(host)}"
    raise PoolError(msg)


def _own_origins(spec: ModelSpec, env: Mapping[str, str]) -> set[str]:
    """Return the origins of the provider's default URL and of the URL set in the environment."""
    if (row := PROVIDERS.get(spec.provider)) is None:
        return set()
    own = [row.base_url] if row.base_url else []
    if env.get(row.base_url_env or "", "").strip():
        own.append(base_url_of(ModelSpec(spec.provider, spec.model), env))
    return {origin_of(url) for url in own}


def _check_key(key: str, allowed: Sequence[str], where: str) -> None:
    if key in allowed:
        return
    if key.lower() in _SECRETS:
        msg = f"{where}: {key!r}: keys do not belong in a file; use the provider's environment variable, "
        msg += 'or name another one with api_key_env = "MY_VARIABLE"'
        raise PoolError(msg)
    hint = did_you_mean(key, allowed)
    raise PoolError(f"{where}: unknown key {redact(key)[:_MAX_KEY_CHARS]!r}{hint}; allowed: {', '.join(allowed)}")


def _in_one_line(exc: ValidationError) -> str:
    problems = exc.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {_problem(problem)}" for problem in problems)


def _problem(problem: ErrorDetails) -> str:
    if problem["type"] == "model_type":  # `price` is the only table
        return "must be a table in USD per 1M tokens; write price = { input = 0.1, output = 0.4 }"
    if problem["type"] == "extra_forbidden":
        allowed = list(_PriceRow.model_fields)
        return f"unknown key{did_you_mean(str(problem['loc'][-1]), allowed)}; allowed: {', '.join(allowed)}"
    return problem["msg"]
