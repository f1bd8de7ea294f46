"""Reads pool files: strict TOML with one `[[candidate]]` per model and without API keys."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.options import ModelOptions, Word, in_one_line, optional
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.providers.spec import ModelSpec, base_url_of, parse_spec, with_base_url, without_address
from lightrouter_graph.providers.table import PROVIDERS, Continuation, JsonMode
from lightrouter_graph.providers.urls import host_of, is_loopback, origin_of
from lightrouter_graph.rate_limits.endpoint import DEFAULT_LIMIT
from lightrouter_graph.redaction import redact

KEY_HOSTS_VARIABLE = "LIGHTROUTER_KEY_HOSTS"
"""Environment variable with the hosts, separated by commas, to which the `base_url` of a pool file may send a key."""

_SECRETS = frozenset({"api_key", "apikey", "key", "token", "secret", "password"})
_MAX_KEY_CHARS = 60


class _PriceRow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(None, ge=0, allow_inf_nan=False)
    cache_write: float | None = Field(None, ge=0, allow_inf_nan=False)
    input_audio: float | None = Field(None, ge=0, allow_inf_nan=False)
    output_audio: float | None = Field(None, ge=0, allow_inf_nan=False)


class _Row(ModelOptions):
    """One `[[candidate]]`; the fields are the allowed keys."""

    model: Word = Field(description="Spec string: `provider:model`, or `provider:model@http://host:port/v1`.")
    name: Word | None = optional("`model` without address", "Name in records, events and bills.")
    price: _PriceRow | None = optional(
        "the public list",
        "USD per 1M tokens: `{ input = 0.1, output = 0.4, cached_input = 0.01, cache_write = 0.125 }`.",
    )
    tags: list[Word] | None = optional("`[]`", "Labels for your own priors and selectors.")
    samples: int | None = optional(
        "1",
        "How many opinions of this model count; the candidate is repeated until there are so many.",
        strict=True,
        ge=1,
    )
    timeout_s: float | None = optional(
        "`boot_timeout_s` and `timeout_s` of the run",
        "Time limit of each call in seconds.",
        gt=0,
        allow_inf_nan=False,
        strict=True,
    )
    context: int | None = optional("the model's, if known", "Size of the context window in tokens.", strict=True, ge=1)
    limit_parameter: Word | None = optional("the provider's", "Name of the request field that limits the output.")
    continuation: Continuation | None = optional(
        "the provider's", "How the endpoint continues a final assistant message."
    )
    json_mode: JsonMode | None = optional("the provider's", "What the endpoint supports as `response_format`.")
    max_concurrency: int | None = optional(
        str(DEFAULT_LIMIT), "Limit of concurrent calls to this endpoint, over the whole process.", strict=True, ge=1
    )


_FIRST = ("model", "name", "price")
_FIELDS = {name: _Row.model_fields[name] for name in dict.fromkeys((*_FIRST, *_Row.model_fields))}


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


POOL_KEYS = tuple(_pool_key(name, field) for name, field in _FIELDS.items())
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
        _check_key(key, list(_FIELDS), where)
    try:
        return _built(_Row.model_validate(raw), env)
    except ValidationError as exc:
        raise PoolError(f"{where}: {in_one_line(exc, tuple(_PriceRow.model_fields))}") from None
    except PoolError as exc:
        raise PoolError(f"{where}: {exc}") from None


def _built(row: _Row, env: Mapping[str, str] | None) -> Candidate:
    spec = with_base_url(parse_spec(row.model), row.base_url)
    _check_key_host(spec, row.api_key_env, os.environ if env is None else env)
    settings = row.model_dump(
        include={"limit_parameter", "continuation", "json_mode", "max_concurrency", "context", "timeout_s"}
    )
    return Candidate(
        row.name or without_address(row.model),
        build_model(spec, env=env, **row.given()),
        price=None if row.price is None else Price(**row.price.model_dump()),
        tags=row.tags or (),
        samples=row.samples or 1,
        **settings,
    )


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
