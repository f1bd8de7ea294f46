"""API key check and concurrency limit."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
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


def _wrong_key() -> ApiError:
    message = "missing or incorrect API key: send it as 'Authorization: Bearer ...'"
    return ApiError(401, message, code="invalid_api_key", headers={"www-authenticate": "Bearer"})
