"""Redacts secrets from records and other nested values."""

from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

from lightrouter_graph.redaction.strings import redact

MAX_CHARS = 10_000
"""Characters of an exception or of a metadata value that are kept: some errors are whole HTML pages."""

_MAX_NESTED = 50
_MAX_CACHED = 200
_TRUNCATED = " ... (truncated)"


def redact_values(record: dict[str, Any], secrets: Sequence[str], names: Iterable[str] | None = None) -> None:
    """Redact the values of a record in place; log-probabilities are part of the text and stay.

    Args:
        record: The metadata of a response, or a part of it.
        secrets: Secret values as returned by `secrets_of`.
        names: Keys of the values to redact; None means all.
    """
    chosen = [name for name in (record if names is None else names) if name in record and name != "logprobs"]
    record.update({name: redacted_value(record[name], secrets) for name in chosen})


@lru_cache(maxsize=1024)
def _cached(text: str, secrets: tuple[str, ...]) -> str:
    """Redact a short value; finish reasons, model names and ids come with every chunk."""
    return redact(text, secrets)


def redacted_value(value: Any, secrets: Sequence[str], depth: int = 0) -> Any:
    """Return a copy of a value with its strings redacted and truncated, also inside dicts, lists and tuples.

    Args:
        value: A JSON value or any other object; objects of other types are returned unchanged.
        secrets: Secret values as returned by `secrets_of`.
        depth: Levels above the value; below the 50th, values are replaced by `***`.
    """
    if isinstance(value, str):
        return _cached(value, tuple(secrets)) if len(value) <= _MAX_CACHED else _redacted_long(value, secrets)
    if not isinstance(value, dict | list | tuple):
        return value
    if depth > _MAX_NESTED:
        return "***"
    inner = partial(redacted_value, secrets=secrets, depth=depth + 1)
    if isinstance(value, dict):
        return {inner(name): inner(item) for name, item in value.items()}
    items = map(inner, value)
    # A named tuple takes positional arguments.
    return type(value)(*items) if hasattr(value, "_make") else type(value)(items)


def _redacted_long(text: str, secrets: Sequence[str]) -> str:
    """Redact a text and truncate it; the end may be a part of a secret, at most six times as long by escapes."""
    redacted = redact(text[:MAX_CHARS], secrets)
    if len(text) <= MAX_CHARS:
        return redacted
    part = min(6 * max(map(len, secrets), default=0), MAX_CHARS // 2)
    return f"{redacted[: len(redacted) - part]}{_TRUNCATED}"
