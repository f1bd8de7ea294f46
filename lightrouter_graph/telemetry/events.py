"""Events of a run in the `custom` stream mode of the graph.

Every event is a dict with `type` = `"lightrouter"` and `event`, the name of one of the classes below. `layer` is
1-based, `seconds` are wall-clock time, `usd` is None if a price is unknown.

Example:
    ```python
    async for event in graph.astream(query, stream_mode="custom"):
        if event["type"] == "lightrouter" and event["event"] == "ranked":
            print(event["order"], event["dropped"])
    ```
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from langgraph.config import get_stream_writer
from langgraph.types import StreamWriter
from typing_extensions import TypedDict

from lightrouter_graph.records import Agreement, Failure, Via
from lightrouter_graph.telemetry.bill import Bill


class Opened(TypedDict):
    """A run has begun. `notes` describe what the budget changed."""

    type: Literal["lightrouter"]
    event: Literal["opened"]
    run: str
    prior_order: list[str]
    first_wave: list[str]
    layers: int
    notes: list[str]


class BootDone(TypedDict):
    """A boot has completed or failed; `note` is why it was stopped, or why it is no evidence."""

    type: Literal["lightrouter"]
    event: Literal["boot"]
    layer: int
    candidate: str
    text: str
    finished: bool
    key: str | None
    note: str
    output_tokens: int
    usd: float | None
    seconds: float
    failure: Failure | None


class Ranked(TypedDict):
    """The boots are ranked. `next_candidates` go on; `dropped` has a reason for each other candidate."""

    type: Literal["lightrouter"]
    event: Literal["ranked"]
    layer: int
    selector: str | None
    order: list[str]
    scores: dict[str, float]
    reasons: dict[str, str]
    next_candidates: list[str]
    dropped: dict[str, str]
    notes: list[str]


class AnswerDone(TypedDict):
    """A full answer has completed or failed."""

    type: Literal["lightrouter"]
    event: Literal["answer"]
    layer: int
    candidate: str
    text: str
    key: str | None
    via: Via
    output_tokens: int
    usd: float | None
    seconds: float
    failure: Failure | None


class Tallied(TypedDict):
    """The answers are counted. `next_candidates` answer next; if it is empty, `reason` is why the run stops."""

    type: Literal["lightrouter"]
    event: Literal["tallied"]
    layer: int
    agreement: Agreement
    next_candidates: list[str]
    reason: str
    notes: list[str]


class Drafted(TypedDict):
    """An inner layer has ended with a draft; `first_wave` boots next, and is empty if the budget ends the run."""

    type: Literal["lightrouter"]
    event: Literal["drafted"]
    layer: int
    text: str
    candidates: list[str]
    first_wave: list[str]
    notes: list[str]


class Billed(TypedDict):
    """The run has ended; `bill` is its cost."""

    type: Literal["lightrouter"]
    event: Literal["billed"]
    bill: Bill


class Token(TypedDict):
    """Tokens of the final answer; emitted only behind a chat model, which has no `messages` stream."""

    type: Literal["lightrouter"]
    event: Literal["token"]
    candidate: str
    message_id: str | None
    text: str


Event = Token | Opened | BootDone | Ranked | AnswerDone | Tallied | Drafted | Billed


parent_stream_writer: ContextVar[StreamWriter | None] = ContextVar("parent_stream_writer", default=None)
"""Stream writer of the graph in which a chat model was called; it receives the events as well."""

_paused: ContextVar[bool] = ContextVar("paused", default=False)


@contextmanager
def events_paused() -> Iterator[None]:
    """Keep the events of a candidate that is a router itself out of the stream of this run."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)


def emit_event(event: Event) -> None:
    """Write one `event` to the `custom` stream of this graph, and of the graph in which the chat model was called.

    Events of type `Token` are written to this graph only. Outside of a graph an event is dropped.

    Args:
        event: An event of one of the types of `Event`.
    """
    own, parent = _stream_writer(), parent_stream_writer.get()
    if own is not None:
        own(event)
    if parent is not None and parent is not own and event["event"] != "token":
        parent(event)


def enclosing_stream_writer() -> StreamWriter | None:
    """Return the stream writer of the current graph; None outside of a graph and inside of `events_paused`.

    The events of a nested router are dropped, because one stream could not distinguish them from those of the run.
    """
    return None if _paused.get() else _stream_writer()


def _stream_writer() -> StreamWriter | None:
    try:
        return get_stream_writer()
    except (RuntimeError, KeyError):
        return None
