"""One HTTP request and its response, as ASGI has them."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


CLOSE = "lightrouter.close"
"""The ASGI extension that closes the connection: a function of whether to reset it."""


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
        self._extensions: Mapping[str, Any] = scope.get("extensions", {})
        self._started = self._sized = False

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

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers; with a content-length, that much has to be written."""
        self._started, self._sized = True, "content-length" in headers
        encoded = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    async def close(self, *, reset: bool = False) -> None:
        """Close the connection, whatever was sent, and return when it is closed."""
        self._extensions[CLOSE](reset)
        await self.gone()

    async def answer(
        self, status: int, body: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole response, JSON or a text; after the start of another one just end that."""
        if self._sized:
            await self.close()
        elif self._started:
            await self.write(b"", last=True)
        else:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            sized = {"content-type": "application/json", **(headers or {}), "content-length": str(len(data))}
            await self.start(status, sized)
            await self.write(data, last=True)
