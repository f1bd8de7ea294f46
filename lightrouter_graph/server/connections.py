"""HTTP connections with time limits: what a client sends must be complete, and what it asked for must be read, in time.

uvicorn limits only the pause between two requests (`timeout_keep_alive`), and `limit_concurrency` counts a connection
only once its header is complete. Hypercorn has a time limit for reading a whole request, without an answer 408, and no
end of streams by an event. So uvicorn's h11 protocol gets the timers here; h11 also limits a header to 16 KiB, which
uvicorn's httptools protocol does not.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_GRACE_S = 1.0
"""Seconds after the time limit of a body in which the app may answer 408 before the connection is closed."""


class GuardedConnection(H11Protocol):
    """An HTTP/1.1 connection that is closed if the client is too slow.

    Attributes:
        receive_timeout_s: Seconds in which a header must be complete, from its connection on or, on a kept connection,
            from its first byte on; and again for its body.
        send_timeout_s: Seconds for which the client may leave a full send buffer unread.
        max_connections: Maximum number of open connections; one more is closed at once.
    """

    receive_timeout_s: float = 30.0
    send_timeout_s: float = 30.0
    max_connections: int = 1000

    _receiving: asyncio.TimerHandle | None = None
    _waiting_for: object = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit of the first header.

        Args:
            transport: The accepted connection.
        """
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            transport.abort()
        else:
            self._limit_receiving()

    def data_received(self, data: bytes) -> None:
        """Handle received bytes, and start or end the time limit of the header or body that they belong to.

        Args:
            data: Bytes of any number of requests, or of a part of one.
        """
        super().data_received(data)
        self._limit_receiving()

    def on_response_complete(self) -> None:
        """Go on to the next request; a pipelined one may be incomplete."""
        super().on_response_complete()
        self._limit_receiving()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the time limits.

        Args:
            exc: The error; None if the connection was closed regularly.
        """
        for timer in (self._receiving, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the time limit of a client that does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.send_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """End the time limit of a client that reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _limit_receiving(self) -> None:
        state = self.conn.their_state
        if self.transport.is_closing() or state is self._waiting_for:
            return
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None
        self._waiting_for = state if state in {h11.IDLE, h11.SEND_BODY} else None
        if self._waiting_for is not None:
            grace_s = _GRACE_S if state is h11.SEND_BODY else 0.0
            self._receiving = self.loop.call_later(self.receive_timeout_s + grace_s, self.transport.abort)
