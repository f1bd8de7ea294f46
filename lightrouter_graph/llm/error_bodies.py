"""Reads the error body of a provider: its words, codes and status, and the request fields that it names."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

_PATH_KEYS = frozenset({"param", "params", "loc", "field", "parameter", "path", "property", "pointer"})
_WORD_KEYS = frozenset({"message", "msg", "detail", "error", "reason", "description", "raw", "error_message"})
_ECHO_KEYS = frozenset({"input", "request", "received", "messages", "body", "ctx"})
"""Keys under which an endpoint quotes the request: its words are the user's."""

_STATUS_INSIDE = re.compile(r"['\"](?:code|status)['\"]: ['\"]?([45]\d\d)\b")
_LOC_INSIDE = re.compile(r"['\"]loc['\"]\s?:\s?[\[(]([^\])]{1,200})[\])]")
_MAX_TEXT = 10_000
"""Characters of an error text that are scanned: some are whole HTML pages."""
_MAX_DEPTH, _MAX_VALUES = 6, 300


def exception_text(exc: BaseException) -> str:
    """Return the first 10,000 characters of the text of an exception, valid in UTF-8; "" if its `__str__` fails."""
    try:
        return str(exc)[:_MAX_TEXT].encode(errors="replace").decode()
    except Exception:  # noqa: BLE001 - `__str__` of a third-party exception may raise anything
        return ""


def words_of(exc: BaseException) -> str:
    """Return the words of an error in lower case: messages and codes, without a quoted request where it is apart."""
    body = getattr(exc, "body", None)
    said = (
        body
        if isinstance(body, str)
        else " ".join(value for key, value in _values(exc) if key in _WORD_KEYS and isinstance(value, str))
    )
    return f"{said[:_MAX_TEXT] or exception_text(exc)} {_codes(exc)}".lower()


def paths_of(exc: BaseException) -> list[str]:
    """Return the fields that an error names in a key such as `param` or `loc`: "messages.3.name", "temperature"."""
    paths = [_dotted(value) for key, value in _values(exc) if key in _PATH_KEYS]
    paths += [_dotted(match[1].split(",")) for match in _LOC_INSIDE.finditer(exception_text(exc))]
    return [path for path in dict.fromkeys(paths) if path]


def status_of(exc: BaseException) -> int | None:
    """Return the HTTP status of an error, also of one in the body of a response with status 200; None without one."""
    status = getattr(exc, "status_code", None)
    if status is None:
        codes = {"code": getattr(exc, "code", None), "text": exception_text(exc), **_error(exc)}
        inside = _STATUS_INSIDE.search(str(codes).lower().replace("\\", ""))
        status = int(inside[1]) if inside else None
    return status if isinstance(status, int) else None


def _error(exc: BaseException) -> Mapping[str, Any]:
    body = getattr(exc, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _codes(exc: BaseException) -> str:
    """Return the error codes of the provider, which newer OpenAI clients leave out of the message."""
    error = _error(exc)
    codes = [getattr(exc, "code", None), error.get("code"), error.get("type"), error.get("status")]
    return " ".join(str(code) for code in codes if isinstance(code, str | int))


def _values(exc: BaseException) -> Iterator[tuple[str, Any]]:
    body = getattr(exc, "body", None)
    return islice(_walk(body, "", 0), _MAX_VALUES) if isinstance(body, Mapping | list) else iter(())


def _walk(value: Any, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield keys and texts of an error body; a list of names and numbers under a path key is one value."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for name, inner in islice(value.items(), _MAX_VALUES):
            if (lower := str(name).lower()) not in _ECHO_KEYS:
                yield from _walk(inner, lower, depth + 1)
    elif isinstance(value, list) and key not in _PATH_KEYS:
        for inner in value[:_MAX_VALUES]:
            yield from _walk(inner, key, depth + 1)
    elif isinstance(value, str | list):
        yield key, value[:_MAX_TEXT]


def _dotted(path: Any) -> str:
    """Return a path with dots: `messages[3].name`, `/messages/3/name` and `["body", "messages", 3, "name"]`."""
    text = ".".join(map(str, path[:10])) if isinstance(path, list) else path
    names = re.split(r"[.\[\]()/'\"\s]+", text[:200].lower())
    return ".".join(name for name in names if name not in {"", "body", "$", "#"})
