"""The story of a run as `custom` stream events: what happened, when it happened.

Every event is a dict with `type` = `"lightrouter"` and `event` naming one of the classes below; `layer` is 1-based,
seconds are wall-clock, `usd` is None when a price is unknown.

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
"""Who else hears the story: the graph in which a chat model was called."""


_paused: ContextVar[bool] = ContextVar("paused", default=False)


@contextmanager
def events_paused() -> Iterator[None]:
    """Keep what goes on inside of a candidate out of this run's story, should it be a router itself."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)


def emit_event(event: Event) -> None:
    """Send one event to whoever streams `custom`, from this graph or from one in which a chat model was called."""
    own, around = get_stream_writer(), parent_stream_writer.get()
    own(event)
    if around is not None and around is not own and event["event"] != "token":
        around(event)


def enclosing_stream_writer() -> StreamWriter | None:
    """Return the writer of the graph we are in; None outside of any, and in a call of another LightRouter's.

    Two stories in one stream could not be told apart.
    """
    if _paused.get():
        return None
    try:
        return get_stream_writer()
    except (RuntimeError, KeyError):
        return None
