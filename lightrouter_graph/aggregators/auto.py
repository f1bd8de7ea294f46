"""A vote where the answers settle the matter themselves, a synthesis where they do not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lightrouter_graph.aggregators.base import Aggregator, Merged
from lightrouter_graph.aggregators.llm import LLMAggregator
from lightrouter_graph.aggregators.vote import VoteAggregator
from lightrouter_graph.query import PlannedCall, Query, planned_calls
from lightrouter_graph.records import Answer


@dataclass(frozen=True, slots=True)
class AutoAggregator:
    """Vote when at least two answers are equal and most are comparable, and on objects; else synthesise.

    Args:
        synthesis: Who merges answers that a vote cannot decide.

    Deviation from arXiv 2505.16221: the vote, which needs no call.
    """

    synthesis: Aggregator = field(default_factory=LLMAggregator)

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Say what calls it makes: those of the synthesis, should no vote settle it."""
        return () if query.request.wants_object else planned_calls(self.synthesis, query, texts)

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Choose the cheaper way that is safe."""
        way = VoteAggregator() if query.request.wants_object or _a_vote_settles(answers) else self.synthesis
        return await way.merge(query, answers)


def _a_vote_settles(answers: Sequence[Answer]) -> bool:
    keys = [answer["answer"] for answer in answers if answer["answer"] is not None]
    return len(keys) > len(set(keys)) and 2 * len(keys) > len(answers)
