"""The records in the state: TypedDicts of JSON values, one per event of a run.

Studio shows them, strict checkpoints keep them, and they hold no `BaseMessage`, whose tokens would reach a parent's
stream.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NotRequired, cast

from langchain_core.messages import ToolCall
from typing_extensions import TypedDict

from lightrouter_graph.errors import warn_deprecated

Stage = Literal["boot", "select", "generate", "aggregate"]
"""Step of the method that a model call belongs to."""

Cause = Literal[
    "timeout",
    "cancelled",
    "slow_after_quorum",
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
"""Cause of a failed call. cancelled: the run stopped it because it was no longer needed. slow_after_quorum: the other
candidates had completed and the grace period was over. budget: its worst case exceeds the remaining budget. invalid:
the reply does not fit the tools or the schema of the request.
"""

Via = Literal["boot", "continuation", "regeneration", "direct"]
"""How a full answer was made: by the finished boot, a continued boot, a new call after a boot, or without a boot."""

CallOutcome = Literal["completed", "lost", "truncated", "not_sent", "cached"]
"""Outcome of a call. completed: it returned or was refused. lost: it was sent and no reply arrived. truncated: the
stream ended before the reply did. not_sent: no request was made. cached: a cache returned the reply at no cost.
"""


class Usage(TypedDict):
    """Token counts of one call, or of several added up. `estimated` is True if the provider did not report a part."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int
    """Part of `input_tokens` that the provider read from its prompt cache."""
    reasoning_tokens: int
    """Part of `output_tokens` that is reasoning."""
    cache_write_tokens: NotRequired[int]
    """Part of `input_tokens` that the provider wrote to its prompt cache; absent if it reported none."""
    cache_write_1h_tokens: NotRequired[int]
    """Part of `cache_write_tokens` that is kept for an hour, at a higher price; absent if there is none."""
    audio_input_tokens: NotRequired[int]
    """Part of `input_tokens` that is sound; absent if there is none."""
    audio_output_tokens: NotRequired[int]
    """Part of `output_tokens` that is sound; absent if there is none."""
    estimated: bool


class Failure(TypedDict):
    """Cause of a failed call; `message` contains no secret.

    `retry_after_s`: seconds until the next try, if the provider named them or the call was refused before it was sent.
    """

    cause: Cause
    message: str
    retry_after_s: NotRequired[float]


class CallCost(TypedDict):
    """Cost of one model call. `usd` is None, not 0, if the price is unknown.

    For a lost call only the prompt is counted, as an estimate; the bill estimates its output from completed calls.
    For a truncated call the received part is counted.
    """

    layer: int
    candidate: str
    stage: Stage
    outcome: CallOutcome
    cap: int | None
    """Cap on the output tokens; None for no cap."""
    output_price: float | None
    """USD per 1M output tokens; None if unknown."""
    usage: Usage
    usd: float | None
    max_tokens_used: int | None
    """Upper bound on the tokens if the provider reported none; else None."""
    max_usd: float | None
    """Upper bound on the USD if the provider reported no usage; else None."""
    seconds: float
    adaptations: NotRequired[list[str]]
    """Forms in which the request was sent because the endpoint refused others, such as "temperature left out"."""


class ToolCallMessage(TypedDict):
    """A reply that calls tools: the fields of the provider's `AIMessage` that the next turn needs."""

    content: str | list[str | dict[str, Any]]
    tool_calls: list[ToolCall]
    additional_kwargs: dict[str, Any]
    response_metadata: dict[str, Any]


class Boot(TypedDict):
    """The boot of one candidate in one layer, or the failure instead of it."""

    layer: int
    candidate: str
    text: str
    finish_reason: str | None
    """Finish reason in the provider's word."""
    finished: bool
    """True if the model ended the reply within the cap: `text` or `tool_call_message` is then its whole answer."""
    key: str | None
    """What answers are compared by: the short answer, canonical tool calls or a canonical object; None without one."""
    tool_call_message: ToolCallMessage | None
    reasoning: str
    """Reasoning text, if it left no tokens for an answer; else ""."""
    stop_reason: str
    """Why the call was stopped before its cap, if the received text still counts; else ""."""
    uninformative_reason: str
    """Why the boot is no evidence for or against its candidate; "" if it is."""
    usage: Usage
    usd: float | None
    seconds: float
    failure: Failure | None
    metadata: dict[str, Any]
    """What is known of the response beside its text, as far as present: `logprobs`, `system_fingerprint`, `model_name`,
    `repaired` (what was mended in it), `id` (of the reply)."""


