"""Serves an ASGI app on 127.0.0.1 from a thread."""

import asyncio
import socket
import struct
import threading
from functools import partial

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lightrouter_graph.testing.gauge import Gauge

CLOSE = "lightrouter.close"
"""ASGI extension that closes the connection: a function of whether to reset it. ASGI itself has no such message."""

_START_TIMEOUT_S = 10
_GRACE_S = 2
_KEEP_ALIVE_S = 75
"""Longer than clients keep an idle connection (mostly 5 s), so that the server never closes one that is reused."""


class _Connection(H11Protocol):
    """A counted connection that the app can close."""

    open_connections: Gauge

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app, extensions = self.app, {CLOSE: partial(_close, transport)}
        self.app = lambda scope, receive, send: app({**scope, "extensions": extensions}, receive, send)
        self.open_connections.open()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.open_connections.close()


class _Server(uvicorn.Server):
    """A uvicorn server that signals its start and waits for its end without polling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def main_loop(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.leave = asyncio.Event()
        self.up.set()
        await self.leave.wait()


class ServerThread:
    """A uvicorn server in a thread. After `stop`, neither thread nor socket is left.

    Args:
        app: The ASGI app.
        port: The port; 0 for a free one.
        connections: Gauge of the open connections.
    """

    def __init__(self, app: ASGIApp, port: int, connections: Gauge | None = None) -> None:
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=type("_CountedConnection", (_Connection,), {"open_connections": connections or Gauge()}),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name=f"uvicorn-{self.port}", daemon=True)

    def start(self) -> None:
        """Start the thread; return when the server accepts requests.

        Raises:
            RuntimeError: If it does not within 10 seconds.
        """
        self._thread.start()
        if not self._server.up.wait(_START_TIMEOUT_S):
            self._socket.close()
            msg = f"the server did not start on port {self.port} within {_START_TIMEOUT_S} s"
            raise RuntimeError(msg)

    def stop(self) -> None:
        """Close all connections and stop the server; return when its thread has ended."""
        self._server.loop.call_soon_threadsafe(self._leave)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _leave(self) -> None:
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        self._server.leave.set()


def _close(transport: asyncio.Transport, reset: bool) -> None:
    if reset:
        # A socket with a linger time of 0 is closed with a reset.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


def _listen(port: int) -> socket.socket:
    # asyncio disables Nagle's algorithm only if the protocol is given. With it, a response written in two parts
    # waits 40 ms for the client's delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening
