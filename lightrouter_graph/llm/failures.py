"""Classifies exceptions of model calls: one cause each, and a message with secrets redacted."""

import re
from collections.abc import Iterator, Mapping

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.records import Cause, Failure
from lightrouter_graph.redaction import redact, secrets_of
from lightrouter_graph.runtime.reply_limits import ReplyLimitError

_BY_STATUS: Mapping[int, Cause] = {
    401: "auth",
    402: "auth",
    403: "auth",
    408: "timeout",
    413: "context_length",
    429: "rate_limited",
}
_BY_TEXT: Mapping[Cause, str] = {
    "context_length": r"context[_ ]length|maximum context|input tokens exceed|prompt is too long",
    "content_filter": r"content_filter|content management policy",
    "auth": r"insufficient_quota",
    "rate_limited": r"rate[_ ]limit|too many requests",
    "unavailable": r"overloaded",
}
_BY_CLASS: Mapping[Cause, str] = {
    "timeout": r"Timeout",
    "rate_limited": r"RateLimit",
    "auth": r"Authentication|PermissionDenied",
    "context_length": r"ContextOverflow",
    "disconnected": r"Connect|RemoteProtocol|ReadError",
}
_STATUS_INSIDE = re.compile(r"['\"](?:code|status)['\"]: ['\"]?([45]\d\d)\b")

_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)
"""What clients raise if they cannot parse the body of a response."""

_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"})
_MAX_MESSAGE = 300
_MAX_SCANNED = 10_000
"""Characters of an error text that are scanned: some are whole HTML pages."""


def failure_of(exc: BaseException, model: BaseChatModel) -> Failure:
    """Return the failure record of an exception.

    Args:
        exc: The exception of the model call.
        model: The model that was called; its secrets are redacted from the message.
    """
    exc = next((link for link in _chain(exc) if isinstance(link, ReplyLimitError)), exc)
    text, secrets = exception_text(exc)[:_MAX_SCANNED] + _redirect_of(exc), secrets_of(model)
    cause, message = _cause_of(exc, f"{text} {_error_codes(exc)}".lower()), redact(text, secrets)
    if cause == "bad_response" or not message:  # the cause alone is too vague: name the exception as well
        message = f"{type(exc).__name__}: {message}" if message else type(exc).__name__
    if cause == "disconnected" and (address := getattr(model, "openai_api_base", None)):
        message = f"{message} ({redact(str(address), secrets)})"
    return {"cause": cause, "message": message[:_MAX_MESSAGE]}


def exception_text(exc: BaseException) -> str:
    """Return the text of an exception; "" if its `__str__` fails.

    Args:
        exc: The exception; lone surrogates, which no checkpoint accepts, are replaced.
    """
    try:
        return str(exc).encode(errors="replace").decode()
    except Exception:  # noqa: BLE001 - `__str__` of a third-party exception may raise anything
        return ""


def _redirect_of(exc: BaseException) -> str:
    """Return where a refused redirect leads; "" for other failures."""
    response = getattr(exc, "response", None)
    if getattr(response, "has_redirect_location", False) is not True:
        return ""
    target = str(response.headers["location"])[:_MAX_MESSAGE] if response is not None else ""
    return f" (redirects are not followed: if {target} is right, write its address in the pool)"


def _error_codes(exc: BaseException) -> str:
    """Return the error codes of the provider, which newer OpenAI clients leave out of the message."""
    body = getattr(exc, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    error = inner if isinstance(inner, Mapping) else {}
    codes = [getattr(exc, "code", None), error.get("code"), error.get("type"), error.get("status")]
    return " ".join(str(code) for code in codes if isinstance(code, str | int))


def _cause_of(exc: BaseException, text: str) -> Cause:
    classes = " ".join(parent.__name__ for parent in type(exc).__mro__)
    for words, patterns in ((text, _BY_TEXT), (classes, _BY_CLASS)):
        for cause, pattern in patterns.items():
            if re.search(pattern, words):
                return cause
    status = getattr(exc, "status_code", None)
    if status is None and (found := _STATUS_INSIDE.search(text)):  # an error in the body of a response with status 200
        status = int(found[1])
    if isinstance(status, int):
        return _BY_STATUS.get(status, "unavailable" if status >= 500 else "bad_response")
    return "disconnected" if isinstance(exc, OSError) else "bad_response"


def may_have_cost(exc: BaseException, cause: Cause) -> bool:
    """Return True if a failed call may have been billed: the request was sent, and its response was lost.

    Args:
        exc: The exception of the call.
        cause: Its cause, as `failure_of` returns it.
    """
    if cause != "disconnected":
        return cause == "timeout"
    return not any(type(link).__name__ in _NEVER_SENT for link in _chain(exc))


def is_unreadable(exc: BaseException) -> bool:
    """Return True if an OpenAI client could not parse a response; the provider bills its tokens.

    An error event inside of a stream counts as well: the client raises the base class `APIError` for it.
    """
    limited = any(isinstance(link, ReplyLimitError) for link in _chain(exc))
    return (
        limited
        or type(exc).__name__ == "APIError"
        or (isinstance(exc, _UNREADABLE) and "unexpected keyword" not in exception_text(exc))
    )


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()  # exceptions raised from each other make a circle
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__ or exc.__context__