class Opinion(TypedDict):
    """Whose opinion a candidate's answer is: that of a model, or of one of its samples."""

    model: str
    """Name of the first candidate of the same model."""
    sample: int
    """1 to `samples` of that model."""


class Ranking(TypedDict):
    """Result of the selector for the boots of one layer."""

    layer: int
    selector: str | None
    """Name of the selector; None if there was nothing to compare."""
    order: list[str]
    """Candidates with a boot, best first."""
    scores: dict[str, float]
    """Score by candidate, 0 to 1, higher is better."""
    reasons: dict[str, str]
    notes: dict[str, str]
    """Seed, order flips, a fallback, and other facts about the ranking."""


class Answer(TypedDict):
    """The full answer of one candidate, or the failure instead of it."""

    layer: int
    candidate: str
    text: str
    """The text; for a failed call the part that was received."""
    finish_reason: str | None
    key: str | None
    """What answers are compared by; None without one."""
    tool_call_message: ToolCallMessage | None
    via: Via
    usage: Usage
    """Tokens of this call alone: zero for a finished boot, the rest for a continuation."""
    usd: float | None
    seconds: float
    failure: Failure | None
    message_id: str | None
    """Id of the message that its tokens streamed under; None if they did not stream."""
    metadata: dict[str, Any]
    """As in `Boot`."""


class Draft(TypedDict):
    """Intermediate answer of an inner layer, merged from the boots of `candidates`."""

    layer: int
    text: str
    candidates: list[str]


class Agreement(TypedDict):
    """Agreement of the complete answers. Candidates that share an opinion, such as the same model, count once."""

    agreed: int
    """Number of opinions in the largest group."""
    answered: int
    """Number of opinions among the answers."""
    leader: str | None
    """Key of the largest group."""
    groups: dict[str, list[str]]
    """Candidates by key."""


class RenamedKeys(dict[str, Any]):
    """A record that code of version 0.1 can read by its old keys, with a `DeprecationWarning`."""

    what: ClassVar[str] = "the record key {!r}"
    renamed: ClassVar[Mapping[str, str]] = {
        "answer": "key",
        "proposal": "tool_call_message",
        "thoughts": "reasoning",
        "stopped": "stop_reason",
        "silent": "uninformative_reason",
    }

    def __missing__(self, key: str) -> Any:
        new = self.renamed.get(key)
        if new is None or new not in self:
            raise KeyError(key)
        warn_deprecated(self.what.format(key), repr(new))
        return self[new]


def with_old_keys(record: Any) -> Any:
    """Return a boot or an answer that parts of version 0.1 can read by its old keys.

    Args:
        record: A record of the state.
    """
    return RenamedKeys(record)


class Allowance(TypedDict):
    """Limits of a run, a step or one task; None is unlimited."""

    usd: float | None
    tokens: int | None
    calls: int | None


class Spent(TypedDict):
    """Worst-case cost of some calls. Calls without a known price are not in `usd`."""

    usd: float
    tokens: int
    calls: int
    seconds: float


class WorstCase(TypedDict):
    """Worst case of one call, part of its `CallCost`. `max_usd` is None if the price is unknown."""

    max_tokens_used: int
    max_usd: float | None


UNLIMITED: Allowance = {"usd": None, "tokens": None, "calls": None}
"""An allowance without limits."""

NOTHING_SPENT: Spent = {"usd": 0.0, "tokens": 0, "calls": 0, "seconds": 0.0}
"""The cost of no calls."""

NO_USAGE: Usage = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cached_tokens": 0,
    "reasoning_tokens": 0,
    "estimated": False,
}
"""Usage of a call that was not sent."""


RARE_USAGE = ("cache_write_tokens", "cache_write_1h_tokens", "audio_input_tokens", "audio_output_tokens")
"""Fields of `Usage` that are absent if they are 0."""


def add_usage(*usages: Usage) -> Usage:
    """Add token counts; the sum is estimated if one part is."""
    added: Usage = {
        "input_tokens": sum(u["input_tokens"] for u in usages),
        "output_tokens": sum(u["output_tokens"] for u in usages),
        "cached_tokens": sum(u["cached_tokens"] for u in usages),
        "reasoning_tokens": sum(u["reasoning_tokens"] for u in usages),
        "estimated": any(u["estimated"] for u in usages),
    }
    rare = {name: sum(cast("Mapping[str, int]", u).get(name, 0) for u in usages) for name in RARE_USAGE}
    return cast("Usage", {**added, **{name: count for name, count in rare.items() if count}})
