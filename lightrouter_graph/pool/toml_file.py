"""Pool files: strict TOML, one `[[candidate]]` per model, and never a key in them."""

import difflib
import ipaddress
import os
import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.pricing import Price
from lightrouter_graph.providers.table import (
    PROVIDERS,
    Continuation,
    JsonMode,
    ModelSpec,
    base_url_of,
    checked_url,
    parse_spec,
    without_address,
)
from lightrouter_graph.redaction import redact

KEY_HOSTS_VARIABLE = "LIGHTROUTER_KEY_HOSTS"
"""Environment variable with the hosts, separated by commas, to which the `base_url` of a pool file may send a key."""

_SECRETS = frozenset({"api_key", "apikey", "key", "token", "secret", "password"})
_LONGEST_WORD = 500
_LONGEST_KEY = 60

_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=_LONGEST_WORD)]


class _PriceRow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cached_input: float | None = Field(None, ge=0, allow_inf_nan=False)


class _Row(BaseModel):
    """One `[[candidate]]`; the fields are the allowed keys."""

    model_config = ConfigDict(extra="forbid")

    model: _Word = Field(
        description="Spec string: `provider:model`, or `provider:model@http://host:port/v1`. Required."
    )
    name: _Word | None = Field(None, description="Name in records, events and bills. Default: `model` without address.")
    price: _PriceRow | None = Field(
        None,
        description="USD per 1M tokens: `{ input = 0.1, output = 0.4, cached_input = 0.01 }`. Default: public lists.",
    )
    temperature: float | None = Field(None, ge=0, le=2, description="Sampling temperature, 0 to 2.")
    tags: list[_Word] = Field([], description="Labels for your own priors and selectors.")
    base_url: _Word | None = Field(None, description="Address of the endpoint, instead of `@http://...` in `model`.")
    api_key_env: _Word | None = Field(None, description="Name of the environment variable that holds the key.")
    reasoning_effort: _Word | None = Field(
        None, description="Reasoning effort of a reasoning model; `none` switches reasoning off where possible."
    )
    limit_parameter: _Word | None = Field(None, description="Name of the request field that limits the output.")
    continuation: Continuation | None = Field(None, description="How the endpoint continues a final assistant message.")
    json_mode: JsonMode | None = Field(None, description="What the endpoint supports as `response_format`.")
    max_concurrency: int | None = Field(
        None, strict=True, ge=1, description="Limit of concurrent calls to this endpoint, over the whole process."
    )


