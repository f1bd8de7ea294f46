"""A vote if the answers decide it themselves, else a synthesis."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lightrouter_graph.aggregators.base import Aggregator, Merged
from lightrouter_graph.aggregators.llm import LLMAggregator
from lightrouter_graph.aggregators.vote import VoteAggregator
from lightrouter_graph.answer_keys.voting import agreement_of
from lightrouter_graph.pool.opinions import opinion_labels, replies_of
from lightrouter_graph.query import PlannedCall, Query, planned_calls
from lightrouter_graph.records import Agreement, Answer


@dataclass(frozen=True, slots=True)
class AutoAggregator:
    """Vote if at least two answers are equal and most have a key, and on objects; else synthesize.

    Args:
        synthesis: Aggregator for answers that a vote cannot decide.

    Deviation from arXiv 2505.16221: the vote, which needs no call.
    """

    synthesis: Aggregator = field(default_factory=LLMAggregator)

    def planned(self, query: Query, texts: Sequence[str]) -> Sequence[PlannedCall]:
        """Return the calls of the synthesis of `texts`, in case no vote decides the `query`.

        Args:
            query: The query; its messages are the prompt that the answers are added to.
            texts: The answers, or texts of their maximum length while the budget is planned.
        """
        return () if query.request.wants_object else planned_calls(self.synthesis, query, texts)

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Vote if that is safe, else synthesize.

        Args:
            query: The query; `query.final` is False for a draft.
            answers: At least two answers, best-ranked first.
        """
        votes = query.request.wants_object or _vote_decides(
            agreement_of(answers, opinion_labels(query.pool.opinions, replies_of(answers))), answers
        )
        return await (VoteAggregator() if votes else self.synthesis).merge(query, answers)


def _vote_decides(agreement: Agreement, answers: Sequence[Answer]) -> bool:
    return agreement["agreed"] > 1 and 2 * sum(answer["key"] is not None for answer in answers) > len(answers)
