"""The plain records that travel through the state, one per thing that happened.

They are `TypedDict`s of JSON values: Studio shows them, strict checkpoints keep them, and no `BaseMessage` in
them can leak its tokens into a parent's stream.
"""

from typing import Any, Literal

from langchain_core.messages import ToolCall
from typing_extensions import TypedDict

Stage = Literal["boot", "select", "generate", "aggregate"]
"""The step of the method a model call was made for."""

Cause = Literal[
    "timeout",
    "cancelled",
    "straggler",
    "budget",
    "rate_limited",
    "auth",
    "context_length",
    "content_filter",
    "empty",
    "disconnected",
    "unavailable",
    "bad_response",
    "invalid",
]
"""Why a call brought nothing usable. `cancelled` means that we stopped it because it was no longer needed; `straggler`,
that the others had arrived and it had not; `budget`, that it would have cost more than was left; `invalid`, that the
reply does not fit the tools or the schema it was asked for.
"""

Via = Literal["boot", "continuation", "regeneration", "direct"]
"""How a full answer came to be: the boot had finished, it was continued, it was written anew, or there was none."""

CallOutcome = Literal["completed", "lost", "truncated", "not_sent", "cached"]
"""What became of a call: it returned (or was refused), its reply was lost after it was sent, its stream ended before
the reply did, it was never sent, or its reply was found in a cache and cost nothing.
"""


class Usage(TypedDict):
    """Tokens of one call, or of several added up.

    `cached_tokens` is part of `input_tokens`, `reasoning_tokens` part of `output_tokens`. `estimated` is true when
    any part was counted by us because the provider did not say.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    estimated: bool


class Failure(TypedDict):
    """Why a call failed; `message` is free of secrets."""

    cause: Cause
    message: str


class CallCost(TypedDict):
    """One model call on the bill. `usd` is None when the price is unknown, never zero for want of knowledge.

    Of a lost call only the prompt is counted here, by us; the bill estimates its output from calls that returned. Of
    one that was cut, what was heard of it. `cap` is the most it could write, None for no limit; `output_price` is in
    USD per 1M tokens, None when unknown. Where nobody said what the call took, `max_tokens_used` and `max_usd` are what
    it took at most; else None.
    """

    layer: int
    candidate: str
    stage: Stage
    outcome: CallOutcome
    cap: int | None
    output_price: float | None
    usage: Usage
    usd: float | None
    max_tokens_used: int | None
    max_usd: float | None
    seconds: float


Spending = CallCost
"""Old name of `CallCost`."""


class ToolCallMessage(TypedDict):
    """A reply that calls tools, as the provider sent it: the fields of its `AIMessage` that the next turn needs."""

    content: str | list[str | dict[str, Any]]
    tool_calls: list[ToolCall]
    additional_kwargs: dict[str, Any]
    response_metadata: dict[str, Any]


class Boot(TypedDict):
    """The boot tokens of one candidate in one layer, or why there are none.

    `finished` says that the candidate ended by itself within the cap: then `text` (or the `tool_call_message`) is its
    whole answer. `answer` is what it is compared by: the short answer an `AnswerKey` found in `text`, or the canonical
    form of the tool calls or of the object it wrote; None where there is nothing to compare. `thoughts` is what it
    shows of the reasoning that left no room for an answer. `stopped` says what ended it before its cap, where what was
    heard still counts; `silent`, why it is no evidence for or against its candidate.
    """

    layer: int
    candidate: str
    text: str
    finish_reason: str | None
    finished: bool
    answer: str | None
    tool_call_message: ToolCallMessage | None
    thoughts: str
    stopped: str
    silent: str
    usage: Usage
    usd: float | None
    seconds: float
    failure: Failure | None


class Ranking(TypedDict):
    """What the selector made of one layer's boots.

    `order` holds the candidates whose boots survived, best first; `scores` (0 to 1, higher is better) and `reasons`
    are by candidate; `notes` is what the selector wants to be known (seed, order flips, a fallback taken).
    """

    layer: int
    selector: str
    order: list[str]
    scores: dict[str, float]
    reasons: dict[str, str]
    notes: dict[str, str]


class Answer(TypedDict):
    """The full answer of one candidate, or why there is none.

    `usage` and `usd` are of this call alone: nothing for a boot that had finished, the rest for a continuation. Where
    it failed half-way, `text` is as much as was heard. `message_id` is the id under which its tokens were streamed, if
    they were.
    """

    layer: int
    candidate: str
    text: str
    finish_reason: str | None
    answer: str | None
    tool_call_message: ToolCallMessage | None
    via: Via
    usage: Usage
    usd: float | None
    seconds: float
    failure: Failure | None
    message_id: str | None


class Draft(TypedDict):
    """The intermediate answer of an inner layer, merged from the boots of `candidates`."""

    layer: int
    text: str
    candidates: list[str]


class Agreement(TypedDict):
    """How far the answers at hand agree: the largest group of equal answers, and all groups by their answer."""

    agreed: int
    answered: int
    leader: str | None
    groups: dict[str, list[str]]


class Allowance(TypedDict):
    """Limits of a run, a step or one task; None is unlimited."""

    usd: float | None
    tokens: int | None
    calls: int | None


class Spent(TypedDict):
    """Worst-case cost of some calls. `unpriced` counts the calls without a known price; they are not in `usd`."""

    usd: float
    tokens: int
    calls: int
    seconds: float
    unpriced: int


class WorstCase(TypedDict):
    """Worst case of one call, part of its `CallCost`. `max_usd` is None if the price is unknown."""

    max_tokens_used: int
    max_usd: float | None


UNLIMITED: Allowance = {"usd": None, "tokens": None, "calls": None}
"""An allowance without limits."""

NOTHING_SPENT: Spent = {"usd": 0.0, "tokens": 0, "calls": 0, "seconds": 0.0, "unpriced": 0}
"""The cost of no calls."""

NO_USAGE: Usage = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
    "estimated": False,
}
"""The usage of a call that was never made."""


def add_usage(*usages: Usage) -> Usage:
    """Add token counts up; the sum is estimated as soon as one part is."""
    return {
        "input_tokens": sum(u["input_tokens"] for u in usages),
        "output_tokens": sum(u["output_tokens"] for u in usages),
        "cached_tokens": sum(u["cached_tokens"] for u in usages),
        "reasoning_tokens": sum(u["reasoning_tokens"] for u in usages),
        "estimated": any(u["estimated"] for u in usages),
    }
