"""Runs the app: a socket to listen on, and uvicorn until it is told to stop."""

import socket

import uvicorn
from starlette.applications import Starlette

_BACKLOG = 1024
_GRACE_S = 3


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Args:
        host: A name or an address, IPv4 or IPv6.
        port: 0 for any that is free.

    Raises:
        OSError: If the address is not ours or the port is taken.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it, tokens wait for the client's
    # delayed acknowledgements.
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
    """Serve until SIGINT or SIGTERM; answers in flight get a few seconds to end.

    Raises:
        KeyboardInterrupt: After SIGINT, when all is closed.
    """
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S
    )
    uvicorn.Server(config).run(sockets=[listening])
