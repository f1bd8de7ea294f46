"""The state of the graph: `messages` in and out, everything else private to one query."""

import operator
from typing import Annotated, Any, cast

from langchain_core.messages import AnyMessage
from langgraph.graph import add_messages
from typing_extensions import TypedDict

from lightrouter_graph.records import (
    NO_USAGE,
    Agreement,
    Allowance,
    Answer,
    Boot,
    CallCost,
    Draft,
    Opinion,
    Ranking,
    Spent,
)


class Input(TypedDict):
    """Input of the graph: the conversation. The last human message is the question."""

    messages: Annotated[list[AnyMessage], add_messages]


class Output(TypedDict):
    """Output of the graph: the conversation with the answer appended."""

    messages: Annotated[list[AnyMessage], add_messages]


APPENDED = ("notes", "boots", "rankings", "answers", "drafts", "call_costs")
"""Keys of `State` whose values a node appends to."""


class State(Input):
    """State of one query. `open` resets every key but `messages` and `thread_spent`."""

    settings: dict[str, Any]
    """Resolved `Context` as JSON values; edges need nothing else, and a resumed run keeps its settings."""
    run: str
    """UUID of the run."""
    seed: int
    """Seed of every random order in the run, >= 0."""
    started_at: float
    """Start of the run, in seconds since the epoch."""
    deadline_exceeded: bool
    """True if `deadline_s` has passed."""
    budget_exhausted: bool
    """The remaining budget cannot pay for every candidate selected next."""
    thread_spent: Spent
    """Cost of earlier runs on this thread."""
    reserved: Spent
    """Worst-case cost of the calls of the current fan-out."""
    allowances: dict[str, Allowance]
    """Limits of the next calls by candidate; a candidate that is absent has no limit."""
    next_candidates: list[str]
    """Candidates that are queried next: for a boot after `open` and a draft, for a full answer otherwise."""
    notes: Annotated[list[str], operator.add]
    """What the budget changed in the run, as sentences."""
    seconds: float | None
    """Duration of the run; None until it has ended."""
    prior_order: list[str]
    """Every candidate that may take part, highest prior score first."""
    prior_scores: dict[str, float]
    """Prior score of each candidate, 0 to 1."""
    opinions: dict[str, Opinion]
    """Opinion of each candidate that is not the only one of its model; see `Pool.opinions`."""
    first_wave: list[str]
    """Candidates that boot in the current layer, in prior order."""
    layer: int
    """Current layer, 1-based."""
    boots: Annotated[list[Boot], operator.add]
    """Boots of all layers."""
    rankings: Annotated[list[Ranking], operator.add]
    """One ranking per layer that has booted."""
    answers: Annotated[list[Answer], operator.add]
    """Full answers of all layers, failed ones included; a finished boot is not repeated here."""
    drafts: Annotated[list[Draft], operator.add]
    """One draft per inner layer."""
    call_costs: Annotated[list[CallCost], operator.add]
    """Cost of every model call."""
    agreement: Agreement | None
    """Agreement of the answers in the last layer; None until `tally` has run."""


def answer_from(boot: Boot) -> Answer:
    """Turn a finished boot into its candidate's answer, at no further cost.

    Args:
        boot: A boot with `finished` True.
    """
    answer = free_answer(boot["layer"], boot["candidate"], boot["text"])
    copied = {name: boot[name] for name in ("finish_reason", "key", "tool_call_message", "metadata")}
    return cast("Answer", {**answer, **copied})


def free_answer(layer: int, candidate: str, text: str) -> Answer:
    """Return an answer without a call of its own.

    Args:
        layer: The layer, 1-based.
        candidate: Name of the candidate.
        text: Its complete text, e.g. a finished boot.
    """
    return {
        "layer": layer,
        "candidate": candidate,
        "text": text,
        "finish_reason": None,
        "key": None,
        "tool_call_message": None,
        "via": "boot",
        "usage": {**NO_USAGE},
        "usd": 0.0,
        "seconds": 0.0,
        "failure": None,
        "message_id": None,
        "metadata": {},
    }
