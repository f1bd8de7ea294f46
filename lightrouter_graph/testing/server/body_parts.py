"""Response body as a sequence of parts: what is sent when, and where a fault interrupts it."""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from starlette.datastructures import Headers
from starlette.types import Send

from lightrouter_graph.errors import checked_choices
from lightrouter_graph.testing.server.billing import Meter
from lightrouter_graph.testing.server.completion_request import Json
from lightrouter_graph.testing.server.errors import ConnectionCut
from lightrouter_graph.testing.server.timed_response import TimedResponse

Halt = Literal["close", "reset", "end"]
"""How a fault ends a body: close the connection, reset it, or complete the response."""


@checked_choices()
class Part(NamedTuple):
    """Some bytes of a body. Nothing is sent after a part that is last or halts.

    Attributes:
        data: The bytes; may be empty.
        tokens: Output tokens that the part contains.
        due_s: Earliest time to send it, in seconds from the first part.
        pause_s: Seconds to wait after that.
        last: Whether the part completes the body.
        halt: How a fault ends the body here.
    """

    data: bytes = b""
    tokens: int = 0
    due_s: float = 0.0
    pause_s: float = 0.0
    last: bool = False
    halt: Halt | None = None


def stream_parts(response: TimedResponse, rewrite: Callable[[Json], Json], *, include_usage: bool) -> Iterator[Part]:
    """Yield the server-sent events of a stream, one part per token.

    Args:
        response: The response.
        rewrite: Applied to the JSON of every event.
        include_usage: Whether a chunk of token counts is sent before `[DONE]`.
    """

    def event(chunk: Json) -> bytes:
        return f"data: {json.dumps(rewrite(chunk))}\n\n".encode()

    yield Part(event(response.first_chunk()))
    for index, delta in enumerate(response.deltas):
        data = b"" if delta is None else event(response.chunk(delta))
        yield Part(data, tokens=1, due_s=response.timing.due_s(index))
    ending = map(event, response.last_chunks(include_usage=include_usage))
    yield Part(b"".join(ending) + b"data: [DONE]\n\n", last=True)


def plain_parts(response: TimedResponse, rewrite: Callable[[Json], Json]) -> Iterator[Part]:
    """Yield the two halves of a plain body, so that a fault can interrupt it in the middle.

    Args:
        response: The response.
        rewrite: Applied to the JSON.
    """
    data = json.dumps(rewrite(response.completion())).encode()
    middle = len(data) // 2
    yield Part(data[:middle])
    yield Part(data[middle:], last=True)


def insert_after(parts: Iterable[Part], tokens: int, inserted: Part) -> Iterator[Part]:
    """Insert a part after a number of tokens.

    Args:
        parts: The body.
        tokens: Output tokens before the inserted part; 0 puts it before all parts. A shorter body gets it before its
            last part.
        inserted: The part to insert.
    """
    waiting, sent = True, 0
    for part in parts:
        if waiting and (sent >= tokens or part.last):
            yield inserted
            waiting = False
        yield part
        sent += part.tokens


async def send_parts(send: Send, headers: Mapping[str, str], parts: Iterable[Part], meter: Meter) -> None:
    """Send a response with status 200, each part when it is due.

    The call is billed before its last part is sent, so that a client never sees a completed response without a bill.

    Args:
        send: ASGI channel to the client.
        headers: Response headers.
        parts: The body.
        meter: Counts the tokens that were sent, unless it has counted them already.

    Raises:
        ConnectionCut: If a fault closes the connection.
    """
    await send({"type": "http.response.start", "status": 200, "headers": Headers(headers).raw})
    began = asyncio.get_running_loop().time()
    for part in parts:
        await _sleep_until(began + part.due_s)
        if part.pause_s:
            await asyncio.sleep(part.pause_s)
        if part.halt in ("close", "reset"):
            raise ConnectionCut(reset=part.halt == "reset")
        ends = part.last or part.halt == "end"
        if ends:
            meter.bill()
        if part.data or ends:
            await send({"type": "http.response.body", "body": part.data, "more_body": not ends})
        meter.output_tokens += part.tokens
        if ends:
            return


async def produce(response: TimedResponse, meter: Meter) -> None:
    """Wait until all tokens of a plain response are due, and count them.

    Args:
        response: The response.
        meter: Receives the number of tokens; after a cancellation, of those that were due by then.
    """
    loop, total = asyncio.get_running_loop(), len(response.deltas)
    began = loop.time()
    try:
        await asyncio.sleep(response.duration_s)
    except asyncio.CancelledError:
        meter.output_tokens = response.timing.produced(loop.time() - began, total)
        raise
    meter.output_tokens = total


async def _sleep_until(when: float) -> None:
    # A sleep of 0 lets the event loop see a disconnected client.
    await asyncio.sleep(max(0.0, when - asyncio.get_running_loop().time()))
