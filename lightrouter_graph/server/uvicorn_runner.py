"""Opens the listening socket and runs the app with uvicorn."""

import socket

import uvicorn
from starlette.applications import Starlette

_BACKLOG = 1024
_GRACE_S = 3


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Args:
        host: Host name or address, IPv4 or IPv6.
        port: TCP port, 0 to 65535; 0 = any free port.

    Returns:
        A bound, listening socket.

    Raises:
        OSError: If the address is not local, or the port is in use.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio disables Nagle's algorithm only if the protocol is explicit. With Nagle, tokens wait for delayed ACKs.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def run(app: Starlette, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight have 3 s to complete.

    Args:
        app: The ASGI app.
        listening: Socket as returned by `listen`.

    Raises:
        KeyboardInterrupt: After SIGINT, once all connections are closed.
    """
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S
    )
    uvicorn.Server(config).run(sockets=[listening])
