"""Collects the secrets of chat models, and of objects that contain models."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from lightrouter_graph.redaction.forms import MIN_SECRET_CHARS

_HOLDS_SECRET = re.compile(r"(?i)(?:^|[-_.])(?:(?:api)?key|token|secret|password|authorization|cookie|credentials?)$")
_SPEC_KEY = "lightrouter_spec"
"""Metadata key of a model that was built from a spec: a pool file may have put a secret into any of its options."""

_MAX_DEPTH = 8


def secrets_of(model: object) -> tuple[str, ...]:
    """Collect the credentials of a chat model; for one that was built from a spec also its headers and extra fields.

    Args:
        model: A chat model, embeddings model or any other object.

    Returns:
        The distinct values, longest first.
    """
    options = ("default_headers", "extra_body") if _SPEC_KEY in (getattr(model, "metadata", None) or {}) else ()
    sent = [getattr(model, option, None) for option in options]
    return _longest_first([*credentials_of(model), *(text for value in sent for text in _texts(value, _MAX_DEPTH))])


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield from {value, *value.split()[-1:]}  # without "Bearer"
    elif depth and isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item, depth - 1)


def _longest_first(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({secret for secret in found if len(secret) >= MIN_SECRET_CHARS}, key=len, reverse=True))


def credentials_of(model: object) -> tuple[str, ...]:
    """Collect the secret values of a chat model, or of an object that contains models.

    Secrets are `SecretStr`s, and strings under a name such as `api_key` or `Authorization`. Searched are public and
    private fields, dicts such as `default_headers`, the client, and wrapped models.

    Args:
        model: A chat model, embeddings model or any other object.

    Returns:
        The distinct values, longest first.
    """
    return _longest_first(_held(model, _MAX_DEPTH))


def _held(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _held(item, depth - 1)
    elif depth:
        for name, item in _parts_of(value).items():
            if isinstance(item, str) and _HOLDS_SECRET.search(str(name)):
                yield from {item, *item.split()[-1:]}  # without "Bearer"
            elif not isinstance(item, str):
                yield from _held(item, depth - 1)


def _parts_of(value: object) -> Mapping[Any, Any]:
    """Return the fields of a mapping, pydantic model, dataclass or client as a dict; {} for other types."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        named = {name: getattr(value, name, None) for name in type(value).model_fields}
        return {**named, **(value.__pydantic_private__ or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    client = getattr(value, "__dict__", {}).get("api_key")
    return {"api_key": client} if isinstance(client, str) else {}
