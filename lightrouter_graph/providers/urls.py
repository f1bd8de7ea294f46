"""Validates the URLs of endpoints and compares where they lead."""

import ipaddress
from urllib.parse import urlsplit

from lightrouter_graph.errors import PoolError
from lightrouter_graph.redaction import redact


def checked_url(url: str) -> str:
    """Return the URL of an endpoint unchanged, after validation.

    Args:
        url: `http://host:port/path` or `https://...`.

    Raises:
        PoolError: If it is not http(s), has no host, or contains a user name, a password or a query.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, TypeError, AttributeError):
        usable = False
    if not usable:
        raise PoolError(f"address {redact(str(url))!r} is not of the form http://host:port/path")
    if parts.username or parts.password or parts.query:
        raise PoolError(f"the address of {parts.hostname!r} holds a user name, a password or a query; leave them out")
    return url


def is_loopback(url: str) -> bool:
    """Return True if a URL points to this machine: a loopback address or `localhost`."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL as a string in lower case."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def host_of(url: str | None) -> str | None:
    """Return the host of a URL in lower case; None without one."""
    return urlsplit(url).hostname if url else None
