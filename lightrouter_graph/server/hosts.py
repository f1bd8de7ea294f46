"""Check of the `Host` header: no web page reaches a local server under a name of its own (DNS rebinding).

A page at `http://evil.example` may let its name point to 127.0.0.1. For the browser the server is then the page's own
origin, and CORS does not apply; only the `Host` header still has the page's name.

Why not Starlette's `TrustedHostMiddleware`: it answers 400 "Invalid host header" in plain text, which tells an operator
neither the name nor the option; it redirects to `www.`; it refuses `localhost.` and other spellings of an IPv6 address;
and it has no exception for a health check.
"""

import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lightrouter_graph.errors import ContextError
from lightrouter_graph.server.errors import ApiError

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
ANY_HOST = "*"

_PUBLIC = frozenset({"/healthz"})
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,255})(?::\d{1,5})?", re.ASCII)
_MAX_SHOWN = 100


class HostCheck:
    """ASGI middleware that answers 421 to requests for other hosts, except for the health check.

    Args:
        app: The ASGI app.
        hosts: Allowed host names and addresses, without port.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(map(checked_host, hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request, or answer with status 421."""
        if scope["type"] != "http" or scope["path"] in _PUBLIC or self._allows(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
        else:
            await _misdirected(Headers(scope=scope).get("host", "")).response()(scope, receive, send)

    def _allows(self, given: list[str]) -> bool:
        if ANY_HOST in self._hosts:
            return True
        return bool(given) and all(host_of(host) in self._hosts for host in given)


def host_of(header: str) -> str | None:
    """Return the host of a `Host` header in one spelling, without port and final dot; None if it is invalid.

    Args:
        header: Value of the header, such as `LOCALHOST.:8000` or `[0:0:0:0:0:0:0:1]`.
    """
    found = _HOST.fullmatch(header.strip().lower())
    if found is None:
        return None
    host = found[1]
    if not host.startswith("["):
        return host.removesuffix(".") or None
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"
    except ValueError:
        return None


def checked_host(host: str) -> str:
    """Return an allowed host in the spelling of `host_of`.

    Args:
        host: Name or address without port, IPv6 with or without brackets; `*` = any host.

    Raises:
        ContextError: If it is neither.
    """
    name = host.strip().partition("%")[0]  # without the zone of a link-local address
    name = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
    known = host_of(name)
    if host == ANY_HOST:
        return ANY_HOST
    if known is None or re.search(r":\d+$", name):
        msg = f"allowed host {host!r}: write a host name or an address without http:// and port, such as pc.example"
        raise ContextError(msg)
    return known


def _misdirected(host: str) -> ApiError:
    shown = host if len(host) <= _MAX_SHOWN else f"{host[:_MAX_SHOWN]}..."
    message = (
        f"this server does not answer requests for the host {shown!r}: without an API key it answers only those for "
        "localhost, so that no web page can use it; start it with --allowed-host NAME, or set an API key"
    )
    return ApiError(421, message, code="host_not_allowed")
