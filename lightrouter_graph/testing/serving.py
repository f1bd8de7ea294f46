"""An ASGI app on 127.0.0.1, in a thread of its own. Imports uvicorn: import this module only when serving."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Protocol

try:
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError as exc:  # pragma: no cover
    raise ImportError("serving needs uvicorn: pip install 'lightrouter-graph[testing]'") from exc

from lightrouter_graph.testing.exchange import CLOSE
from lightrouter_graph.testing.gauge import Gauge

Message = MutableMapping[str, Any]

_START_TIMEOUT_S = 10
_GRACE_S = 2
_KEEP_ALIVE_S = 75
"""Longer than clients keep an idle connection, 5 s mostly: else the server hangs up just as one is used again."""


class App(Protocol):
    """An ASGI app that can give up what it is doing."""

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Serve one request."""

    def abandon(self) -> None:
        """End all requests in flight."""


class _Connection(H11Protocol):
    """A connection that is counted, and that the app can close."""

    open_now: Gauge

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app, extensions = self.app, {CLOSE: partial(_close, transport)}
        self.app = lambda scope, receive, send: app({**scope, "extensions": extensions}, receive, send)
        self.open_now.open()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.open_now.close()


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is up and waits for its end without polling."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def main_loop(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.leave = asyncio.Event()
        self.up.set()
        await self.leave.wait()


class ServerThread:
    """Serves an app until stopped, leaving neither thread nor socket behind."""

    def __init__(self, app: App, port: int, connections: Gauge | None = None) -> None:
        self._app = app
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=type("_Counted", (_Connection,), {"open_now": connections or Gauge()}),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._run, name=f"recorded-models-{self.port}", daemon=True)

    def start(self) -> None:
        """Return once requests are served."""
        self._thread.start()
        if not self._server.up.wait(_START_TIMEOUT_S):
            self._socket.close()
            raise RuntimeError("the recorded-model server did not start")

    def stop(self) -> None:
        """Return once the thread has ended."""
        self._server.loop.call_soon_threadsafe(self._leave)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def _leave(self) -> None:
        self._app.abandon()
        self._server.leave.set()


def _close(transport: asyncio.Transport, reset: bool) -> None:
    if reset:
        # Without a moment to linger the socket is closed with a reset.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it, every answer that is
    # written in two parts waits 40 ms for the client's delayed acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening
