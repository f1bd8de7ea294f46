"""What went wrong with a model call, in one word and without secrets."""

import re
from collections.abc import Iterable, Iterator

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
    ("input tokens exceed", "context_length"),
    ("prompt is too long", "context_length"),
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
      | \b(?:AIza|AKIA)[\w-]{8,}
      | (?<=bearer\s)\S+ | (?<=basic\s)\S+
      | (?<=api-key:\s)\S+
      | (?<=://)[^/\s]+(?=@)                                   # user:password in an address
      | (?<=key=)[^&\s]+ | (?<=token=)[^&\s]+"""
)
_SHORTEST_SECRET = 6
"""Placeholders such as "none" or "x", usual for local servers, are no secrets and occur in ordinary words."""

_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"})
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
    if cause == "disconnected" and (address := getattr(model, "openai_api_base", None)):
        message = f"{message} ({redact(str(address))})"
    return {"cause": cause, "message": message[:_LONGEST]}


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Strike known secrets and everything shaped like one from a text."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _SECRET.sub("***", text)


def secrets_of(model: object) -> tuple[str, ...]:
    """Return the secret values a model (or any pydantic object) holds in its fields, longest first."""
    values = (getattr(model, name, None) for name in getattr(type(model), "model_fields", ()))
    found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    return tuple(sorted((v for v in found if len(v) >= _SHORTEST_SECRET), key=len, reverse=True))


def _cause_of(exc: BaseException) -> Cause:
    text = str(exc).lower()
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
    return "disconnected" if isinstance(exc, OSError) else "bad_response"


def may_have_cost(exc: BaseException, cause: Cause) -> bool:
    """Whether a call that failed may still have been billed: it was sent, and its reply was lost on the way."""
    if cause != "disconnected":
        return cause == "timeout"
    return not any(type(link).__name__ in _NEVER_SENT for link in _chain(exc))


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__
