"""Classifies exceptions of model calls: one cause each, and a message with secrets redacted."""

import re
from collections.abc import Iterator, Mapping

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.llm.error_bodies import exception_text, status_of, words_of
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
    498: "unavailable",
}
_BY_TEXT: Mapping[Cause, str] = {
    "context_length": r"context[_ ]?(?:length|size|window|limit)|maximum context|context (?:the )?overflow"
    r"|maximum prompt length|(?:prompt|input|request)[^.]{0,60}\b(?:is |was )?too (?:long|large)\b"
    r"|(?:prompt|input)[^.]{0,80}(?:exceed|longer than)|too many (?:input |prompt )?tokens"
    r"|reduce (?:the|your) (?:length|prompt)|(?:exceed(?:s|ed)?|over)[^.]{0,40}token limit|token limit exceeded"
    r"|tokens? exceeds? [^.]{0,40}(?:limit of|maximum)"
    r"|inputs`? tokens|inputs`? must have less|range of input length|maximum model length|request_too_large"
    r"|content'?: string too long|must be reduced in order to run|输入[^。]{0,20}(?:超|过长)",
    "content_filter": r"content[_ ]?filter|content[_ ](?:management )?policy|policy[_ ]violation|responsible ?ai"
    r"|safety (?:system|filter|setting|policy|reason)|prohibited[_ ]content|\bflagged\b|moderation|data_?inspection"
    r"|content exists risk|usage polic|guardrail|inappropriate content"
    r"|(?:sensitive|unsafe|harmful) (?:content|information)|敏感",
    "auth": r"insufficient[_ ](?:quota|balance|credit|fund)|(?:credit balance|balance) is too low|out of credits"
    r"|more credits|payment required|arrearage|billing[_ ](?:hard|not|limit)|spending limit"
    r"|(?:invalid|incorrect|missing|expired|no)[_ ](?:x-)?api[_ -]?key"
    r"|api[_ -]?key (?:is )?(?:not valid|invalid|expired|missing)"
    r"|unauthori[sz]ed|unauthenticated|authentication[_ ](?:error|fail|required)|permission[_ ]denied"
    r"|account (?:is |has been )?(?:suspended|deactivated|disabled)|余额不足",
    "rate_limited": r"rate[_ -]?limit|ratelimit|too many (?:concurrent )?requests|throttl"
    r"|resource[_ ](?:has been )?exhausted|exceeded your current quota"
    r"|quota[_ ](?:exceeded|reached)|concurrency (?:limit|quota)|slow[_ ]down"
    r"|(?:request|token)s? per (?:second|minute|hour|day)",
    "unavailable": r"overloaded|(?:at|over|exceeds?|no|insufficient|limited) capacity|capacity (?:exceeded|constraint)"
    r"|(?:temporarily|service|currently)[_ ]unavailable|(?:server|service|engine|model) is (?:currently |too )?busy"
    r"|(?:model is|still|currently) loading|loading (?:the )?model|no (?:healthy|available) \w|high demand"
    r"|out of memory|internal[_ ](?:server[_ ])?error|bad gateway",
}
_BY_CLASS: Mapping[Cause, str] = {
    "timeout": r"Timeout",
    "rate_limited": r"RateLimit",
    "auth": r"Authentication|PermissionDenied",
    "context_length": r"ContextOverflow",
    "disconnected": r"Connect|RemoteProtocol|ReadError",
}
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)
"""What clients raise if they cannot parse the body of a response."""

_NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"})
_MAX_MESSAGE = 300


def failure_of(exc: BaseException, model: BaseChatModel) -> Failure:
    """Return the failure record of an exception.

    Args:
        exc: The exception of the model call.
        model: The model that was called; its secrets are redacted from the message.
    """
    exc = next((link for link in _chain(exc) if isinstance(link, ReplyLimitError)), exc)
    text, secrets = exception_text(exc) + _redirect_of(exc), secrets_of(model)
    cause, message = _cause_of(exc, words_of(exc)), redact(text, secrets)
    if cause == "bad_response" or not message:  # the cause alone is too vague: name the exception as well
        message = f"{type(exc).__name__}: {message}" if message else type(exc).__name__
    if cause == "disconnected" and (address := getattr(model, "openai_api_base", None)):
        message = f"{message} ({redact(str(address), secrets)})"
    return {"cause": cause, "message": message[:_MAX_MESSAGE]}


def _redirect_of(exc: BaseException) -> str:
    """Return where a refused redirect leads; "" for other failures."""
    response = getattr(exc, "response", None)
    if getattr(response, "has_redirect_location", False) is not True:
        return ""
    target = str(response.headers["location"])[:_MAX_MESSAGE] if response is not None else ""
    return f" (redirects are not followed: if {target} is right, write its address in the pool)"


def _cause_of(exc: BaseException, text: str) -> Cause:
    classes = " ".join(parent.__name__ for parent in type(exc).__mro__)
    own = isinstance(exc, TypeError | LookupError | AttributeError)  # its words are those of the client
    for words, patterns in (("" if own else text, _BY_TEXT), (classes, _BY_CLASS)):
        for cause, pattern in patterns.items():
            if re.search(pattern, words):
                return cause
    status = status_of(exc)
    if status is not None:
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
