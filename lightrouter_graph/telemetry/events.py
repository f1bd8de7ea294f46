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
    """The run begins: the candidates in prior order and those of them that boot first.

    `notes` say what is done otherwise than asked for to stay within the budget.
    """

    type: Literal["lightrouter"]
    event: Literal["opened"]
    run: str
    order: list[str]
    booting: list[str]
    layers: int
    notes: list[str]


class BootDone(TypedDict):
    """One candidate's boot arrived, or failed; `note` says what stopped it half-way, or why it is no evidence."""

    type: Literal["lightrouter"]
    event: Literal["boot"]
    layer: int
    candidate: str
    text: str
    finished: bool
    answer: str | None
    note: str
    output_tokens: int
    usd: float | None
    seconds: float
    failure: Failure | None


class Ranked(TypedDict):
    """The selector has spoken. `going_on` answer in full next; `dropped` says why each other one does not."""

    type: Literal["lightrouter"]
    event: Literal["ranked"]
    layer: int
    selector: str
    order: list[str]
    scores: dict[str, float]
    reasons: dict[str, str]
    going_on: list[str]
    dropped: dict[str, str]
    notes: list[str]


class AnswerDone(TypedDict):
    """One candidate's full answer arrived, or failed."""

    type: Literal["lightrouter"]
    event: Literal["answer"]
    layer: int
    candidate: str
    text: str
    answer: str | None
    via: Via
    output_tokens: int
    usd: float | None
    seconds: float
    failure: Failure | None


class Tallied(TypedDict):
    """The answers at hand were counted. `next_up` answer next; empty means enough, and `why` says why."""

    type: Literal["lightrouter"]
    event: Literal["tallied"]
    layer: int
    agreement: Agreement
    next_up: list[str]
    why: str
    notes: list[str]


class Drafted(TypedDict):
    """An inner layer ended with a draft; `booting` boot in the next, nobody where there is not enough left for one."""

    type: Literal["lightrouter"]
    event: Literal["drafted"]
    layer: int
    text: str
    candidates: list[str]
    booting: list[str]
    notes: list[str]


class Billed(TypedDict):
    """The run is over; this is what it cost."""

    type: Literal["lightrouter"]
    event: Literal["billed"]
    bill: Bill


class Token(TypedDict):
    """A piece of the final answer, as it is written; told only behind a chat model, where no `messages` stream is."""

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
    """Write one event to the `custom` stream of this graph, and of the graph in which the chat model was called.

    Args:
        event: The event; `token` events are written to this graph only.
    """
    own, parent = get_stream_writer(), parent_stream_writer.get()
    own(event)
    if parent is not None and parent is not own and event["event"] != "token":
        parent(event)


def enclosing_stream_writer() -> StreamWriter | None:
    """Return the stream writer of the current graph; None outside of a graph and inside of `events_paused`.

    The events of a nested router are dropped, because one stream could not distinguish them from those of the run.
    """
    if _paused.get():
        return None
    try:
        return get_stream_writer()
    except (RuntimeError, KeyError):
        return None
