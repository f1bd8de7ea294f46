"""Reads request bodies within a size, a time and a total memory."""

import asyncio

from starlette.requests import Request

from lightrouter_graph.server.errors import ApiError

_WHOLE_BODIES = 16
"""Bodies of the maximum size that may be held at the same time while they arrive."""

_MAX_LENGTH_DIGITS = 18


class BodyReader:
    """Reads the bodies of one app.

    Args:
        max_bytes: Maximum size of one body.
        timeout_s: Seconds in which a body must be complete, > 0.
    """

    def __init__(self, max_bytes: int, timeout_s: float) -> None:
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """Read the body of a JSON request.

        Args:
            request: The HTTP request.

        Raises:
            ApiError: 408 if the body is not complete in time, 413 if it is too large, 415 if the content type is not
                JSON, 503 if other bodies take up the memory.
        """
        # Browsers let any page send text/plain to any address, but JSON only with the server's permission (CORS). The
        # check keeps foreign pages from calling a local server.
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            message = f"the content type must be application/json, got {kind[:100] or 'none'!r}"
            raise ApiError(415, message, code="unsupported_media")
        if self._is_too_large(request.headers.get("content-length", "")):
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout_s):
                async for part in request.stream():
                    body += part
                    self._held += len(part)
                    self._check(len(body))
            return bytes(body)
        except TimeoutError:
            message = f"the request body was not complete within {self._timeout_s:g} s"
            raise ApiError(408, message, code="request_timeout", headers={"connection": "close"}) from None
        finally:
            self._held -= len(body)

    def _is_too_large(self, announced: str) -> bool:
        digits = announced if announced.isascii() and announced.isdecimal() else "0"
        return len(digits) > _MAX_LENGTH_DIGITS or int(digits) > self._max_bytes

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise self._too_large()
        if self._held > _WHOLE_BODIES * self._max_bytes:
            message = "the server is reading too many large requests; retry after 1 s"
            raise ApiError(503, message, code="overloaded", headers={"retry-after": "1", "connection": "close"})

    def _too_large(self) -> ApiError:
        return ApiError(413, f"the body is larger than {self._max_bytes} bytes", code="request_too_large")
