"""`Aggregator` protocol: given the ranked answers, return one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer, ToolCallMessage


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged answer.

    Attributes:
        text: Answer for the user, or the draft of an inner layer.
        strategy: One word: vote, synthesis, top_ranked; agreement for equal answers, passthrough for a single one.
        candidate: Candidate or model that wrote the text.
        notes: A fallback and other facts about the merge.
        finish_reason: Finish reason of the text, in the provider's word.
        message_id: Id of the message that its tokens streamed under; None if they did not stream.
        tool_call_message: The whole reply, if it calls tools.
    """

    text: str
    strategy: str
    candidate: str
    notes: Mapping[str, str] = field(default_factory=dict)
    finish_reason: str | None = None
    message_id: str | None = None
    tool_call_message: ToolCallMessage | None = None


class Aggregator(Protocol):
    """Merges the answers of the last layer, or the boots of an inner one.

    It calls models with `query.ask`, and may have a method `planned`, as a `Selector` may.

    Source: arXiv 2505.16221, the aggregator.
    """

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Merge different answers.

        Args:
            query: The query; `query.final` is False for a draft.
            answers: n answers, n >= 2, best-ranked first; either all of them call tools, or none does.
        """
        ...


def passed_through(answer: Answer, strategy: str) -> Merged:
    """Return one `answer` unchanged.

    Args:
        answer: The only answer, the best-ranked one, or the winner of a vote.
        strategy: Why it is returned, a value of `Merged.strategy`.
    """
    return Merged(
        answer["text"],
        strategy,
        answer["candidate"],
        finish_reason=answer["finish_reason"],
        message_id=answer["message_id"],
        tool_call_message=answer["tool_call_message"],
    )
