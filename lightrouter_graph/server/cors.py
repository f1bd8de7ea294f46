"""CORS: which web pages may call the server from a browser."""

import inspect
import re
from collections.abc import Sequence
from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from lightrouter_graph.errors import ContextError

ANY_ORIGIN = "*"

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,30}://(?:\[[0-9a-f:.]{1,45}\]|[a-z0-9._-]{1,253})(?::\d{1,5})?", re.ASCII)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_EXPOSED = (
    "retry-after",
    "x-lightrouter-calls",
    "x-lightrouter-model",
    "x-lightrouter-usd",
    "x-request-id",
    "x-should-retry",
)


def cors_middleware(origins: Sequence[str]) -> Middleware:
    """Return the middleware that answers preflight requests and adds the response headers of CORS.

    Cookies and other credentials of the browser are never allowed; a page sends its API key in a header.

    Args:
        origins: Allowed origins; `*` = any.

    Raises:
        ContextError: If one is no origin.
    """
    # Chrome asks before a public page reaches a private address; older versions of Starlette do not know the question.
    private = "allow_private_network"
    options: dict[str, Any] = {private: True} if private in inspect.signature(CORSMiddleware).parameters else {}
    return Middleware(
        CORSMiddleware,
        **options,
        allow_origins=[checked_origin(origin) for origin in origins],
        allow_methods=["GET", "POST"],
        allow_headers=["*"],  # the official client sends ten headers of its own
        expose_headers=_EXPOSED,
    )


def checked_origin(origin: str) -> str:
    """Return an origin as a browser sends it: in lower case, without a default port.

    Args:
        origin: Scheme, host and port, such as `https://app.example` or `http://localhost:5173`; `*` = any.

    Raises:
        ContextError: If it is something else, such as an address with a path.
    """
    known = origin.strip().lower().removesuffix("/")
    if known == ANY_ORIGIN:
        return ANY_ORIGIN
    if not _ORIGIN.fullmatch(known):
        msg = f"CORS origin {origin!r}: write scheme, host and port without a path, such as https://app.example, or *"
        raise ContextError(msg)
    scheme, _, host = known.partition("://")
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, ''))}"
