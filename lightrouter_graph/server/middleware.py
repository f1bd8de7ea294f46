"""Who may come in, how many at a time, and with how much."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from lightrouter_graph.server.errors import Fault

_OPEN = frozenset({"/healthz"})
_RETRY_AFTER = {"retry-after": "1"}


class KeyCheck:
    """Middleware that lets nobody in without the key, but for the health check."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in _OPEN or self._fits(Headers(scope=scope)):
            await self._app(scope, receive, send)
        else:
            await _wrong_key().response()(scope, receive, send)

    def _fits(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._key)
        return right and scheme.lower() == "bearer"


class Slots:
    """How many requests may run at a time; one more is refused, not queued."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a slot for the length of the block.

        Raises:
            Fault: 429, if all are taken.
        """
        if self._taken >= self._limit:
            message = f"{self._limit} requests are being answered, which is the most; try again soon"
            raise Fault(429, message, code="rate_limit_exceeded", headers=_RETRY_AFTER)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


async def read_body(request: Request, limit: int) -> bytes:
    """Read a JSON body, and no more of it than is allowed.

    Raises:
        Fault: 413 if it is too large, 415 if it is said to be something else than JSON.
    """
    # A page in a browser may send text/plain to any address, but JSON only where a server has allowed it: this is
    # what keeps strangers' pages from spending a local user's money.
    if (said := request.headers.get("content-type", "").partition(";")[0].strip().lower()) != "application/json":
        raise Fault(415, f"the content type must be application/json, got {said or 'none'!r}", code="unsupported_media")
    announced = request.headers.get("content-length", "0")
    body = bytearray()
    if not (announced.isdigit() and int(announced) > limit):
        async for part in request.stream():
            body += part
            if len(body) > limit:
                break
        else:
            return bytes(body)
    raise Fault(413, f"the body is larger than {limit} bytes", code="request_too_large")


def _wrong_key() -> Fault:
    message = "missing or incorrect API key: send it as 'Authorization: Bearer ...'"
    return Fault(401, message, code="invalid_api_key", headers={"www-authenticate": "Bearer"})
