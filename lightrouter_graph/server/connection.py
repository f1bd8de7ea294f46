"""What happens on a connection while a model works: hang-ups, server-sent events and signs of life."""

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
    """Work until done or until the client hangs up; the work has ended when this returns.

    Args:
        receive: Where the hang-up will be told; the body must have been read.
        work: What is cancelled then.

    Raises:
        ClientDisconnect: If the client hung up first.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_hang_up(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        await _end(task, gone)


class EventStream:
    """A response of server-sent events that begins with the first of them: until then an error can have a status."""

    def __init__(self, send: Send, headers: Mapping[str, str], keepalive_s: float) -> None:
        self._send = send
        self._headers = headers
        self._keepalive_s = keepalive_s
        self._written = 0
        self._started = False
        self._turn = asyncio.Lock()

    @property
    def started(self) -> bool:
        """Whether the client has the status already."""
        return self._started

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send events; nothing for no data."""
        if not data:
            return
        async with self._turn:
            self._written += 1
            if not self._started:
                await self._send(self._start())
                self._started = True
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Send a comment whenever nothing else was sent for a while: proxies and clients give up on silence."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            await _end(beating)

    async def _beat(self) -> None:
        while True:
            before = self._written
            await asyncio.sleep(self._keepalive_s)
            if self._written == before:
                await self.write(_KEEP_ALIVE)

    def _start(self) -> Message:
        message: Message = {"type": "http.response.start", "status": 200, "headers": []}
        # Without the last of them nginx holds events back until its buffer is full.
        own = {
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "x-accel-buffering": "no",
        }
        MutableHeaders(scope=message).update({**own, **self._headers})
        return message


def event(data: str | bytes) -> bytes:
    """Write one event."""
    return b"data: " + (data.encode() if isinstance(data, str) else data) + b"\n\n"


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain of it
