"""What the graph keeps while it works: `messages` in and out, everything else private to one query."""

import operator
from collections import OrderedDict
from threading import Lock
from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph import add_messages
from typing_extensions import TypedDict

from lightrouter_graph.context import Context
from lightrouter_graph.records import Agreement, Allowance, Answer, Boot, CallCost, Draft, Ranking, Spent


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
    to the live objects that never enter a checkpoint. `late` is true once `deadline_s` has passed, `broke` once there
    is not enough left of the budget for all who were up next. `up` is who answers next within the budget (None: nothing
    limits it), `allowances` what each of the next tasks may spend (who is not in it: anything), `notes` what is done
    otherwise than asked for, and why. `before` is what earlier runs of the thread spent, the one key that `open`
    carries over; `in_flight` what the calls of the present fan-out take at most; `seconds` is how long the run took,
    once it is over.
    """

    settings: dict[str, Any]
    run: str
    seed: int
    started: float
    late: bool
    broke: bool
    before: Spent
    in_flight: Spent
    allowances: dict[str, Allowance]
    up: list[str] | None
    notes: Annotated[list[str], operator.add]
    seconds: float | None
    order: list[str]
    weights: dict[str, float]
    booting: list[str]
    layer: int
    boots: Annotated[list[Boot], operator.add]
    rankings: Annotated[list[Ranking], operator.add]
    answers: Annotated[list[Answer], operator.add]
    drafts: Annotated[list[Draft], operator.add]
    call_costs: Annotated[list[CallCost], operator.add]
    agreement: Agreement | None


class Task(TypedDict):
    """The payload of one `Send`: what one candidate needs to boot or to answer.

    `boot` is the candidate's own boot, if it wrote one; `shared` the boots of all chosen candidates, best first, under
    `conditioning="shared"` where several were chosen; `draft` the merged text of the layer before.
    `peers` are the answers already found, by candidate,
    for the agreement that may stop this call; `stream_to_user` says that this answer can only be the final one, so that
    its tokens may stream. `allowance` is what all its calls together may take; `observed` how many tokens the candidate
    said that the conversation has.
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
    stream_to_user: bool
    allowance: Allowance
    observed: int | None


class Update(TypedDict, total=False):
    """What a step gives back to the state."""

    messages: list[AnyMessage]
    settings: dict[str, Any]
    order: list[str]
    booting: list[str]
    layer: int
    late: bool
    broke: bool
    in_flight: Spent
    allowances: dict[str, Allowance]
    up: list[str] | None
    notes: list[str]
    seconds: float
    boots: list[Boot]
    rankings: list[Ranking]
    answers: list[Answer]
    drafts: list[Draft]
    call_costs: list[CallCost]
    agreement: Agreement | None


_MOST_READ = 32
_reading = Lock()
_read: OrderedDict[int, tuple[dict[str, Any], Context]] = OrderedDict()
"""Settings that were read before: a run asks for them more than a hundred times, from one and the same dict."""


def settings_of(state: State | Task) -> Context:
    """Read the resolved settings back from a state or a task."""
    given = state["settings"]
    known = _read.get(id(given))
    if known is None or known[0] is not given:
        known = (given, Context.model_construct(**given))
        with _reading:
            _read[id(given)] = known
            while len(_read) > _MOST_READ:
                _read.popitem(last=False)
    return known[1]
