"""Opens the listening socket and runs the app with uvicorn."""

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from lightrouter_graph.server.connections import GuardedConnection

REQUEST_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 1000

_BACKLOG = 1024
_GRACE_S = 3
_LAST_EVENTS_S = 2.0
_POLL_S = 0.02


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


def run(
    app: Starlette,
    listening: socket.socket,
    *,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    max_connections: int = MAX_CONNECTIONS,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Requests in flight have 3 s to complete; then each response, also a started stream, ends with an error.

    Args:
        app: The ASGI app.
        listening: Socket as returned by `listen`.
        request_timeout_s: Seconds after which a connection with an incomplete header or body, or an unread response,
            is closed, > 0.
        max_connections: Maximum number of open connections, >= 1; further ones are closed at once.

    Raises:
        KeyboardInterrupt: After SIGINT, once all connections are closed.
        SystemExit: After SIGTERM, with code 0.
    """
    limits = {
        "receive_timeout_s": request_timeout_s,
        "send_timeout_s": request_timeout_s,
        "max_connections": max_connections,
    }
    config = uvicorn.Config(
        app,
        http=type("Connection", (GuardedConnection,), limits),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    with _exit_code_0_after_sigterm():
        _Server(config).run(sockets=[listening])


class _Server(uvicorn.Server):
    """A uvicorn server that lets cancelled requests send their last event."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        loop, tasks = asyncio.get_running_loop(), set(self.server_state.tasks)
        until = loop.time() + _LAST_EVENTS_S
        for task in tasks:
            if not task.cancelling():  # a second Ctrl-C ends the grace period without a cancellation
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_EVENTS_S)
        while self.server_state.connections and loop.time() < until:  # noqa: ASYNC110 - nothing tells that the buffers are sent
            await asyncio.sleep(_POLL_S)


@contextmanager
def _exit_code_0_after_sigterm() -> Iterator[None]:
    """Exit with code 0 on SIGTERM; uvicorn raises the signal again after its shutdown, which would kill the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
