"""Aggregators without a model call: the best-ranked answer unchanged, and a weighted vote on the keys."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightrouter_graph.aggregators.base import Merged, passed_through
from lightrouter_graph.answer_keys import shared_fields
from lightrouter_graph.answer_keys.voting import NO_LABELS, count_votes
from lightrouter_graph.pool.opinions import opinion_labels, replies_of
from lightrouter_graph.query import Query
from lightrouter_graph.records import Answer


@dataclass(frozen=True, slots=True)
class TopRankedAggregator:
    """Return the answer of the best-ranked candidate; no model call."""

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:  # noqa: ARG002
        """Return the first answer.

        Args:
            query: The query; it is not read.
            answers: At least one answer, best-ranked first.
        """
        return passed_through(answers[0], "top_ranked")


@dataclass(frozen=True, slots=True)
class VoteAggregator:
    """Return the best-ranked answer among those with the winning key; no model call.

    Each answer votes with the prior score of its candidate; answers of one opinion, such as the same model twice,
    divide its vote. Ties fall to the better-ranked. An answer without a key has
    no vote; without any key the best-ranked answer is returned. Objects and tool calls have one vote each and are
    compared field by field: an answer adds to another's votes the share of fields that are equal, and the answer with
    most votes wins. Prior scores do not count there: if all objects differ, the ranking decides.

    Deviation from arXiv 2505.16221: the paper synthesizes. A vote returns an answer that a candidate wrote.
    """

    async def merge(self, query: Query, answers: Sequence[Answer]) -> Merged:
        """Count the votes.

        Args:
            query: The query; its prior scores are the weights of the votes.
            answers: At least one answer, best-ranked first.
        """
        by_field = query.request.wants_object or any(answer["tool_call_message"] is not None for answer in answers)
        opinions = opinion_labels(query.pool.opinions, replies_of(answers))
        votes = _field_votes(answers, opinions) if by_field else count_votes(answers, query.prior_scores, opinions)
        if not votes:
            return passed_through(answers[0], "top_ranked")
        # Keys are in rank order, so the first maximum is the best-ranked; rounding hides the order of addition.
        winner = max(votes, key=lambda key: round(votes[key], 9))
        chosen = next(answer for answer in answers if answer["key"] == winner)
        return passed_through(chosen, "vote")


def _field_votes(answers: Sequence[Answer], opinions: Mapping[str, str] = NO_LABELS) -> dict[str, float]:
    """Add the shares of equal fields for each key, keys in the rank order of their first answer."""
    keyed = [(opinions.get(a["candidate"], a["candidate"]), a["key"]) for a in answers if a["key"] is not None]
    shares = Counter(opinion for opinion, _ in keyed)
    keys = dict.fromkeys(key for _, key in keyed)
    return {key: sum(shared_fields(key, other) / shares[opinion] for opinion, other in keyed) for key in keys}
