"""The seam: ranked answers in, one out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer, CallCost, ToolCallMessage


@dataclass(frozen=True, slots=True)
class Merged:
    """The one answer.

    Attributes:
        text: What the user gets, or in an inner layer the draft.
        strategy: In a word: vote, synthesis, best; agreement where all were equal, pass-through where there was one.
        candidate: Whose text it is, or who wrote it.
        call_costs: The model calls it took.
        notes: What should be known about it, such as a fallback taken.
        finish_reason: Why the writer of the text stopped, in its provider's word.
        message_id: The id under which its tokens were streamed, if they were.
        tool_call_message: The whole reply, where it calls tools.
    """

    text: str
    strategy: str
    candidate: str
    call_costs: tuple[CallCost, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    finish_reason: str | None = None
    message_id: str | None = None
    tool_call_message: ToolCallMessage | None = None


class Aggregator(Protocol):
    """Merges the answers of the last layer, or the boots of an inner one.

    What a `Selector` says of budgets holds here as well.

    Source: arXiv 2505.16221, the aggregator.
    """

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Merge at least two different answers, best-ranked first; either all of them call tools, or none does."""
        ...


def passed_through(answer: Answer, how: str) -> Merged:
    """Return one answer untouched."""
    return Merged(
        answer["text"],
        how,
        answer["candidate"],
        finish_reason=answer["finish_reason"],
        message_id=answer["message_id"],
        tool_call_message=answer["tool_call_message"],
    )
