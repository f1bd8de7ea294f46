"""Maps exceptions to error responses with the statuses, types and codes of the OpenAI API."""

import json
import math
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
    PoolError,
    QueryError,
)

SETTINGS = PARENT_KEY
"""Field of a request with LightRouter settings, and of a response with the decision record."""

_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
_COMMON_CAUSE: dict[str, tuple[int, str]] = {
    "rate_limited": (429, "rate_limit_exceeded"),
    "timeout": (504, "timeout"),
    "context_length": (400, "context_length_exceeded"),
    "content_filter": (400, "content_filter"),
}
"""Status and code by cause of failure, if every candidate failed with the same cause."""

_TRANSIENT = frozenset({"rate_limited", "timeout", "disconnected", "unavailable"})
_NO_RETRY = {"x-should-retry": "false"}
"""The official clients retry every 5xx twice, and each retry would pay for a whole run."""

_MAX_RETRY_AFTER_S = 3600
_MAX_MESSAGE = 10_000
_ADDRESS = re.compile(r" ?\(https?://[^)\s]*\)")
_SETTING = re.compile(r"^(?:unknown setting '(?P<unknown>\w+)'(?: of (?P<group>\w+))?|(?P<setting>[\w.]+) = )")
_LIMIT = re.compile(r"^(?:unknown limit '(?P<unknown>\w+)' of Budget|Budget (?P<limit>\w+) = )")
_NO_QUOTA = "insufficient_quota"
_NO_TOOLS = "tools are bound, but"
"""Begin of the error for tools in a request to candidates that cannot call any."""


class ApiError(Exception):
    """Error response of the API.

    Args:
        status: HTTP status, 400 to 599.
        message: Text for the client.
        code: Error code of the API.
        param: Path of the request field that caused the error, e.g. `messages[0].content`.
        headers: Additional response headers.
        answer: Complete answer that could not be streamed.
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
        super().__init__(message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}...")
        self.status = status
        self.headers = dict(headers or {})
        self._extra: dict[str, Any] = {} if answer is None else {"answer": answer}
        self._code = code
        self._param = param

    def body(self) -> bytes:
        """Return the JSON body of the error."""
        kind = "server_error" if self.status >= 500 else _TYPES.get(self.status, "invalid_request_error")
        kind = _NO_QUOTA if self._code == _NO_QUOTA else kind
        error = ErrorObject(message=str(self), type=kind, param=self._param, code=self._code, **self._extra)
        return json.dumps({"error": error.model_dump(exclude_unset=True)}, ensure_ascii=False).encode()

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the error as a response.

        Args:
            headers: Headers in addition to those of the error.
        """
        return Response(self.body(), self.status, {**self.headers, **(headers or {})}, media_type="application/json")


def to_api_error(exc: Exception, request_id: str) -> ApiError:
    """Convert an exception to an error response.

    Args:
        exc: Exception of the request or of the model.
        request_id: Id under which the server log has the details of an unexpected exception.
    """
    if isinstance(exc, ApiError):
        return exc
    if isinstance(exc, HTTPException):
        return ApiError(exc.status_code, exc.detail, headers=exc.headers)
    if isinstance(exc, LightRouterError):
        return _library_error(exc)
    message = f"internal server error; details are in the server log under {request_id}"
    return ApiError(500, message, code="internal_error", headers=_NO_RETRY)


def is_unexpected(exc: Exception) -> bool:
    """Return whether an exception is a bug of the server or of a model's package.

    Args:
        exc: Exception of a request.
    """
    return not isinstance(exc, ApiError | HTTPException | LightRouterError)


def _library_error(exc: LightRouterError) -> ApiError:
    if isinstance(exc, NoSurvivorError):
        return _no_survivor(exc)
    if isinstance(exc, BudgetError):
        return _budget_error(exc)
    if isinstance(exc, ContextError | QueryError):
        name = _setting_path if isinstance(exc, ContextError) else _field_name
        return ApiError(400, str(exc), code="invalid_value", param=name(str(exc)))
    if isinstance(exc, PoolError) and str(exc).startswith(_NO_TOOLS):
        return ApiError(400, str(exc), code="unsupported_parameter", param="tools")
    if isinstance(exc, BrokenStreamError):  # the paid answer is included
        return ApiError(502, str(exc), code="broken_stream", headers=_NO_RETRY, answer=str(exc.answer.text))
    return ApiError(500, str(exc), code="internal_error", headers=_NO_RETRY)


def _budget_error(exc: BudgetError) -> ApiError:
    """Use the code of an exhausted account: clients do not retry it."""
    param = f"{SETTINGS}.{'thread_budget' if exc.scope == 'thread' else 'budget'}"
    return ApiError(429, str(exc), code=_NO_QUOTA, param=param, headers=_NO_RETRY)


def _no_survivor(exc: NoSurvivorError) -> ApiError:
    causes = {str(what).partition(":")[0] for what in exc.failures.values()}
    status, code = (
        _COMMON_CAUSE.get(next(iter(causes)), (502, "no_survivor")) if len(causes) == 1 else (502, "no_survivor")
    )
    retry = {"retry-after": "1"} if status == 429 else {}
    if exc.retry_after_s is not None:
        retry = {"retry-after": str(min(max(1, math.ceil(exc.retry_after_s)), _MAX_RETRY_AFTER_S))}
        status, code = (status, code) if status == 429 else (503, "unavailable")
    # Addresses of model servers are logged, not sent to clients.
    message = _ADDRESS.sub("", str(exc))
    return ApiError(status, message, code=code, headers=retry if causes & _TRANSIENT else _NO_RETRY)


def _setting_path(message: str) -> str:
    if found := _LIMIT.match(message):
        return f"{SETTINGS}.budget.{found['unknown'] or found['limit']}"
    found = _SETTING.match(message)
    path = [found["group"] and found["group"].lower(), found["unknown"] or found["setting"]] if found else []
    return ".".join([SETTINGS, *filter(None, path)])


def _field_name(message: str) -> str:
    return next((name for name in ("tool_choice", "response_format") if message.startswith(name)), "messages")
