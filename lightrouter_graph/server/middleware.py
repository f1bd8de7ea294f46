"""API key check, concurrency limit and size limit of request bodies."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from lightrouter_graph.server.errors import ApiError

_PUBLIC = frozenset({"/healthz"})
_RETRY_AFTER = {"retry-after": "1"}


class ApiKeyCheck:
    """ASGI middleware that requires the API key as a bearer token, except for the health check."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request, or answer with status 401."""
        if scope["type"] != "http" or scope["path"] in _PUBLIC or self._matches(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await _wrong_key().response()(scope, receive, send)

    def _matches(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        equal = hmac.compare_digest(given.strip().encode("latin-1"), self._key)
        return equal and scheme.lower() == "bearer"


class ConcurrencyLimit:
    """Limit of concurrent completions; one more is rejected, not queued."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running = 0

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Hold one slot for the duration of the block.

        Raises:
            ApiError: 429 if no slot is free.
        """
        if self._running >= self._limit:
            message = f"the server is at its limit of {self._limit} concurrent requests; retry after 1 s"
            raise ApiError(429, message, code="rate_limit_exceeded", headers=_RETRY_AFTER)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body of a JSON request.

    Args:
        request: The HTTP request.
        limit: Maximum size in bytes.

    Raises:
        ApiError: 413 if the body is too large, 415 if the content type is not JSON.
    """
    # Browsers let any page send text/plain to any address, but JSON only with the server's permission (CORS). The check
    # keeps foreign pages from calling a local server.
    if (kind := request.headers.get("content-type", "").partition(";")[0].strip().lower()) != "application/json":
        raise ApiError(
            415, f"the content type must be application/json, got {kind or 'none'!r}", code="unsupported_media"
        )
    announced = request.headers.get("content-length", "0")
    body = bytearray()
    if not (announced.isdigit() and int(announced) > limit):
        async for part in request.stream():
            body += part
            if len(body) > limit:
                break
        else:
            return bytes(body)
    raise ApiError(413, f"the body is larger than {limit} bytes", code="request_too_large")


def _wrong_key() -> ApiError:
    message = "missing or incorrect API key: send it as 'Authorization: Bearer ...'"
    return ApiError(401, message, code="invalid_api_key", headers={"www-authenticate": "Bearer"})
