"""What goes wrong, in the words and statuses of the OpenAI API."""

import json
import re
from collections.abc import Mapping
from typing import Any

from openai.types import ErrorObject
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lightrouter_graph.context import PARENT_KEY
from lightrouter_graph.errors import (
    BrokenStreamError,
    BudgetError,
    ContextError,
    LightRouterError,
    NoSurvivorError,
    QueryError,
)

SETTINGS = PARENT_KEY
"""The field of a request that carries our own settings, and of a response that carries the decision record."""

_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
_UNANIMOUS: dict[str, tuple[int, str]] = {
    "rate_limited": (429, "rate_limit_exceeded"),
    "timeout": (504, "timeout"),
    "context_length": (400, "context_length_exceeded"),
    "content_filter": (400, "content_filter"),
}
"""What a cause means to the client when it is that of every candidate."""

_PASSING = frozenset({"rate_limited", "timeout", "disconnected", "unavailable"})
_NOT_AGAIN = {"x-should-retry": "false"}
"""The official clients repeat every 5xx twice, and each repetition would pay for a whole run."""

_ADDRESS = re.compile(r" ?\(https?://[^)\s]*\)")
_SETTING = re.compile(r"^(?:unknown setting '(?P<unknown>\w+)'(?: of (?P<group>\w+))?|(?P<setting>[\w.]+) = )")
_LIMIT = re.compile(r"^(?:unknown limit '(?P<unknown>\w+)' of Budget|Budget (?P<limit>\w+) = )")
_NO_QUOTA = "insufficient_quota"


class Fault(Exception):  # noqa: N818 - it becomes a response and never leaves the server
    """An error to answer with.

    Attributes:
        status: The HTTP status.
        headers: Further response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        answer: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self._extra: dict[str, Any] = {} if answer is None else {"answer": answer}
        self._code = code
        self._param = param

    def body(self) -> bytes:
        """The error as the API words it, in JSON."""
        kind = "server_error" if self.status >= 500 else _TYPES.get(self.status, "invalid_request_error")
        kind = _NO_QUOTA if self._code == _NO_QUOTA else kind
        error = ErrorObject(message=str(self), type=kind, param=self._param, code=self._code, **self._extra)
        return json.dumps({"error": error.model_dump(exclude_unset=True)}, ensure_ascii=False).encode()

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The error as a response, with further headers."""
        return Response(self.body(), self.status, {**self.headers, **(headers or {})}, media_type="application/json")


def fault_of(exc: Exception, request_id: str) -> Fault:
    """Say to a client what an exception means.

    Args:
        exc: What was raised.
        request_id: Under which the log has what the client is not told.
    """
    if isinstance(exc, Fault):
        return exc
    if isinstance(exc, HTTPException):
        return Fault(exc.status_code, exc.detail, headers=exc.headers)
    if isinstance(exc, LightRouterError):
        return _of_ours(exc)
    message = f"the server made a mistake; its log has more under {request_id}"
    return Fault(500, message, code="internal_error", headers=_NOT_AGAIN)


def is_unforeseen(exc: Exception) -> bool:
    """Whether an exception is a mistake of ours, or of a model's package, that should be looked into."""
    return not isinstance(exc, Fault | HTTPException | LightRouterError)


def _of_ours(exc: LightRouterError) -> Fault:
    if isinstance(exc, NoSurvivorError):
        return _of_nobody(exc)
    if isinstance(exc, BudgetError):
        return _of_budget(exc)
    if isinstance(exc, ContextError):
        return Fault(400, str(exc), code="invalid_value", param=_setting(str(exc)))
    if isinstance(exc, QueryError):
        return Fault(400, str(exc), code="invalid_value", param=_subject(str(exc)))
    if isinstance(exc, BrokenStreamError):  # the answer is paid for: whoever looks for it can have it
        return Fault(502, str(exc), code="broken_stream", headers=_NOT_AGAIN, answer=str(exc.answer.text))
    return Fault(500, str(exc), code="internal_error", headers=_NOT_AGAIN)


def _of_budget(exc: BudgetError) -> Fault:
    """Say it as OpenAI says that an account is empty: no client takes that for a matter of waiting."""
    param = f"{SETTINGS}.{'thread_budget' if exc.scope == 'thread' else 'budget'}"
    return Fault(429, str(exc), code=_NO_QUOTA, param=param, headers=_NOT_AGAIN)


def _of_nobody(exc: NoSurvivorError) -> Fault:
    causes = {str(what).partition(":")[0] for what in exc.failures.values()}
    status, code = (
        _UNANIMOUS.get(next(iter(causes)), (502, "no_survivor")) if len(causes) == 1 else (502, "no_survivor")
    )
    again = {"retry-after": "1"} if status == 429 else {}
    # Where the models are is for the log, not for the client.
    told = _ADDRESS.sub("", str(exc))
    return Fault(status, told, code=code, headers=again if causes & _PASSING else _NOT_AGAIN)


def _setting(message: str) -> str:
    if found := _LIMIT.match(message):
        return f"{SETTINGS}.budget.{found['unknown'] or found['limit']}"
    found = _SETTING.match(message)
    path = [found["group"] and found["group"].lower(), found["unknown"] or found["setting"]] if found else []
    return ".".join([SETTINGS, *filter(None, path)])


def _subject(message: str) -> str:
    return next((name for name in ("tool_choice", "response_format") if message.startswith(name)), "messages")
