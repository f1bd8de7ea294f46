"""Exceptions that end a request: with an HTTP error response, or with a closed connection."""

import json
from collections.abc import Mapping
from typing import Any

from openai.types import ErrorObject
from starlette.responses import Response

_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """HTTP error response in the format of the OpenAI API.

    Args:
        status: HTTP status code.
        message: Message of the error object.
        code: Code of the error object, such as "model_not_found".
        param: Request field that caused the error.
        headers: Response headers. The content type is JSON unless given.
        body: Response body in place of the error object: a JSON object, or a string sent unchanged.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self._headers = {"content-type": "application/json", **(headers or {})}
        kind = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
        error = ErrorObject(message=message, type=kind, param=param, code=code)
        self._body = {"error": error.to_dict()} if body is None else body

    def response(self) -> Response:
        """Return the HTTP response."""
        content = self._body if isinstance(self._body, str) else json.dumps(self._body)
        return Response(content, self.status, self._headers)


class ConnectionCut(Exception):  # noqa: N818  # reaches the client as a closed connection, never as an error
    """Close the connection without completing the response.

    Args:
        reset: Whether to close with a TCP reset.
    """

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset
