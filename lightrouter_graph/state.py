"""What the graph keeps while it works: `messages` in and out, everything else private to one query."""

import operator
from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph import add_messages
from typing_extensions import TypedDict

from lightrouter_graph.context import Context
from lightrouter_graph.records import Agreement, Answer, Boot, Draft, Ranking, Spending


class Input(TypedDict):
    """What a caller gives: the conversation; the last human message is the query."""

    messages: Annotated[list[AnyMessage], add_messages]


class Output(TypedDict):
    """What a caller gets: the conversation with the answer appended."""

    messages: Annotated[list[AnyMessage], add_messages]


class State(Input):
    """The state of one query. `open` resets every key but `messages`.

    `settings` is the resolved `Context` as a dict, so that edges are functions of the state alone and a resumed run
    keeps the settings it began with. `order` holds every candidate in prior order, `weights` the prior's score of
    each (0 to 1), `booting` those of the first wave. `started` is in seconds since the epoch; `run` names this run
    to the live objects that never enter a checkpoint. `late` is true once `deadline_s` has passed.
    """

    settings: dict[str, Any]
    run: str
    seed: int
    started: float
    late: bool
    order: list[str]
    weights: dict[str, float]
    booting: list[str]
    layer: int
    boots: Annotated[list[Boot], operator.add]
    rankings: Annotated[list[Ranking], operator.add]
    answers: Annotated[list[Answer], operator.add]
    drafts: Annotated[list[Draft], operator.add]
    spendings: Annotated[list[Spending], operator.add]
    agreement: Agreement | None


class Task(TypedDict):
    """The payload of one `Send`: what one candidate needs to boot or to answer.

    `boot` is the candidate's own boot, if it wrote one; `shared` the boots of all chosen candidates, best first, under
    `conditioning="shared"` where several were chosen; `draft` the merged text of the layer before.
    `peers` are the answers already found, by candidate,
    for the agreement that may stop this call; `visible` says that this answer can only be the final one, so that its
    tokens may stream.
    """

    messages: list[AnyMessage]
    settings: dict[str, Any]
    run: str
    started: float
    layer: int
    candidate: str
    draft: str | None
    boot: Boot | None
    shared: list[str]
    peers: dict[str, str]
    visible: bool


class Update(TypedDict, total=False):
    """What a step gives back to the state."""

    messages: list[AnyMessage]
    layer: int
    late: bool
    boots: list[Boot]
    rankings: list[Ranking]
    answers: list[Answer]
    drafts: list[Draft]
    spendings: list[Spending]
    agreement: Agreement | None


def settings_of(state: State | Task) -> Context:
    """Read the resolved settings back from a state or a task."""
    return Context.model_construct(**state["settings"])
