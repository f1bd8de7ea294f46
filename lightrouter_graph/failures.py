"""What went wrong with a model call, in one word and without secrets."""

import re
from collections.abc import Iterator

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

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
    ("content_filter", "content_filter"),
    ("content management policy", "content_filter"),
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
_SECRET = re.compile(
    r"""(?ix) \b(?:sk|pk|gsk|rk|xai|hf|tgp)[-_][\w*.-]{6,}      # the shapes provider keys have
      | (?<=bearer\s)\S+
      | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                        # user:password in an address
      | (?<=key=)[^&\s]+ | (?<=token=)[^&\s]+"""
)
_LONGEST = 300


def failure_of(exc: BaseException, model: BaseChatModel) -> Failure:
    """Turn an exception of a chat model into a record.

    Args:
        exc: What the call raised.
        model: The model that was called; the secrets it holds are struck from the message.
    """
    cause, message = _cause_of(exc), redact(str(exc), secrets_of(model))
    if cause == "bad_response" or not message:  # the cause says too little: name the exception as well
        message = f"{type(exc).__name__}: {message}" if message else type(exc).__name__
    return {"cause": cause, "message": message[:_LONGEST]}


def redact(text: str, secrets: Iterator[str] | tuple[str, ...] = ()) -> str:
    """Strike known secrets and everything shaped like one from a text."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _SECRET.sub("***", text)


def secrets_of(model: BaseChatModel) -> tuple[str, ...]:
    """Return the secret values a model holds in its fields, longest first."""
    values = (getattr(model, name, None) for name in type(model).model_fields)
    found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    return tuple(sorted(filter(None, found), key=len, reverse=True))


def _cause_of(exc: BaseException) -> Cause:
    text = str(exc).lower()
    for words, cause in _BY_WORDS:
        if words in text:
            return cause
    status = getattr(exc, "status_code", None)
    if isinstance(status, int):
        return _BY_STATUS.get(status, "unavailable" if status >= 500 else "bad_response")
    names = [parent.__name__ for parent in type(exc).__mro__]
    for part, cause in _BY_CLASS:
        if any(part in name for name in names):
            return cause
    return "disconnected" if isinstance(exc, OSError) else "bad_response"
