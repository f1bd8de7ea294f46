"""A raw HTTP/1.1 server on loopback that sends exact bytes and counts the tokens that its replies report."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

Tokens = tuple[int, int]
"""Input and output tokens."""

_MAX_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived.

    `model` is the key in `WireServer.models` that responds: the first part of the path, or the model's name.
    `number` counts the requests of that key from 1.
    """

    model: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    number: int

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body.get("messages") or []


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes of one response.

    Attributes:
        body: A whole body, sent with its length, or pieces, sent as chunks; pieces may be endless.
        status: HTTP status.
        headers: Response headers beside those of the body.
        tokens: What the response reports as usage; None if nothing.
        delay_s: Wait before the head.
        end: `kept` completes the response, `cut` closes the connection after the last byte without completing it, and
            `hang` sends nothing more until the client closes.
        raw: Exact bytes in place of head and body.
    """

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    tokens: Tokens | None = None
    delay_s: float = 0.0
    end: Literal["kept", "cut", "hang"] = "kept"
    raw: bytes | None = None


Respond = Callable[[Request], Reply]


class WireServer:
    """Serves one scenario at a time; `models` maps each model name to its response.

    Attributes:
        requests: Every request since the last `play`.
        told: The tokens that complete replies reported since then.
        sent: Bytes of bodies that were written since then.
    """

    def __init__(self) -> None:
        self.models: Mapping[str, Respond] = {}
        self.requests: list[Request] = []
        self.told: Tokens = (0, 0)
        self.sent = 0
        self.open = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> "WireServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_HEAD)
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def play(self, models: Mapping[str, Respond]) -> None:
        """Answer with these models from here on, and count anew."""
        self.models, self.requests, self.told, self.sent = models, [], (0, 0), 0

    async def until_idle(self, within_s: float) -> bool:
        """Return True once no response is unfinished; False if one still is after that time."""
        return await eventually(lambda: not self.open, within_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return True if the connection may serve another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:] if line)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        self.open += 1
        try:
            return await self._answer(head[0].split(" ")[1], headers, content, reader, writer)
        finally:
            self.open -= 1

    async def _answer(
        self,
        path: str,
        headers: Mapping[str, str],
        content: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        body = json.loads(content or b"{}")
        first = path.strip("/").split("/")[0]
        name = first if first in self.models else body.get("model", "")
        number = 1 + sum(request.model == name for request in self.requests)
        request = Request(name, path, headers, body, number)
        self.requests.append(request)
        respond = self.models.get(name)
        reply = Reply(b'{"error": {"message": "no such model"}}', 404) if respond is None else respond(request)
        if reply.delay_s:
            await _unless_closed(asyncio.sleep(reply.delay_s), reader)
        await self._write(reply, writer)
        if reply.tokens is not None and reply.end == "kept":
            self.told = (self.told[0] + reply.tokens[0], self.told[1] + reply.tokens[1])
        if reply.end == "hang":
            await reader.read(1)
        return reply.end == "kept" and reply.raw is None

    async def _write(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        if reply.raw is not None:
            writer.write(reply.raw)
            self.sent += len(reply.raw)
            await writer.drain()
            return
        whole = reply.body if isinstance(reply.body, bytes) else None
        length = {"transfer-encoding": "chunked"} if whole is None else {"content-length": str(len(whole))}
        lines = [f"HTTP/1.1 {reply.status} Odd", *(f"{k}: {v}" for k, v in {**length, **reply.headers}.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        for piece in (whole,) if whole is not None else reply.body:
            writer.write(piece if whole is not None else b"%x\r\n%s\r\n" % (len(piece), piece))
            self.sent += len(piece)
            await writer.drain()
        if whole is None and reply.end == "kept":
            writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _unless_closed(waiting: Awaitable[None], reader: asyncio.StreamReader) -> None:
    """Wait, but not on behalf of a client that has closed its connection."""
    tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(reader.read(1))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if tasks[1] in done and not tasks[1].cancelled():
        raise ConnectionResetError


async def eventually(condition: Callable[[], Any], within_s: float) -> bool:
    """Return True once a condition holds; False if it does not within that time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not condition():
        if loop.time() > end:
            return False
        await asyncio.sleep(0.001)  # the condition belongs to the other end of a connection: there is no event for it
    return True
