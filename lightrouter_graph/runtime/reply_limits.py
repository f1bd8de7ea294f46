"""Limits of HTTP responses: bytes after decompression, and bytes of one event of a stream.

A `response` hook of the HTTP client replaces the stream of each response before it is read.
"""

import re
import sys
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

MAX_BODY = 16 * 2**20
"""Bytes of a response after decompression: more than 100,000 tokens with their log-probabilities."""

MAX_ERROR_BODY = 2**18
"""Bytes of an error response that are read; the rest is dropped, since its status is known."""

MAX_EVENT, MAX_EVENT_LINES = 4 * 2**20, 500
"""Bytes and lines of one server-sent event. Older OpenAI clients copy the whole event for each of its lines."""

ACCEPTED = "gzip"
"""The encoding to request: `zlib` decompresses it in bounded steps."""

_STEP = 2**16
_EVENT_END = re.compile(rb"\n\n|\r\r|\r\n\r\n")


class ReplyLimitError(ValueError):
    """A response that is not read to its end: too long, damaged, or in an encoding that was not requested."""


async def limit_response(response: Any) -> None:
    """Limit the response; a `response` hook of `httpx.AsyncClient` and of its successors.

    Args:
        response: The response, with its body unread. Its stream is replaced.

    Raises:
        ReplyLimitError: If the encoding is not one that was requested.
    """
    encoding = response.headers.pop("content-encoding", "").strip().lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise ReplyLimitError(f"the reply has the encoding {encoding[:60]!r}, which was not requested")
    library = sys.modules[type(response).__module__.partition(".")[0]]  # httpx, or its successor in newer clients
    stream = type("LimitedStream", (_LimitedStream, library.AsyncByteStream), {})
    response.stream = stream(response.stream, compressed="gzip" in encoding, failed=response.is_error)


class _LimitedStream:
    """The decompressed body of one response, in whole events; a body that begins as JSON or HTML in one piece."""

    def __init__(self, stream: Any, *, compressed: bool, failed: bool) -> None:
        self._stream, self._failed = stream, failed
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16) if compressed else None
        self._limit = MAX_ERROR_BODY if failed else MAX_BODY

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        pending = bytearray()
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                begin = max(0, len(pending) - 3)
                pending += piece
                if not _is_event_stream(pending):
                    continue
                if end := _end_of_events(pending, begin):
                    yield _checked(bytes(pending[:end]))
                    del pending[:end]
                if len(pending) > MAX_EVENT:
                    raise ReplyLimitError(f"an event of the reply exceeds {MAX_EVENT / 2**20:.3g} MB")
        if pending:
            yield _checked(bytes(pending))

    async def aclose(self) -> None:
        """Close the response; its connection is not used again if a part of the body is unread."""
        await self._stream.aclose()

    async def _pieces(self) -> AsyncGenerator[bytes]:
        """Yield the decompressed body up to the limit."""
        read = 0
        async for raw in self._stream:
            for piece in self._decompressed(raw):
                read += len(piece)
                if read > self._limit and self._failed:
                    return
                if read > self._limit:
                    raise ReplyLimitError(f"the reply exceeds {self._limit / 2**20:.3g} MB")
                yield piece
        if self._decoder is not None:
            yield self._decoder.flush()

    def _decompressed(self, raw: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            yield raw
            return
        try:
            while raw and not self._decoder.eof:
                yield self._decoder.decompress(raw, _STEP)
                raw = self._decoder.unconsumed_tail
        except zlib.error:
            raise ReplyLimitError("the reply cannot be decompressed") from None


def _is_event_stream(body: bytes | bytearray) -> bool:
    """Return False for a body that begins as JSON or HTML."""
    return bytes(body[:64]).lstrip()[:1] not in {b"", b"{", b"[", b"<"}


def _end_of_events(body: bytearray, begin: int) -> int:
    """Return the index after the last event that is complete; 0 if there is none.

    Args:
        body: The events.
        begin: Index from which on an end was not searched yet.
    """
    return max((found.end() for found in _EVENT_END.finditer(body, begin)), default=0)


def _checked(events: bytes) -> bytes:
    """Return events unchanged, unless one has too many lines."""
    if (
        _is_event_stream(events)
        and max(len(event.splitlines()) for event in _EVENT_END.split(events)) > MAX_EVENT_LINES
    ):
        raise ReplyLimitError(f"an event of the reply has more than {MAX_EVENT_LINES} lines")
    return events
