"""Classify the exceptions of model calls: one cause, and a message without secrets."""

import re
from collections.abc import Iterator, Mapping

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.records import Cause, Failure
from lightrouter_graph.redaction import redact, secrets_of

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
        model: The model that was called; the secrets it holds are redacted from the message.
    """
    said, secrets = exception_text(exc)[:_LONGEST_READ], secrets_of(model)
    cause, message = _cause_of(exc, f"{said} {_code_of(exc)}"), redact(said, secrets)
    if cause == "bad_response" or not message:  # the cause says too little: name the exception as well
        message = f"{type(exc).__name__}: {message}" if message else type(exc).__name__
    if cause == "disconnected" and (address := getattr(model, "openai_api_base", None)):
        message = f"{message} ({redact(str(address), secrets)})"
    return {"cause": cause, "message": message[:_LONGEST]}


def exception_text(exc: BaseException) -> str:
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
        isinstance(exc, _UNREADABLE) and "unexpected keyword" not in exception_text(exc)
    )


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()  # what was raised from each other makes a circle
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__ or exc.__context__
