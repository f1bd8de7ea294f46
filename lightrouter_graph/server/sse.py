"""A connection while a model runs: client disconnects, server-sent events and keep-alive comments.

Why not `sse-starlette` 3.7, which was tried: it sends status 200 before the first event, so that an early error has no
status; on a disconnect it returns before the model calls have ended, because anyio cancels every await in its scope
again; and it patches uvicorn's `Server.handle_exit` at import, so that one server's exit signal cuts, without an error
event, every stream of all other apps of the process from then on.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Send

T = TypeVar("T")

_KEEP_ALIVE = b": keep-alive\n\n"


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine and cancel it if the client disconnects; it has ended when this function returns.

    Args:
        receive: ASGI receive callable; the request body must have been read.
        work: Coroutine of the model call.

    Raises:
        ClientDisconnect: If the client disconnected first.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        await _end(task, gone)


class EventStream:
    """Server-sent events response that starts with its first event, so that an earlier error has its own status.

    Args:
        send: ASGI send callable.
        headers: Response headers in addition to those of an event stream.
        keepalive_s: Seconds without an event after which a comment is sent, > 0; the comment starts the response too.
    """

    def __init__(self, send: Send, headers: Mapping[str, str], keepalive_s: float) -> None:
        self._send = send
        self._headers = headers
        self._keepalive_s = keepalive_s
        self._written = 0
        self._started = False
        self._writing = asyncio.Lock()

    @property
    def started(self) -> bool:
        """Whether the response status has been sent."""
        return self._started

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send events.

        Args:
            data: One or more encoded events; nothing is sent if empty.
            last: True ends the response.
        """
        if not data:
            return
        async with self._writing:
            self._written += 1
            if not self._started:
                await self._send(self._start())
                self._started = True
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    @asynccontextmanager
    async def keep_alive(self) -> AsyncIterator[None]:
        """Send a comment after each `keepalive_s` without an event: proxies and clients close silent connections."""
        commenting = asyncio.create_task(self._send_comments())
        try:
            yield
        finally:
            await _end(commenting)

    async def _send_comments(self) -> None:
        while True:
            before = self._written
            await asyncio.sleep(self._keepalive_s)
            if self._written == before:
                await self.write(_KEEP_ALIVE)

    def _start(self) -> Message:
        message: Message = {"type": "http.response.start", "status": 200, "headers": []}
        # x-accel-buffering: otherwise nginx buffers events.
        own = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "x-accel-buffering": "no",
        }
        MutableHeaders(scope=message).update({**own, **self._headers})
        return message


def event(data: str | bytes) -> bytes:
    """Encode data as one server-sent event.

    Args:
        data: Text without line breaks, such as JSON.
    """
    return b"data: " + (data.encode() if isinstance(data, str) else data) + b"\n\n"


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # retrieved: asyncio logs unretrieved exceptions
