"""What went wrong with a model call, in one word and without secrets."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, SecretBytes, SecretStr

from lightrouter_graph.records import Cause, Failure

_BY_STATUS: dict[int, Cause] = {
    401: "auth",
    402: "auth",
    403: "auth",
    408: "timeout",
    413: "context_length",
    429: "rate_limited",
}
_BY_WORDS: tuple[tuple[str, Cause], ...] = (
    ("context_length", "context_length"),
    ("context length", "context_length"),
    ("maximum context", "context_length"),
    ("input tokens exceed", "context_length"),
    ("prompt is too long", "context_length"),
    ("content_filter", "content_filter"),
    ("content management policy", "content_filter"),
    ("insufficient_quota", "auth"),
    ("rate limit", "rate_limited"),
    ("rate_limit", "rate_limited"),
    ("too many requests", "rate_limited"),
    ("overloaded", "unavailable"),
)
_BY_CLASS: tuple[tuple[str, Cause], ...] = (
    ("Timeout", "timeout"),
    ("RateLimit", "rate_limited"),
    ("Authentication", "auth"),
    ("PermissionDenied", "auth"),
    ("ContextOverflow", "context_length"),
    ("Connect", "disconnected"),
    ("RemoteProtocol", "disconnected"),
    ("ReadError", "disconnected"),
)
_SHAPED = re.compile(
    r"""(?ix) \b(?:sk|pk|gsk|csk|rk|xai|hf|tgp|r8|nvapi|pplx|lsv2|gh[opsu]|github_pat|glpat)[-_][\w*.-]{6,}
      | \b(?:AIza|AKIA)[\w-]{8,}                               # the shapes provider keys have
      | \beyJ[\w-]{8,}\.[\w.-]+                                # JSON web tokens
      | (?<=bearer\s)\S+ | (?<=basic\s)\S+
      | (?<=api-key:\s)\S+
      | (?<=://)[^/\s]+(?=@)                                   # user:password in an address
      | (?<=key=)[^&\s]+ | (?<=token=)[^&\s]+"""
)
_NAMED = re.compile(
    r"""(?ix) ( (?:api[-_ ]?key|access[-_ ]?token|secret|password|authorization) (?:\s(?:provided|given))?
          ["']? \s*[:=]\s* ["']? )
        (?=[^\s"',;&<>]*\d | [^\s"',;&<>]{16})               # a word that follows by chance has no digit
        [^\s"',;&<>]{6,}"""
)
_MASK = re.compile(r"\*{2,}|[\u2022\u25cf\u00b7]{2,}|\u2026|\.{3,}")
_FEWEST_SHOWN = 3
"""So many characters of a secret beside a mask are a part of it shown."""

_HOLDS_SECRET = re.compile(r"(?i)(?:^|[-_.])(?:(?:api)?key|token|secret|password|authorization|cookie|credentials?)$")
_DEEPEST = 8
_SHORTEST_SECRET = 6
"""Placeholders such as "none" or "x", usual for local servers, are no secrets and occur in ordinary words."""

_STATUS_INSIDE = re.compile(r"['\"](?:code|status)['\"]: ['\"]?([45]\d\d)\b")

_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)
"""What clients raise over a body that is not what they expect."""

_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"})
_LONGEST = 300
_LONGEST_READ = 20_000
"""Characters of an error that are looked at: some are whole pages."""


def failure_of(exc: BaseException, model: BaseChatModel) -> Failure:
    """Turn an exception of a chat model into a record.

    Args:
        exc: What the call raised.
        model: The model that was called; the secrets it holds are struck from the message.
    """
    said, secrets = words_of(exc)[:_LONGEST_READ], secrets_of(model)
    cause, message = _cause_of(exc, f"{said} {_code_of(exc)}"), redact(said, secrets)
    if cause == "bad_response" or not message:  # the cause says too little: name the exception as well
        message = f"{type(exc).__name__}: {message}" if message else type(exc).__name__
    if cause == "disconnected" and (address := getattr(model, "openai_api_base", None)):
        message = f"{message} ({redact(str(address), secrets)})"
    return {"cause": cause, "message": message[:_LONGEST]}


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Strike known secrets, however they are written down or masked, and everything shaped like one from a text."""
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, "***")
        text = _without_masked(text, secret)
    return _NAMED.sub(r"\1***", _SHAPED.sub("***", text))


def secrets_of(model: object) -> tuple[str, ...]:
    """Return the secret values a model (or whatever holds models) keeps, longest first.

    Those are `SecretStr`s, and plain strings under a name such as `api_key` or `Authorization`: in its fields, private
    ones too, in mappings such as `default_headers`, in its client, and in the models it wraps.
    """
    found = {secret for secret in _held(model, _DEEPEST) if len(secret) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=len, reverse=True))


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
    """Return what something holds by name; nothing of what is none of the kinds that models are made of."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, BaseModel):
        named = {name: getattr(value, name, None) for name in type(value).model_fields}
        return {**named, **(value.__pydantic_private__ or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in fields(value)}
    client = getattr(value, "__dict__", {}).get("api_key")
    return {"api_key": client} if isinstance(client, str) else {}


def _forms(secret: str) -> Sequence[str]:
    """Return the ways in which a secret is written down in addresses, pages, JSON and headers, longest first."""
    written = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret), repr(secret)[1:-1]}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    written |= {*quoted, *(json.dumps(once)[1:-1] for once in quoted)}
    raw = secret.encode(errors="replace")
    written |= {raw.hex(), *_in_base64(raw)}
    return sorted(written, key=len, reverse=True)


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yield what of a secret shows in base64 whatever stands before and behind it, as in "user:secret"."""
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode()
        sure = whole[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
        if len(sure) >= _SHORTEST_SECRET:
            yield from {sure, sure.translate(str.maketrans("+/", "-_"))}


def _without_masked(text: str, secret: str) -> str:
    """Strike a secret whose ends are shown, as in `plain-se***e-42`."""
    kept, at = [], 0
    for mask in _MASK.finditer(text):
        before = text[max(at, mask.start() - len(secret)) : mask.start()]
        behind = text[mask.end() : mask.end() + len(secret)]
        head, tail = _shown(secret, before), _shown(secret[::-1], behind[::-1])
        if head or tail:
            kept += [text[at : mask.start() - head], "***"]
            at = mask.end() + tail
    return "".join([*kept, text[at:]])


def _shown(secret: str, before: str) -> int:
    """Return how many of a secret's first characters end a text; 0 for too few to tell."""
    if secret[:_FEWEST_SHOWN] not in before:
        return 0
    shown = range(len(secret) - 1, _FEWEST_SHOWN - 1, -1)
    return next((number for number in shown if before.endswith(secret[:number])), 0)


def words_of(exc: BaseException) -> str:
    """Return what an exception says; "" where it fails at saying it."""
    try:
        return str(exc).encode(errors="replace").decode()  # half a character could not be kept in a checkpoint
    except Exception:  # noqa: BLE001 - an exception of a stranger's class may fail at telling what it is
        return ""


def _code_of(exc: BaseException) -> str:
    """Return the provider's own code for an error; newer clients of OpenAI's leave it out of the message."""
    body = getattr(exc, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    told = inner if isinstance(inner, Mapping) else {}
    codes = [getattr(exc, "code", None), told.get("code"), told.get("type"), told.get("status")]
    return " ".join(str(code) for code in codes if isinstance(code, str | int))


def _cause_of(exc: BaseException, said: str) -> Cause:
    text = said.lower()
    for words, cause in _BY_WORDS:
        if words in text:
            return cause
    names = [parent.__name__ for parent in type(exc).__mro__]
    for part, cause in _BY_CLASS:
        if any(part in name for name in names):
            return cause
    status = getattr(exc, "status_code", None)
    if isinstance(status, int):
        return _BY_STATUS.get(status, "unavailable" if status >= 500 else "bad_response")
    if status is None and (found := _STATUS_INSIDE.search(text)):  # an error in a body that came with status 200
        return _BY_STATUS.get(int(found[1]), "unavailable" if int(found[1]) >= 500 else "bad_response")
    return "disconnected" if isinstance(exc, OSError) else "bad_response"


def may_have_cost(exc: BaseException, cause: Cause) -> bool:
    """Whether a call that failed may still have been billed: it was sent, and its reply was lost on the way."""
    if cause != "disconnected":
        return cause == "timeout"
    return not any(type(link).__name__ in _NEVER_SENT for link in _chain(exc))


def is_unreadable(exc: BaseException) -> bool:
    """Whether a client of OpenAI's API got a reply that it could not read; that was written all the same.

    An error told inside of a stream counts as one: the client gives it the plainest class it has.
    """
    return type(exc).__name__ == "APIError" or (
        isinstance(exc, _UNREADABLE) and "unexpected keyword" not in words_of(exc)
    )


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()  # what was raised from each other makes a circle
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__ or exc.__context__
