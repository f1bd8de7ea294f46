"""What a response is made of on the wire, and where it breaks off."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Literal, NamedTuple

from lightrouter_graph.testing.openai_shapes import ChunkWriter, Json
from lightrouter_graph.testing.performance import Performance

Halt = Literal["close", "reset", "end"]
"""Why nothing follows: a closed connection, a reset one, or an end in good order."""


class Part(NamedTuple):
    """Some bytes of a body and the tokens produced with them; a part that halts is the end of what is sent.

    It is sent when it is due, in seconds from the first part, and after its pause.
    """

    data: bytes = b""
    tokens: int = 0
    due_s: float = 0.0
    pause_s: float = 0.0
    last: bool = False
    halt: Halt | None = None


class ConnectionCut(Exception):  # noqa: N818  # told to the client by closing its connection, never as an error
    """The connection is to be closed without an end of the response."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


def make_stream(show: Performance, *, include_usage: bool) -> Iterator[Part]:
    """Say it token by token, as server-sent events."""
    writer = ChunkWriter(show.call_id, show.model)
    yield Part(writer.role(opens_with_text=show.opens_with_text))
    for index, delta in enumerate(show.deltas):
        yield Part(b"" if delta is None else writer.delta(delta), 1, show.timing.due_s(index))
    usage = writer.usage(show.usage) if include_usage else b""
    yield Part(writer.finish(show.finish_reason) + usage + writer.done(), last=True)


def make_halves(body: Json) -> Iterator[Part]:
    """Say it whole, in two parts so that something can happen in the middle."""
    data = json.dumps(body).encode()
    middle = len(data) // 2
    yield Part(data[:middle])
    yield Part(data[middle:], last=True)


def insert_after(parts: Iterable[Part], tokens: int, inserted: Part) -> Iterator[Part]:
    """Put a part after so many tokens, or before the last part where there are fewer; 0 is before all parts."""
    waiting, produced = True, 0
    for part in parts:
        if waiting and (produced >= tokens or part.last):
            yield inserted
            waiting = False
        yield part
        produced += part.tokens


def rewrite_events(parts: Iterable[Part], rewrite: Callable[[Json], Json]) -> Iterator[Part]:
    """Change the JSON of every event."""
    for part in parts:
        events = part.data.split(b"\n\n")
        yield part._replace(data=b"\n\n".join(_rewrite(event, rewrite) for event in events))


def end_early(parts: Iterable[Part]) -> list[Part]:
    """Leave out what follows an end in good order, which then comes with the part before it."""
    whole = list(parts)
    kept = list(takewhile(lambda part: part.halt != "end", whole))
    if len(kept) == len(whole):
        return whole
    return [*kept[:-1], kept[-1]._replace(last=True)] if kept else [Part(last=True)]


def _rewrite(event: bytes, rewrite: Callable[[Json], Json]) -> bytes:
    if not event.startswith(b"data: {"):
        return event
    return b"data: " + json.dumps(rewrite(json.loads(event.removeprefix(b"data: ")))).encode()