def read_pool_file(path: str | PathLike[str], env: Mapping[str, str] | None = None) -> list[Candidate]:
    """Read the candidates of a pool file, in the order of the file.

    A key is sent only to the provider's own address, to this machine, or to a host in `KEY_HOSTS_VARIABLE`. The
    permission is not a key of the file: whoever can redirect an API key by a `base_url` could add it as well, and
    the command line reads a `lightrouter.toml` from the folder it is started in.

    Args:
        path: A TOML file; the keys of a `[[candidate]]` are the fields of `_Row`.
        env: Where keys are; None = the process's environment.

    Raises:
        PoolError: If the file cannot be read, is not TOML, has an unknown or secret key, or a candidate is not usable
            or would send a key to a foreign host. One line, with the file and each invalid candidate.
    """
    rows = _rows(_load(Path(path)), Path(path))
    read, problems = [], []
    for number, raw in enumerate(rows, start=1):
        try:
            read.append(_candidate(raw, f"{path}: {_title(raw, number)}", env))
        except PoolError as exc:
            problems.append(str(exc))
    if problems:  # all at once, so that they can be mended at once
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
        raise PoolError(f"{path}: not valid TOML: {exc}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or thousands of brackets
        raise PoolError(f"{path}: not valid TOML: a value cannot be read") from None


def _rows(data: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    for key in data:
        _check_key(key, ["candidate"], str(path))
    rows = data.get("candidate", [])
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        msg = f"{path}: write one [[candidate]] per model"
        raise PoolError(msg)
    return rows


def _title(raw: dict[str, Any], number: int) -> str:
    """Name a candidate in an error, also when it has no usable name."""
    name = raw.get("name", raw.get("model"))
    return f"candidate {redact(name)[:_LONGEST_KEY]!r}" if isinstance(name, str) and name else f"candidate {number}"


def _candidate(raw: dict[str, Any], where: str, env: Mapping[str, str] | None) -> Candidate:
    for key in raw:
        _check_key(key, list(_Row.model_fields), where)
    try:
        row = _Row.model_validate(raw)
    except ValidationError as exc:
        raise PoolError(f"{where}: {_in_one_line(exc)}") from None
    try:
        return _built(row, env)
    except PoolError as exc:
        raise PoolError(f"{where}: {exc}") from None


def _built(row: _Row, env: Mapping[str, str] | None) -> Candidate:
    spec = _spec(row)
    _check_key_host(spec, row.api_key_env, os.environ if env is None else env)
    model = build_model(
        spec,
        temperature=row.temperature,
        reasoning_effort=row.reasoning_effort,
        api_key_env=row.api_key_env,
        env=env,
    )
    return Candidate(
        row.name or without_address(row.model),
        model,
        price=None if row.price is None else Price(**row.price.model_dump()),
        tags=row.tags,
        limit_parameter=row.limit_parameter,
        continuation=row.continuation,
        json_mode=row.json_mode,
        max_concurrency=row.max_concurrency,
    )


def _spec(row: _Row) -> ModelSpec:
    spec = parse_spec(row.model)
    if row.base_url is None:
        return spec
    if spec.base_url is not None:
        msg = "the address stands in 'model' and in 'base_url'; write it once"
        raise PoolError(msg)
    return ModelSpec(spec.provider, spec.model, checked_url(row.base_url))


def _check_key_host(spec: ModelSpec, api_key_env: str | None, env: Mapping[str, str]) -> None:
    """Refuse a `base_url` that would receive an API key and is not an address of the provider or of this machine."""
    row = PROVIDERS.get(spec.provider)
    variable = api_key_env or (row.key_variable if row else None)
    if spec.base_url is None or spec.provider == "pocket" or (row and not env.get(variable or "", "").strip()):
        return  # no key is sent; a provider of LangChain's reads its key itself, from a variable unknown here
    host = urlsplit(spec.base_url).hostname or ""
    permitted = {name.strip().lower() for name in env.get(KEY_HOSTS_VARIABLE, "").split(",")}
    if host in permitted or _is_loopback(host) or _origin(spec.base_url) in _own_origins(spec, env):
        return
    key = f"the key in {variable}" if variable else f"the key of {spec.provider!r}"
    msg = f"{key} would be sent to {redact(host)!r}, which is not the address of {spec.provider!r}; remove the address "
    msg += f"or, if you trust that host, set the environment variable {KEY_HOSTS_VARIABLE}={redact(host)}"
    raise PoolError(msg)


def _own_origins(spec: ModelSpec, env: Mapping[str, str]) -> set[str]:
    """Return scheme, host and port of the provider's address and of the one that the environment sets for it."""
    row = PROVIDERS.get(spec.provider)
    if row is None:
        return set()
    own = [row.base_url] if row.base_url else []
    if env.get(row.base_url_variable or "", "").strip():
        own.append(base_url_of(ModelSpec(spec.provider, spec.model), env))
    return {_origin(url) for url in own}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_key(key: str, allowed: list[str], where: str) -> None:
    if key in allowed:
        return
    if key.lower() in _SECRETS:
        msg = f"{where}: {key!r}: keys do not belong in a file; use the provider's environment variable, "
        msg += 'or name another one with api_key_env = "MY_VARIABLE"'
        raise PoolError(msg)
    close = difflib.get_close_matches(key, allowed, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    msg = f"{where}: unknown key {redact(key)[:_LONGEST_KEY]!r} (allowed: {', '.join(allowed)}{hint})"
    raise PoolError(msg)


def _in_one_line(exc: ValidationError) -> str:
    problems = exc.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)
