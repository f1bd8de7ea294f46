"""One HTTP request and its response, as ASGI has them."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


class Exchange:
    """Reads the request and writes the response."""

    def __init__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self.line = f"{scope['method']} {scope['path']}"
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self._send = send
        self._started = False

    def header(self, name: bytes) -> str | None:
        """A request header; `name` in lower case."""
        return next((value.decode("latin-1") for key, value in self._headers if key == name), None)

    async def body(self) -> bytes:
        """The whole request body."""
        parts: list[bytes] = []
        more = True
        while more:
            message = await self._receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        return b"".join(parts)

    async def gone(self) -> None:
        """Return when the client has gone away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, status: int, content_type: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send the status and the headers."""
        self._started = True
        extra = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in (headers or {}).items()]
        headers_sent = [(b"content-type", content_type), *extra]
        await self._send({"type": "http.response.start", "status": status, "headers": headers_sent})

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def answer(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """Send a whole JSON response; after the start of another one just end that."""
        if self._started:
            await self.write(b"", last=True)
            return
        data = json.dumps(body).encode()
        await self.start(status, b"application/json", {**(headers or {}), "content-length": str(len(data))})
        await self.write(data, last=True)
