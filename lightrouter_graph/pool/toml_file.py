"""Pool files: strict TOML, one `[[candidate]]` per model, and never a key in them."""

import difflib
import os
import stat
import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lightrouter_graph.errors import PoolError
from lightrouter_graph.failures import redact
from lightrouter_graph.pool.candidate import Candidate
from lightrouter_graph.pricing import Price
from lightrouter_graph.providers.building import build_model
from lightrouter_graph.providers.table import (
    Continuation,
    JsonMode,
    ModelSpec,
    checked_url,
    parse_spec,
    without_address,
)

MOST_BYTES = 64 * 1024
"""The largest pool file that is read; a candidate takes some two hundred bytes."""

MOST_CANDIDATES = 100
DEEPEST = 8
"""How deep tables and lists may be nested; a price is at depth 3."""

_SECRETS = frozenset({"api_key", "apikey", "key", "token", "secret", "password"})
_MOST_DOTS = 100
"""In one line: the time `tomllib` takes for `a.a.a.a = 1` grows with the square."""

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

    model: _Word
    name: _Word | None = None
    price: _PriceRow | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    tags: list[_Word] = []
    base_url: _Word | None = None
    api_key_env: _Word | None = None
    reasoning_effort: _Word | None = None
    limit_parameter: _Word | None = None
    continuation: Continuation | None = None
    json_mode: JsonMode | None = None
    max_concurrency: int | None = Field(None, strict=True, ge=1)


def read_pool_file(path: str | PathLike[str], env: Mapping[str, str] | None = None) -> list[Candidate]:
    """Read the candidates of a pool file, in the order of the file.

    Args:
        path: A TOML file; the keys of a `[[candidate]]` are the fields of `_Row`.
        env: Where keys are; None = the process's environment.

    Raises:
        PoolError: If the file is missing, no file to be read (a folder, a pipe, a device), no TOML, larger than
            `MOST_BYTES`, nested deeper than `DEEPEST` or longer than `MOST_CANDIDATES`, has an unknown or secret key,
            or a candidate is not usable. One line, with the file and each candidate that is wrong.
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
    raw = _read(path)
    try:
        return _parse(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise PoolError(f"{path}: not valid TOML: not UTF-8") from None
    except tomllib.TOMLDecodeError as exc:
        raise PoolError(f"{path}: not valid TOML: {exc}") from None
    except ValueError:  # such as a number of thousands of digits
        raise PoolError(f"{path}: not valid TOML: a value cannot be read") from None
    except RecursionError:
        raise PoolError(f"{path}: nested deeper than {DEEPEST} levels, the most a pool file may have") from None


def _parse(text: str) -> dict[str, Any]:
    """Read TOML; what is nested too deep is a `RecursionError`, whether or not it would have been one."""
    if any(line.count(".") > _MOST_DOTS for line in text.split("\n") if not line.lstrip().startswith("#")):
        raise RecursionError
    data = tomllib.loads(text)
    if not _is_flat(data):
        raise RecursionError
    return data


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            text = file.read(MOST_BYTES + 1) if regular else b""
    except OSError as exc:
        msg = f"{path}: cannot be read ({exc.strerror or type(exc).__name__})"
        raise PoolError(msg) from exc
    if not regular:
        raise PoolError(f"{path}: cannot be read (it is not a regular file)")
    if len(text) > MOST_BYTES:
        raise PoolError(f"{path}: larger than {MOST_BYTES} bytes, the most a pool file may have")
    return text


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, and a pipe even where nobody writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _is_flat(data: dict[str, Any]) -> bool:
    """Whether nothing is nested deeper than `DEEPEST`."""
    level: list[Any] = [data]
    for _ in range(DEEPEST):
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [value for values in inner for value in values]
    return not any(isinstance(item, dict | list) for item in level)


def _rows(data: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    for key in data:
        _check_key(key, ["candidate"], str(path))
    rows = data.get("candidate", [])
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        msg = f"{path}: write one [[candidate]] per model"
        raise PoolError(msg)
    if len(rows) > MOST_CANDIDATES:
        raise PoolError(f"{path}: {len(rows)} candidates, a pool file may have at most {MOST_CANDIDATES}")
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
    model = build_model(
        _spec(row),
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
